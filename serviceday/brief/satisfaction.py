"""How satisfied households are: an average of ratings, always with their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serviceday.brief.facts import SurveyFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Satisfaction:
    """Over the surveys of a day."""

    average: float  # 1..5
    rated: int  # households that gave a rating
    handed_out: int  # codes


def satisfaction(surveys: Sequence[SurveyFacts]) -> Satisfaction | None:
    """None where no household has rated."""
    ratings = [rating for entry in surveys for answer in entry.answers if (rating := entry.rating(answer)) is not None]
    if not ratings:
        return None
    return Satisfaction(
        average=sum(ratings) / len(ratings),
        rated=len(ratings),
        handed_out=sum(entry.handed_out for entry in surveys),
    )

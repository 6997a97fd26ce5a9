"""Is enough known of an asset to say anything about it? No data is not good news, and little data is little news."""

from __future__ import annotations

from facility.assessments import Knowledge
from facility.i18n.phrases import Text
from models import wording
from models.assessment.extraction import LONGEST_HISTORY, SensorView

FIRST_WEEK = 7.0  # days: before that nothing is compared with anything, and only a limit speaks
ENOUGH_DAYS = 14.0  # of history before "nothing unusual" means something
ENOUGH_COVERAGE = 0.5
DAY_HOURS = 24
PLAIN_HOURS = 48  # below it a span is told in hours


def span(days: float) -> Text:
    """A length of history in words: less than an hour, 5 hours, 12 days."""
    hours = int(days * DAY_HOURS)
    if hours < 1:
        return wording.say("span_minutes")
    if hours < PLAIN_HOURS:
        return wording.say("span_hour" if hours == 1 else "span_hours", count=hours)
    return wording.say("span_days", count=int(days))


def insufficiency(view: SensorView, comparable: bool, judged: bool) -> tuple[Knowledge, Text] | None:
    """Why an asset of which nothing unusual was noticed can't be called well; None if it can.

    `comparable`: some series of it has a past to be compared with; `judged`: it has series that can be bad at all.
    """
    if not view.heard:
        if view.looked_back < LONGEST_HISTORY:
            return Knowledge.NEVER_HEARD, wording.say("never_heard")
        return Knowledge.NEVER_HEARD, wording.say("not_heard", days=LONGEST_HISTORY)
    if not judged:
        return Knowledge.NOT_ASSESSED, wording.say("unjudged")
    if view.days < ENOUGH_DAYS:
        key = "too_young_attended" if view.attended else "too_young"
        words = wording.say(key, have=span(view.days), need=span(ENOUGH_DAYS))
        return Knowledge.TOO_LITTLE, words
    if not comparable:
        return Knowledge.TOO_LITTLE, wording.say("too_few", have=span(view.days))
    if view.coverage < ENOUGH_COVERAGE:
        return Knowledge.TOO_LITTLE, wording.say("unknown", coverage=round(100 * view.coverage))
    return None

"""What makes a brief that follows a published one its correction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from facility.errors import CannotDo
from facility.i18n.phrases import Text
from serviceday.brief.content import Brief
from serviceday.brief.correction import Change, Correction, figure_changes
from serviceday.brief.figures import masked
from serviceday.brief.phrases import PHRASES

LONGEST = 500  # characters of a reason


def changes(published: Brief, recount: Brief) -> tuple[Change, ...]:
    """Everything that a new count of the same day has otherwise than what was published."""
    scope = [
        Change(key=f"scope_{key}", label=PHRASES[f"changed_{key}"], before=before, after=after)
        for key, before, after in (
            ("list", str(published.list or ""), str(recount.list or "")),
            ("theme", published.theme, recount.theme),
            ("sites", ", ".join(published.sites), ", ".join(recount.sites)),
            ("people", ", ".join(published.people), ", ".join(recount.people)),
        )
        if before != after
    ]
    return (*scope, *figure_changes(published.figures, recount.figures))


def corrected(published: Brief, recount: Brief, *, why: str, who: str, at: datetime) -> Brief:
    """The brief that follows a published one, and says so. Raises `CannotDo` without a reason or a difference.

    Figures of the moment of counting go on by themselves; where nothing else differs there is nothing to correct.
    """
    reason, signature = " ".join(why.split()), " ".join(who.split())
    if not reason or not signature:
        raise CannotDo("a correction without a reason or a name", "Give --why TEXT and --by NAME")
    if max(len(reason), len(signature)) > LONGEST:
        longest = max(len(reason), len(signature))
        raise CannotDo("a text of {count} characters; at most {most}", "Shorten it", count=longest, most=LONGEST)
    differences = changes(published, recount)
    if all(change.of_the_moment for change in differences):
        raise CannotDo(
            "nothing of the brief of {day} counts otherwise now",
            "Record what was wrong first (`serviceday day result`, `day resolve`, `finding correct`), then correct",
            day=published.day,
        )
    correction = Correction(
        number=len(published.corrections) + 1,
        at=at,
        who=masked(signature),
        why=masked(reason),
        changes=differences,
    )
    return replace(
        recount,
        corrections=(*published.corrections, correction),
        pictures=recount.pictures or published.pictures,
    )


def spoken(change: Change) -> Text:
    """A change in one line: before -> after."""
    nothing = PHRASES["not_there"]
    before = Text(zh=change.before, en=change.before) if change.before else nothing
    after = Text(zh=change.after, en=change.after) if change.after else nothing
    return PHRASES["change_line"].filled(label=change.label, before=before, after=after)

"""Plans of an opened installation: the service with this moment and place, and what is believed on a day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from commands.app import options
from commands.app.messages import say
from commands.app.output import progress

if TYPE_CHECKING:
    from commands.installation import Installation
    from facility.assessments import Assessment
    from facility.records import Records
    from serviceday.planning import Planning
    from serviceday.planning.planner import Progress

FRESH = timedelta(days=7)  # an older assessment does not speak for a service day


def planning(records: Records, timezone: ZoneInfo) -> Planning:
    """The planning of an installation: registry, dates and assessments as they are now."""
    from serviceday.planning import Planning

    return Planning(records, now=datetime.now(UTC), timezone=timezone)


def beliefs(
    here: Installation, day: date, place: ZoneInfo, *, kind: str = "", quiet: bool = False
) -> dict[str, Assessment]:
    """What was believed shortly before the service day: as kept, or assessed now from what was known before it."""
    from commands.recalling import alarmed
    from commands.score import assessments
    from facility.standing import in_use

    morning = options.midnight(day, place)
    moment = min(morning, datetime.now(UTC))
    wanted = {
        asset.id for asset in in_use(here.assets(kind), here.records.trail.spells(), moment.astimezone(place).date())
    }
    kept = {
        asset: assessment
        for asset, assessment in here.records.assessments.latest().items()
        if asset in wanted and moment - FRESH <= assessment.as_of <= moment
    }
    if len(kept) == len(wanted):
        return {assessment.asset: assessment for assessment in alarmed(here, list(kept.values()), now=moment)}
    fresh = assessments(here, as_of=moment, horizon=FRESH, timezone=place, kind=kind, quiet=quiet)
    here.records.assessments.put(fresh)
    return {assessment.asset: assessment for assessment in fresh}


@contextmanager
def shown_progress(label: str = "", *, quiet: bool = False) -> Iterator[Progress]:
    """A line of progress while a plan is made."""
    with progress(quiet) as shown:
        task = shown.add_task(label or say("plan.progress"), total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)

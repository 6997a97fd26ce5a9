"""`evaluate --simulate N`: fleets nobody has tuned on, assessed day after day and judged on events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from commands.app.messages import say
from commands.app.output import progress, show_json, show_table, tell
from facility.errors import CannotDo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from commands.trials import Trial
    from facility.assessments import Assessment
    from facility.store import Store
    from models.detectors import Detector
    from models.evaluation.event_metrics import EventFigures, Watch

ZONE = ZoneInfo("Asia/Shanghai")
ENDS = ((2026, 3, 5), (2026, 7, 15), (2026, 10, 6))  # winter and its festival, summer, autumn and its holidays
WATCHED = timedelta(days=21)  # of each history, at most half of it
TWO_HOURS = timedelta(hours=2)
MODE_COLUMNS = ("mode", "trouble", "events", "listed", "found", "named", "delay", "onset_error", "onset_error_90")
LIST_SHARE = 0.2  # of the fleet: what two people look at in a day of a fleet of sixty


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPlan:
    """Which fleets, and how often each is looked at."""

    fleets: int
    first_seed: int
    assets: int = 60
    history: timedelta = timedelta(days=45)
    every_days: int = 1
    faults: float = 0.125
    confounders: bool = True
    horizon: timedelta = timedelta(days=7)
    timezone: ZoneInfo = ZONE


def run_trials(
    plan: TrialPlan, *, detectors: Sequence[Detector] | None = None, quiet: bool = False
) -> tuple[EventFigures, list[Watch]]:
    """Make, assess and judge every fleet of a plan."""
    from commands.trials import make_trial
    from models.assessment.memory import Memory
    from models.assessment.pipeline import assess
    from models.evaluation.event_metrics import onsets_moved, sum_up, watch

    if plan.history < timedelta(days=14):
        raise CannotDo("a history this short has nothing to learn from", "Ask for --history 14d or more")
    days = range(min(WATCHED, plan.history / 2).days, -1, -plan.every_days)
    watches = []
    with progress(quiet) as shown:
        task = shown.add_task(say("evaluate.simulating"), total=plan.fleets * len(days))
        for number in range(plan.fleets):
            end = datetime(*ENDS[number % len(ENDS)], tzinfo=UTC)
            trial = make_trial(
                assets=plan.assets,
                history=plan.history,
                end=end,
                seed=plan.first_seed + number,
                timezone=plan.timezone,
                faults=plan.faults,
                confounders=plan.confounders,
            )

            def look(moment: datetime, before: Sequence[Assessment], trial: Trial = trial) -> list[Assessment]:
                memory = Memory(before={assessment.asset: assessment for assessment in before if assessment.flagged})
                return assess(
                    cast("Store", trial.hours),
                    trial.assets,
                    as_of=moment,
                    horizon=plan.horizon,
                    timezone=plan.timezone,
                    detectors=detectors,
                    memory=memory,
                )

            believed: list[list[Assessment]] = []
            for back in days:
                believed.append(look(end - timedelta(days=back), believed[-1] if believed else ()))
                shown.advance(task)
            earlier = look(end - TWO_HOURS, believed[-2] if len(believed) > 1 else ())
            onsets, moved = onsets_moved(earlier, look(end, earlier))
            size = max(1, round(LIST_SHARE * plan.assets))
            watched = watch(believed, trial.truth, list_size=size, horizon=plan.horizon)
            watches.append(replace(watched, onsets=onsets, onsets_moved=moved))
    return sum_up(watches), watches


def show_trials(plan: TrialPlan, *, as_json: bool) -> None:
    """The figures of simulated fleets as tables."""
    figures, _ = run_trials(plan, quiet=as_json)
    if as_json:
        show_json(figures.as_dict())
        return
    tell(
        say(
            "evaluate.trials_done",
            fleets=figures.fleets,
            assets=plan.assets,
            first=plan.first_seed,
            last=plan.first_seed + plan.fleets - 1,
            events=figures.events,
            found=f"{figures.recall:.0%}",
            listed=f"{figures.listed:.0%}",
            precision=f"{figures.precision:.0%}",
            false=f"{figures.false_flags_per_asset_week:.4f}",
            lead=_days(figures.lead_days),
            share=f"{figures.lead_share:.0%}" if figures.lead_share is not None else "–",
        )
    )
    tell(
        say(
            "evaluate.onset",
            median=_days(figures.onset_error),
            worst=_days(figures.onset_error_90),
            moved=f"{figures.onsets_moved:.1%}",
        )
    )
    show_table(
        say("evaluate.modes"),
        [say(f"column.{name}") for name in MODE_COLUMNS],
        [
            (
                events.mode,
                say(f"evaluate.trouble.{events.trouble}"),
                events.events,
                events.listed,
                events.found,
                events.named,
                _days(events.delay),
                _days(events.onset_error),
                _days(events.onset_error_90),
            )
            for events in figures.modes
        ],
        right=[2, 3, 4, 5, 6, 7, 8],
    )
    kinds = list(figures.confusion)
    show_table(
        say("evaluate.confusion"),
        [say("column.truth"), *(say(f"evaluate.told.{kind}") for kind in kinds)],
        [(say(f"evaluate.so.{so}"), *(row[kind] for kind in kinds)) for so, row in figures.confusion.items()],
        right=[1, 2, 3],
    )
    show_table(
        say("evaluate.trials_reliability", brier=f"{figures.brier:.4f}", base=f"{figures.brier_of_base_rate:.4f}"),
        [say("column.stated"), say("column.came"), say("column.cases")],
        [(f"{stated:.1%}", f"{came:.1%}", cases) for stated, came, cases in figures.reliability],
        right=[0, 1, 2],
    )


def _days(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"

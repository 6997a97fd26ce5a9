"""`evaluate`: how good the models are, against a truth file or against what came about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import progress, show_json, show_table, tell
from facility.errors import CannotParse

if TYPE_CHECKING:
    from commands.installation import Installation


def evaluate(
    data: options.Data = options.DATA,
    truth: Annotated[Path | None, typer.Option("--truth", help=say("evaluate.truth"), metavar="FILE")] = None,
    as_of: Annotated[str, typer.Option("--as-of", help=say("rank.as_of"), metavar="DATE")] = "",
    label: Annotated[str, typer.Option("--label", help=say("option.label"), metavar="RULE")] = "",
    first: Annotated[str, typer.Option("--from", help=say("evaluate.from"), metavar="DATE")] = "",
    last: Annotated[str, typer.Option("--to", help=say("evaluate.to"), metavar="DATE")] = "",
    every: Annotated[str, typer.Option("--every", help=say("evaluate.every"), metavar="SPAN")] = "7d",
    horizon: Annotated[str, typer.Option("--horizon", help=say("option.horizon"), metavar="SPAN")] = "7d",
    kind: options.Kind = "",
    timezone: options.Zone = options.ZONE,
    simulate: Annotated[int, typer.Option("--simulate", help=say("evaluate.simulate"), metavar="N", min=0)] = 0,
    assets: Annotated[int, typer.Option("--assets", help=say("simulate.assets"), min=1)] = 60,
    history: Annotated[str, typer.Option("--history", help=say("simulate.history"), metavar="SPAN")] = "45d",
    faults: Annotated[float, typer.Option("--faults", help=say("simulate.faults"), min=0, max=1)] = 0.125,
    seed: Annotated[int, typer.Option("--seed", help=say("option.seed"))] = 0,
    as_json: options.Json = False,
) -> None:
    """Judge the models."""
    from commands.installation import installation

    place = options.zone(timezone)
    if simulate:
        from commands.trial_evaluation import TrialPlan, show_trials

        plan = TrialPlan(
            fleets=simulate,
            first_seed=seed,
            assets=assets,
            history=options.span(history),
            faults=faults,
            horizon=options.span(horizon),
            timezone=place,
        )
        show_trials(plan, as_json=as_json)
        return
    with installation(data) as here:
        if label:
            if not (first and last):
                raise CannotParse("--label needs --from and --to", "Name the first and the last service day")
            _week_by_week(here, label, first, last, every, horizon, kind, place, seed, as_json)
        else:
            _against_truth(here, truth, as_of, horizon, kind, place, as_json)


def _week_by_week(
    here: Installation,
    label: str,
    first: str,
    last: str,
    every: str,
    horizon: str,
    kind: str,
    place: ZoneInfo,
    seed: int,
    as_json: bool,
) -> None:
    from facility.catalogue.catalogue import catalogue
    from models.evaluation.backtest import FIGURES, walk_forward
    from models.outages.label import parse_label

    with progress(as_json) as shown:
        task = shown.add_task(say("evaluate.progress"), total=None)
        walk = walk_forward(
            here.store,
            here.assets(kind),
            first=options.day(first),
            last=options.day(last),
            timezone=place,
            label=parse_label(label, catalogue()),
            horizon=options.span(horizon),
            every=max(1, round(options.span(every) / timedelta(days=1))),
            seed=seed,
            on_progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    if as_json:
        show_json(walk.as_dict())
        return
    sides = (walk.model, walk.decayed_count, walk.random)
    show_table(
        say("evaluate.weeks", label=walk.label, days=len(walk.days), first=walk.days[0].day, last=walk.days[-1].day),
        [say("column.figure"), say("column.model"), say("column.baseline"), say("column.random")],
        [(say(f"evaluate.{name}"), *(f"{getattr(side, name):.3f}" for side in sides)) for name in FIGURES],
        right=[1, 2, 3],
    )
    for name, gain in walk.gain.items():
        tell(
            say(
                "evaluate.gain",
                figure=say(f"evaluate.{name}"),
                mean=f"{gain.mean:+.3f}",
                low=f"{gain.low:+.3f}",
                high=f"{gain.high:+.3f}",
            )
        )
    tell(say("evaluate.brier", brier=f"{walk.brier:.4f}", base=f"{walk.brier_of_base_rate:.4f}"))
    show_table(
        say("evaluate.reliability"),
        [say("column.said"), say("column.came"), say("column.count")],
        [(f"{said:.1%}", f"{came:.1%}", count) for said, came, count in walk.reliability],
        right=[0, 1, 2],
    )


def _against_truth(
    here: Installation, truth: Path | None, as_of: str, horizon: str, kind: str, place: ZoneInfo, as_json: bool
) -> None:
    from commands.score import assessments
    from models.evaluation.ranking_metrics import evaluate as judge
    from models.evaluation.ranking_metrics import read_truth

    faults = read_truth(truth or here.folder.truth / "faults.csv")
    moment = options.midnight(options.day(as_of), place) if as_of else datetime.now(UTC)
    newest = here.store.size().last
    if not as_of and newest is not None:
        moment = min(moment, newest)
    believed = assessments(here, as_of=moment, horizon=options.span(horizon), timezone=place, kind=kind, quiet=as_json)
    judged = judge(believed, faults, as_of=moment)
    if as_json:
        show_json(judged.as_dict())
        return
    tell(
        say(
            "evaluate.truth_done",
            assets=judged.assets,
            faulty=judged.faulty,
            hits=judged.hits,
            precision=f"{judged.precision:.0%}",
            flagged=judged.flagged,
            recall=f"{judged.recall:.0%}",
            wrong=judged.false_flags,
        )
    )
    show_table(
        say("evaluate.modes"),
        [say("column.mode"), say("column.trouble"), say("column.faulty"), say("column.found"), say("column.named")],
        [
            (figures.mode, say(f"evaluate.trouble.{figures.trouble}"), figures.faulty, figures.hits, figures.named)
            for figures in judged.modes
        ],
        right=[2, 3, 4],
    )

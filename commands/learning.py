"""Learning a label and ranking by it: which of the two kinds of model a label asks for, class by class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from facility.errors import CannotDo

if TYPE_CHECKING:
    from commands.installation import Installation
    from facility.assessments import Assessment
    from facility.estate import Asset
    from models.labels.target import Target
    from models.outages.label import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of a training: data before `until`, to look so far ahead."""

    until: datetime
    horizon: timedelta
    timezone: ZoneInfo
    seed: int


def taught_label(
    here: Installation, words: str, kind: str, request: Request, on_progress: Callable[[int, int], None]
) -> list[tuple[dict[str, Any], Path]]:
    """Train a label for every class that has it: cards with the folders of their models.

    Raises `CannotDo` if no class can be taught, with the first class's reason.
    """
    from facility.catalogue.catalogue import catalogue
    from facility.label_events import LabelEvents
    from models.labels.label_model import FOLDER
    from models.labels.training import train_label

    assets = here.assets(kind)
    events = LabelEvents(here.folder.events)
    target = _target(here, words, assets)
    outages = _outage_label(here, target, assets)
    if outages is not None:
        from models.outages.training import train

        trained = train(
            here.store,
            assets,
            until=request.until,
            label=outages,
            horizon=request.horizon,
            timezone=request.timezone,
            folder=here.folder.models,
            seed=request.seed,
            on_progress=on_progress,
        )
        card = {"version": trained.version, "label": str(trained.label), **trained.card}
        return [(card, here.folder.models / trained.version)]
    taught: list[tuple[dict[str, Any], Path]] = []
    refused: CannotDo | None = None
    for mine in _by_class(assets).values():
        try:
            model = train_label(
                here.store,
                mine,
                target,
                events.read(target.name),
                catalogue(),
                until=request.until,
                horizon=request.horizon,
                timezone=request.timezone,
                folder=here.folder.models,
                seed=request.seed,
                on_progress=on_progress,
            )
        except CannotDo as error:
            refused = refused or error
            continue
        if model is not None:
            taught.append((model.summary(), here.folder.models / FOLDER / model.version))
    if not taught:
        raise refused or CannotDo(
            "there is nothing of {label} before {until:%Y-%m-%d} to learn from",
            "Bring it in with `serviceday import readings` or `serviceday import events`",
            label=str(target),
            until=request.until,
        )
    return taught


def ranked_by(
    here: Installation,
    labels: Sequence[str],
    *,
    as_of: datetime,
    horizon: timedelta,
    timezone: ZoneInfo,
    kind: str = "",
) -> tuple[list[Assessment], list[str]]:
    """Assets in the order of how likely any of the labels is, and those of which nothing is to be foreseen.

    Raises `CannotDo` if a label was never trained on days before `as_of`.
    """
    from facility.catalogue.catalogue import catalogue
    from facility.label_events import LabelEvents
    from facility.standing import in_use
    from models.assessment.ranking import ordered
    from models.labels.label_model import newest
    from models.labels.ranking import LabelRanking, combined, rank_by
    from models.labels.records import horizon_days

    assets = in_use(here.assets(kind), here.records.trail.spells(), as_of.astimezone(timezone).date())
    classes = _by_class(assets)
    events = LabelEvents(here.folder.events)
    parts: list[LabelRanking] = []
    for words in labels:
        target = _target(here, words, assets)
        day = as_of.astimezone(timezone).date()
        models = newest(here.folder.models, target, horizon_days(horizon), day, list(classes))
        whole = LabelRanking(assessments=[], gone=[])
        for model in models:
            part = rank_by(
                here.store,
                classes[model.kind],
                model,
                events.read(target.name),
                catalogue(),
                as_of=as_of,
                horizon=horizon,
                timezone=timezone,
            )
            whole = LabelRanking(assessments=[*whole.assessments, *part.assessments], gone=[*whole.gone, *part.gone])
        if not models:
            whole = _by_outages(here, target, assets, as_of, horizon, timezone)
        parts.append(whole)
    result = combined(parts)
    return ordered(result.assessments), result.gone


def _by_outages(
    here: Installation, target: Target, assets: list[Asset], as_of: datetime, horizon: timedelta, timezone: ZoneInfo
) -> Any:
    """Of a label that was learned from histories of outages alone. Raises `CannotDo` if it never was."""
    from models.assessment.pipeline import assess
    from models.assessment.ranking import running
    from models.labels.ranking import LabelRanking
    from models.outages.label import DEFAULT_LABEL
    from models.outages.trained_model import kept, newest_of

    day = as_of.astimezone(timezone).date()
    if not any(card["label"] == str(target) for card in kept(here.folder.models)):
        raise CannotDo(
            "label {label} was never trained on days before {day}",
            "Run `serviceday train --until {day} --label {words!r}`",
            label=str(target),
            day=day,
            words=str(target),
        )
    model = newest_of(here.folder.models, day, str(target))
    if model is None and str(target) != str(DEFAULT_LABEL):
        raise CannotDo(
            "no model of {label} was proven on days before {day}",
            "See `serviceday models`; train on a longer past, or rank without --label",
            label=str(target),
            day=day,
        )
    every = assess(here.store, assets, as_of=as_of, horizon=horizon, timezone=timezone, model=model)
    there = running(every)
    present = {assessment.asset for assessment in there}
    return LabelRanking(
        assessments=there, gone=[assessment.asset for assessment in every if assessment.asset not in present]
    )


def _target(here: Installation, words: str, assets: Sequence[Asset]) -> Target:
    from facility.catalogue.catalogue import catalogue
    from facility.label_events import LabelEvents
    from models.labels.target import parse_target

    return parse_target(words, catalogue(), {asset.kind for asset in assets}, LabelEvents(here.folder.events).names())


def _outage_label(here: Installation, target: Target, assets: Sequence[Asset]) -> Label | None:
    """The label as one of outages, where these assets tell nothing but minutes out of service a day."""
    from facility.catalogue.catalogue import catalogue
    from models.labels.target import Form
    from models.outages.forecast import outage_channels
    from models.outages.label import parse_label

    if target.form is not Form.RULE or target.channel not in outage_channels(catalogue()):
        return None
    told = set(here.store.latest(assets=[asset.id for asset in assets])["channel"].unique())
    return parse_label(str(target), catalogue()) if told <= {target.channel} else None


def _by_class(assets: Sequence[Asset]) -> dict[str, list[Asset]]:
    from facility.catalogue.catalogue import catalogue

    known = catalogue()
    out: dict[str, list[Asset]] = {}
    for asset in assets:
        if asset.kind in known:
            out.setdefault(asset.kind, []).append(asset)
    return out

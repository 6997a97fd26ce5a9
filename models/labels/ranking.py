"""Rank the assets of a class by one or several labels, from readings and events before a day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from facility.assessments import Assessment, Evidence, Knowledge, Trouble
from facility.catalogue.catalogue import Catalogue
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.label_events import LabelEvent
from facility.store import Store
from models import wording
from models.labels.history import SILENT, Calendar, LabelHistory, from_channel, from_events
from models.labels.label_model import LabelModel, over
from models.labels.lessons import Lessons
from models.labels.target import Form
from models.statistics import FloatArray
from models.wear.daily_table import DailyTable, read_daily
from models.wear.standing import PRIOR, Standing, standings
from models.wear.wear import Wear

FLAG_AT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRanking:
    """`assessments` of those of which something can be foreseen; `gone`: it is so already, or they are silent."""

    assessments: list[Assessment]
    gone: list[str]


def rank_by(
    store: Store,
    assets: Sequence[Asset],
    model: LabelModel,
    events: Sequence[LabelEvent],
    catalogue: Catalogue,
    *,
    as_of: datetime,
    horizon: timedelta,
    timezone: ZoneInfo,
) -> LabelRanking:
    """What a model says of the assets of its class."""
    kind = catalogue[model.kind]
    keys = dict.fromkeys((*model.channels, *((model.target.channel,) if model.target.channel else ())))
    channels = [kind.channels[key] for key in keys if key in kind.channels]
    every = read_daily(store, assets, channels or tuple(kind.channels.values()), end=as_of, timezone=timezone)
    silent = [asset.id for asset in assets]
    if every is None:
        return LabelRanking(assessments=[], gone=silent)
    place = {channel.key: number for number, channel in enumerate(every.channels)}
    table = None
    if model.channels and all(key in place for key in model.channels):
        table = DailyTable(
            assets=every.assets,
            channels=tuple(kind.channels[key] for key in model.channels),
            first=every.first,
            values=every.values[:, :, [place[key] for key in model.channels]],
        )
    calendar = Calendar(assets=every.assets, first=every.first, heard=every.heard, end=as_of, timezone=timezone)
    history = _history(store, calendar, model, events, catalogue)
    day = history.days
    chosen = ~history.over
    lessons = Lessons(history=history, table=table, horizon=model.horizon_days, traits=model.traits)
    rows = lessons.rows(
        [day], model.wear, chosen[:, None], np.zeros((len(chosen), 1), dtype=np.bool_), repeats=model.repeats
    )
    days = horizon / timedelta(days=1)
    likely = model.probability(rows)
    if likely is not None:
        likely = np.clip(over(likely, model.horizon_days, days), 1e-4, 1 - 1e-4)
    worn = model.wear.wear(table, [day]) if model.wear is not None and table is not None else None
    lately = chosen & (history.silent < SILENT)
    standing = standings(worn, chosen, lately, days) if worn is not None else None
    voices = _Told(model, history, worn, standing, as_of, days)
    there = [history.assets[row] for row in rows.asset]
    absent = sorted({asset.id for asset in assets} - {asset.id for asset in there})
    return LabelRanking(
        assessments=[
            voices.assessment(int(row), None if likely is None else float(likely[at]), _usual(likely))
            for at, row in enumerate(rows.asset)
        ],
        gone=absent,
    )


def combined(parts: Sequence[LabelRanking]) -> LabelRanking:
    """Several labels of the same assets: how likely any of them is, each reason beside the other.

    What one label has taken away another may still foresee: an asset is gone only if it is for all.
    """
    by_asset: dict[str, list[Assessment]] = {}
    for part in parts:
        for assessment in part.assessments:
            by_asset.setdefault(assessment.asset, []).append(assessment)
    out = []
    for group in by_asset.values():
        first = max(group, key=lambda assessment: assessment.probability)
        if len(group) == 1:
            out.append(first)
            continue
        none = math.prod(1 - assessment.probability for assessment in group)
        probability = min(max(1 - none, 1e-6), 1 - 1e-6)
        ordered = sorted(group, key=lambda assessment: -assessment.probability)
        out.append(
            replace(
                first,
                probability=probability,
                score=math.log(probability / (1 - probability)),
                flagged=probability >= FLAG_AT,
                model="+".join(assessment.model for assessment in group),
                evidence=tuple(e for assessment in ordered for e in assessment.evidence),
                reason=Text(
                    zh="；".join(assessment.reason.zh for assessment in ordered),
                    en="; ".join(assessment.reason.en for assessment in ordered),
                ),
            )
        )
    absent = set.intersection(*(set(part.gone) for part in parts)) if parts else set()
    return LabelRanking(assessments=out, gone=sorted(absent - set(by_asset)))


@dataclass(frozen=True, slots=True)
class _Told:
    """What is said of each asset."""

    model: LabelModel
    history: LabelHistory
    worn: Wear | None
    standing: Standing | None
    as_of: datetime
    days: float

    def assessment(self, row: int, probability: float | None, usual: float) -> Assessment:
        label = str(self.model.target)
        sure = probability
        if sure is None:
            sure = float(self.standing.probability[row]) if self.standing is not None else PRIOR
        reason = self._reason(row, label, probability, usual)
        odds = math.log(sure / (1 - sure))
        if probability is None and self.standing is not None:
            odds = float(self.standing.score[row])
        evidence = Evidence(
            channel=self.model.target.channel or label,
            detector="history",
            trouble=Trouble.EQUIPMENT,
            pattern="history",
            since=None,
            value=float(self.worn.index[row, 0]) if self.worn is not None else 0.0,
            expected=0.0,
            score=max(0.0, math.log(sure / max(usual, 1e-6))) if probability is not None else 0.0,
            crosses_limit_at=None,
            sentence=reason,
        )
        return Assessment(
            asset=self.history.assets[row].id,
            as_of=self.as_of,
            horizon_days=self.days,
            probability=sure,
            sensor_probability=0.02,
            flagged=probability is not None and probability >= FLAG_AT,
            score=odds,
            mode="",
            reason=reason,
            coverage=1.0 if self.history.silent[row] < SILENT else 0.0,
            model=self.model.version,
            evidence=(evidence,),
            state=Knowledge.ASSESSED,
        )

    def _reason(self, row: int, label: str, probability: float | None, usual: float) -> Text:
        if probability is None:
            head = wording.say("label_order", label=label)
        else:
            head = wording.say(
                "label_likely",
                label=label,
                own=_percent(probability),
                usual=_percent(usual),
                horizon=f"{self.days:g}",
            )
        events = int(self.history.begun[row].sum())
        parts = [head]
        if self.model.repeats and events:
            last = int(np.flatnonzero(self.history.came[row])[-1])
            parts.append(wording.say("label_came", count=events, ago=self.history.days - last))
        if self.standing is not None and not np.isnan(self.standing.index[row]):
            parts.append(self.standing.sentence(row))
        if self.history.silent[row] >= SILENT:
            parts.append(wording.say("label_silent", days=int(self.history.silent[row])))
        return Text(zh="；".join(part.zh for part in parts), en="; ".join(part.en for part in parts))


def _percent(probability: float) -> str:
    if probability < 0.01:
        return f"{100 * probability:.1f}"
    return f"{min(100 * probability, 99.0):.0f}"


def _usual(likely: FloatArray | None) -> float:
    return float(likely.mean()) if likely is not None and len(likely) else PRIOR


def _history(
    store: Store, calendar: Calendar, model: LabelModel, events: Sequence[LabelEvent], catalogue: Catalogue
) -> LabelHistory:
    history = None
    if model.target.form is Form.EVENTS:
        history = from_events(calendar, model.target, events)
    else:
        channel = catalogue[model.kind].channels.get(model.target.channel)
        history = from_channel(store, calendar, model.target, channel) if channel is not None else None
    return history or from_events(calendar, model.target, ())

"""Classes of which the catalogue knows channels and nothing else: judged by wear, as there is no limit and no mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from facility.assessments import Assessment, Evidence, Knowledge, Trouble
from facility.catalogue.catalogue import Bad, Catalogue, EquipmentClass
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.store import Store
from models import wording
from models.assessment.fusion import FLAG_AT
from models.wear.daily_table import read_daily
from models.wear.standing import Standing, standings
from models.wear.wear import WearModel

LATELY = 7  # days without a word, after which an order is all that is told
LARGEST = 2_000  # assets of a class; more are judged channel by channel only


@dataclass(frozen=True, slots=True)
class WearOutlook:
    """What a class's wear says of one asset."""

    standing: Standing
    row: int
    silent: int  # days without a word

    def added(self, assessment: Assessment) -> Assessment:
        """The assessment with wear in it. What its channels flag by themselves stays as it is."""
        sentence, heard = self.standing.sentence(self.row), self.silent < LATELY
        if not heard:
            silence = wording.say("label_silent", days=self.silent)
            sentence = Text(zh=f"{sentence.zh}；{silence.zh}", en=f"{sentence.en}; {silence.en}")
        score, probability = float(self.standing.score[self.row]), float(self.standing.probability[self.row])
        evidence = Evidence(
            channel="",
            detector="wear",
            trouble=Trouble.EQUIPMENT,
            pattern="wear",
            since=None,
            value=float(self.standing.index[self.row]),
            expected=0.0,
            score=float(self.standing.index[self.row]),
            crosses_limit_at=None,
            sentence=sentence,
        )
        if assessment.flagged and assessment.score > score:
            return replace(assessment, evidence=(*assessment.evidence, evidence))
        return replace(
            assessment,
            probability=probability,
            score=score,
            flagged=heard and probability >= FLAG_AT,
            mode="",
            reason=sentence,
            state=Knowledge.ASSESSED if heard else assessment.state,
            evidence=(evidence, *assessment.evidence),
        )


def without_limits(equipment_class: EquipmentClass) -> bool:
    """Whether the catalogue says nothing of how a class fails: no mode, no limit and no normal band."""
    judged = [channel for channel in equipment_class.channels.values() if channel.bad is not Bad.NONE]
    bare = all(not (channel.watched or channel.normal.bounded) for channel in judged)
    return len(judged) > 1 and not equipment_class.modes and bare


def wear_outlooks(
    store: Store,
    assets: Sequence[Asset],
    classes: Catalogue,
    *,
    as_of: datetime,
    horizon: timedelta,
    timezone: ZoneInfo,
) -> Mapping[str, WearOutlook]:
    """By asset, for those of classes without limits that were heard lately and wear in ways their class has."""
    by_class: dict[str, list[Asset]] = {}
    for asset in assets:
        if asset.kind in classes and without_limits(classes[asset.kind]):
            by_class.setdefault(asset.kind, []).append(asset)
    out: dict[str, WearOutlook] = {}
    for kind, mine in by_class.items():
        if len(mine) > LARGEST:
            continue
        channels = tuple(classes[kind].channels.values())
        table = read_daily(store, mine, channels, end=as_of, timezone=timezone)
        table = table.measurements() if table is not None else None
        model = WearModel.learned(table) if table is not None else None
        if table is None or model is None:
            continue
        worn = model.wear(table, [table.days])
        silent = table.days - 1 - table.last_heard
        chosen = ~np.isnan(worn.index[:, -1])
        standing = standings(worn, chosen, silent < LATELY, horizon / timedelta(days=1))
        for row in np.flatnonzero(chosen):
            out[table.assets[row].id] = WearOutlook(standing, int(row), int(silent[row]))
    return out

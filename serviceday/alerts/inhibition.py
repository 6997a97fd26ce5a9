"""What explains what: a panel without power its detectors, a silent site the silence of all that stands in it.

The pairs come from the catalogue (`explains` of a class) and from where things stand. A condition that is explained is
held back, not forgotten: when what explains it is over and it still holds, it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from facility.alerts import Alert, Source
from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.i18n.phrases import Text
from serviceday.alerts.conditions import Condition, Verdict
from serviceday.alerts.shared_faults import cause_of, shared_key

SILENCE = "silence"  # as a channel among what is explained


@dataclass(frozen=True, slots=True)
class Explanation:
    """Something that is wrong and explains other things."""

    cause: str
    asset: str
    reason: Text


class Explanations:
    """Everything that holds now and explains anything: open alerts, and conditions just found bad."""

    def __init__(
        self, conditions: Iterable[Condition], open_alerts: Iterable[Alert], assets: Mapping[str, Asset]
    ) -> None:
        self._assets = assets
        self._by_place: dict[tuple[str, str, str, str], Explanation] = {}
        self._silent: dict[str, Explanation] = {}
        self._shared: dict[str, Explanation] = {}  # by the cause of a site's fault
        good = {condition.cause for condition in conditions if condition.verdict is not Verdict.BAD}
        for alert in open_alerts:
            if alert.returned_at is None and alert.cause not in good:
                self._add(alert.source, alert.channel, Explanation(alert.cause, alert.asset, alert.title))
        for condition in conditions:
            if condition.verdict is Verdict.BAD:
                self._add(
                    condition.source, condition.channel, Explanation(condition.cause, condition.asset, condition.title)
                )

    def of(self, condition: Condition) -> Explanation | None:
        """What explains a condition; None if nothing does."""
        asset = self._assets.get(condition.asset)
        if asset is None:
            return None
        if condition.source is Source.SILENCE:
            for place in (f"site {asset.site}", f"asset {asset.id}" if condition.channel else ""):
                explanation = self._silent.get(place)
                if explanation is not None and explanation.cause != condition.cause:
                    return explanation
        key = shared_key(condition.cause, self._assets) if condition.source is Source.FAULT else None
        if key is not None and (shared := self._shared.get(cause_of(key))) is not None:
            return shared
        what = SILENCE if condition.source is Source.SILENCE else condition.channel
        return self._by_place.get((asset.site, asset.building, asset.kind, what))

    def _add(self, source: Source, channel: str, explanation: Explanation) -> None:
        asset = self._assets.get(explanation.asset)
        if source is Source.SILENCE and not channel:
            self._silent[f"asset {asset.id}" if asset else f"site {explanation.asset}"] = explanation
        if asset is None and source is Source.FAULT:
            self._shared[explanation.cause] = explanation
        if asset is None or source not in (Source.LIMIT, Source.FAULT):
            return
        kind_of = catalogue().get(asset.kind)
        for pair in kind_of.explains if kind_of is not None else ():
            if pair.channel == channel:
                for kind in pair.kinds:
                    for what in pair.what:
                        self._by_place[asset.site, asset.building, kind, what] = explanation

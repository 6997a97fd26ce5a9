"""The index of rules finds what asking every rule finds, in the same order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from facility.estate import Asset
from serviceday.planning.crew.crew import Selector
from serviceday.planning.crew.rule_index import RuleIndex

FEW = {name: st.sampled_from(["", "a", "b"]) for name in ("kind", "task", "site", "building", "floor", "asset")}
PLACES = st.builds(
    Asset, id=FEW["asset"], kind=FEW["kind"], site=FEW["site"], building=FEW["building"], floor=FEW["floor"]
)


@given(rules=st.lists(st.builds(Selector, **FEW), max_size=30), asset=st.none() | PLACES, task=FEW["task"])
def test_an_index_of_rules_forgets_none_and_adds_none(rules: list[Selector], asset: Asset | None, task: str) -> None:
    numbered = list(enumerate(rules))
    index = RuleIndex(numbered, lambda entry: entry[1])
    assert index.matching(asset, task) == [(n, rule) for n, rule in numbered if rule.matches(asset, task)]

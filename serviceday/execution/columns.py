"""Last dates that stand in a registry: columns such as `last:half_monthly` or `上次半月保养`."""

from __future__ import annotations

from dataclasses import replace

from facility.estate import Estate
from serviceday.execution.checking import Given
from serviceday.execution.naming import last_date_column


def last_dates(estate: Estate) -> tuple[Estate, list[Given]]:
    """The registry without such columns, and what they say, not yet checked; empty cells say nothing."""
    given, assets = [], []
    for asset in estate.assets:
        named = {name: duty for name in asset.attributes if (duty := last_date_column(name)) is not None}
        if named:
            line = estate.lines.get(asset.id, 0)
            given += [
                Given(line=line, asset=asset.id, duty=duty, on=asset.attributes[name]) for name, duty in named.items()
            ]
            rest = {name: value for name, value in asset.attributes.items() if name not in named}
            asset = replace(asset, attributes=rest)
        assets.append(asset)
    return replace(estate, assets=tuple(assets)), given

"""What a visitor may see of it all, and what they do: rows of sites that are not theirs are not there for them.

Their account stands in the visit and is read afresh whenever something is drawn (`renewed`); what they do goes through
`acting`, which asks the records once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import streamlit as st

from dashboard import planned, sources
from dashboard.visit import Visit
from facility.accounts import ALL_SITES, EVERYBODY, Account, Action, may
from facility.alerts import Alert
from facility.assessments import Assessment
from facility.deficiencies import Deficiency
from facility.errors import CannotDo
from facility.estate import Asset
from facility.folder import DataFolder
from facility.inspections import Asked, InspectionList
from serviceday.accounts import Accounts, Acting

SESSION_HEADER = "x-serviceday-session"  # set by the door; what a client sends under it never arrives


def session() -> str:
    """The digest of the session that draws; "" without a door or a sign-in."""
    return str(st.context.headers.get(SESSION_HEADER) or "")


def present(folder: Path, digest: str) -> Account | None:
    """Whose session it is at this moment; None if it is over."""
    if not DataFolder(folder).records.exists():
        return EVERYBODY
    return Accounts(sources.records(folder)).present(digest, now=datetime.now(UTC))


def renewed(visit: Visit) -> Visit:
    """The same visit with the account's rights of this moment. Raises `CannotDo` if the session is over."""
    if not DataFolder(visit.folder).records.exists():
        return visit
    account = Accounts(sources.records(visit.folder)).required(visit.session, now=datetime.now(UTC))
    return visit if account == visit.account else replace(visit, account=account)


def everything(visit: Visit) -> bool:
    """Whether they see every site, and so may see what is counted over all of them."""
    return visit.account.sees(ALL_SITES)


def may_act(visit: Visit, alert: Alert, asset: Asset | None) -> bool:
    """Whether somebody may change an alert of an asset."""
    return may(visit.account, Action.ALERTS, asset.site if asset else ALL_SITES)


def acting(visit: Visit, signature: str = "") -> Acting:
    """What they do is done under their account, else under the name they gave."""
    return Acting(sources.records(visit.folder), visit.session, signature=signature)


def assets(visit: Visit) -> Sequence[Asset]:
    """The registered assets of the sites that somebody sees."""
    registered = sources.assets(visit.folder)
    if everything(visit):
        return registered
    return [asset for asset in registered if visit.account.sees(asset.site)]


def assessments(visit: Visit) -> Mapping[str, Assessment]:
    """The newest assessment of each asset that somebody sees, by its id."""
    believed = sources.assessments(visit.folder)
    if everything(visit):
        return believed
    own = _ids(visit)
    return {asset: assessment for asset, assessment in believed.items() if asset in own}


def open_alerts(visit: Visit) -> Sequence[Alert]:
    """The open alerts of what somebody sees."""
    return _own(visit, sources.open_alerts(visit.folder))


def closed_alerts(visit: Visit, *, since: datetime) -> Sequence[Alert]:
    """The alerts closed since then, of what somebody sees."""
    return _own(visit, sources.records(visit.folder).alerts.all(closed=True, since=since))


def alert(visit: Visit, number: int) -> Alert:
    """One alert. Raises `CannotDo` if there is none of that number for them."""
    named = sources.records(visit.folder).alerts.get(number)
    if not _own(visit, [named]):
        raise CannotDo("there is no alert {number}", "`serviceday alerts list` shows those there are", number=number)
    return named


def deficiencies(visit: Visit) -> Sequence[Deficiency]:
    """Findings of the sites that are theirs, oldest first."""
    return [entry for entry in sources.records(visit.folder).deficiencies.all() if visit.account.sees(entry.site)]


def rectifying(visit: Visit, deficiency: Deficiency, signature: str = "") -> str:
    """The name that signs what they do about a finding. Raises `CannotDo` where it is not theirs to change."""
    return acting(visit, signature).signature(Action.RESULTS, deficiency.site)


def latest(visit: Visit) -> pl.DataFrame:
    """The newest reading of every channel."""
    frame = sources.latest(visit.folder)
    return frame if everything(visit) else frame.filter(pl.col("asset").is_in(list(_ids(visit))))


def shown(visit: Visit, of_all: planned.Shown) -> planned.Shown:
    """The list without what stands at other sites, and without what is summed up over all of them."""
    if everything(visit):
        return of_all
    return planned.Shown(_part(visit, of_all.plan), of_all.kept and _part(visit, of_all.kept))


def _part(visit: Visit, plan: InspectionList) -> InspectionList:
    rounds = [
        replace(one, stops=tuple(stop for stop in one.stops if visit.account.sees(stop.site)), start_place="")
        for one in plan.rounds
    ]
    return replace(
        plan,
        items=tuple(item for item in plan.items if visit.account.sees(item.site)),
        left_out=tuple(item for item in plan.left_out if visit.account.sees(item.site)),
        rounds=tuple(one for one in rounds if one.stops),
        notes=(),
        gains=(),
        goals=(),
        asked=Asked(),
        bound=None,
        law=None,
    )


def _own(visit: Visit, alerts: Sequence[Alert]) -> Sequence[Alert]:
    if everything(visit):
        return alerts
    own = _ids(visit)
    return [alert for alert in alerts if alert.asset in own]


def _ids(visit: Visit) -> frozenset[str]:
    return frozenset(asset.id for asset in assets(visit))

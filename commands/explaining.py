"""`alerts explain`: why somebody was told, or was not."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import show_json, tell
from facility.errors import CannotDo
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from serviceday.alerts.explaining import Account


def explain(
    subject: Annotated[str, typer.Argument(help=say("alerts.subject"), metavar="ALERT|ASSET")],
    data: options.Data = options.DATA,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    from commands.installation import recorded
    from serviceday.alerts.explaining import accounts, alert_accounts
    from serviceday.alerts.standing import WATCHED

    place, now = options.zone(timezone), datetime.now(UTC)
    with recorded(data) as records:
        known = {asset.id for asset in records.estate.assets()}
        if subject in known or not subject.isdecimal():
            if subject not in known and not records.alerts.all(asset=subject):
                raise CannotDo(
                    "there is no asset or alert {subject!r}",
                    "`serviceday asset list` shows the assets",
                    subject=subject,
                )
            found = accounts(records, subject, now=now, timezone=place)
        else:
            found = alert_accounts(records, int(subject), now=now, timezone=place)
        watching = records.watch.watching()
    watched = watching is not None and now - watching.looked_at < WATCHED
    if as_json:
        show_json({"watched": watched, "accounts": [_plain(one) for one in found]})
        return
    if not watched:
        tell(say("alerts.not_watched"))
    if not found:
        tell(say("alerts.nothing_held", subject=subject))
    for one in found:
        tell(f"{say(f'alerts.why.{one.state}')}  {one.cause}: {one.words[preferred()]}{_over(one, place)}")


def _plain(one: Account) -> dict[str, object]:
    return asdict(one) | {"words": one.words[preferred()]}


def _over(one: Account, place: ZoneInfo) -> str:
    if one.until is None:
        return ""
    since = options.local(one.since, place) if one.since else "-"
    return f" ({since} - {options.local(one.until, place)})"

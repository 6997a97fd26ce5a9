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
    """Why somebody was told, or was not."""
    from commands.installation import recorded
    from serviceday.alerts.explaining import accounts, alert_accounts
    from serviceday.alerts.standing import WATCHED

    place, now = options.zone(timezone), datetime.now(UTC)
    with recorded(data) as records:
        registered = {asset.id for asset in records.estate.assets()}
        if subject in registered or not subject.isdecimal():
            if subject not in registered and not records.alerts.all(asset=subject):
                raise CannotDo(
                    "there is no asset or alert {subject!r}",
                    "`serviceday asset list` shows the assets",
                    subject=subject,
                )
            listed = accounts(records, subject, now=now, timezone=place)
        else:
            listed = alert_accounts(records, int(subject), now=now, timezone=place)
        watching = records.watch.watching()
    watched = watching is not None and now - watching.looked_at < WATCHED
    if as_json:
        show_json({"watched": watched, "accounts": [_plain(account) for account in listed]})
        return
    if not watched:
        tell(say("alerts.not_watched"))
    if not listed:
        tell(say("alerts.nothing_held", subject=subject))
    for account in listed:
        why, words = say(f"alerts.why.{account.state}"), account.words[preferred()]
        tell(f"{why}  {account.cause}: {words}{_over(account, place)}")


def _plain(account: Account) -> dict[str, object]:
    return asdict(account) | {"words": account.words[preferred()]}


def _over(account: Account, place: ZoneInfo) -> str:
    if account.until is None:
        return ""
    since = options.local(account.since, place) if account.since else "-"
    return f" ({since} - {options.local(account.until, place)})"

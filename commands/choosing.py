"""Which rows of quarantine a command means: the options that say so, and what they come to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.app import options
from commands.app.messages import say
from facility.errors import CannotConvert, CannotDo
from facility.folder import DataFolder

if TYPE_CHECKING:
    from ingest.quarantine.review import Wanted

Numbers = Annotated[list[int] | None, typer.Argument(help=say("quarantine.numbers"), metavar="[NUMBER ...]")]
Reason = Annotated[str, typer.Option("--reason", help=say("quarantine.reason"), metavar="REASON")]
Asset = Annotated[str, typer.Option("--asset", help=say("quarantine.asset"), metavar="ID")]
Site = Annotated[str, typer.Option("--site", help=say("quarantine.site"), metavar="ID")]
Since = Annotated[str, typer.Option("--since", help=say("quarantine.since"), metavar="TIME")]
Until = Annotated[str, typer.Option("--until", help=say("quarantine.until"), metavar="TIME")]
Everything = Annotated[bool, typer.Option("--all", help=say("quarantine.everything"))]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=say("quarantine.yes"))]

Member = Annotated[int, typer.Option("--member", help=say("quarantine.member"), min=1)]


def review(data: Path, member: int) -> Any:
    """The quarantine of a data folder."""
    from ingest.quarantine import review as reviewing

    return reviewing.review(DataFolder(data).existing().journal_of(member))


def reason_named(word: str) -> Any:
    """A reason by its key. Raises `CannotParse` naming those there are."""
    from ingest.refusals import Reason as Reasons

    try:
        return Reasons(word)
    except ValueError:
        raise CannotConvert("{word!r} is not a reason", "Known: {known}", word=word, known=list(Reasons)) from None


def chosen(
    numbers: list[int],
    reason: str,
    asset: str,
    site: str,
    since: str,
    until: str,
    *,
    everything: bool = False,
    needed: bool = False,
    dropped: bool = False,
) -> Wanted:
    """What of the quarantine options ask for. Raises `CannotParse` where they ask for nothing."""
    from ingest.quarantine.review import Wanted

    if needed and not (numbers or reason or asset or site or since or until or everything):
        raise CannotDo("nothing is chosen", "Name numbers, --reason, --asset, --site, --since, --until, or --all")
    return Wanted(
        ids=tuple(numbers),
        reason=reason_named(reason) if reason else None,
        asset=asset,
        site=site,
        since=options.moment(since) if since else None,
        until=options.moment(until) if until else None,
        dropped=dropped,
    )

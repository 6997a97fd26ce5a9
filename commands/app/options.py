"""Options that several commands share, each said once."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from commands.app.messages import say
from facility.errors import CannotParse

if TYPE_CHECKING:
    from facility.files import ReadOptions


def folder(words: str | Path) -> Path:
    """A data folder's path. An empty one, as from an unset variable in a script, is no wish for the current folder."""
    if not str(words).strip():
        raise CannotParse("--data is empty", "Name a folder, for example --data serviceday-data")
    data = Path(words)
    if (data / "catalogue").is_dir():
        from facility.catalogue.catalogue import use_folder

        use_folder(data)
    return data


Data = Annotated[
    Path, typer.Option("--data", envvar="SERVICEDAY_DATA", help=say("option.data"), metavar="DIR", parser=folder)
]
Json = Annotated[bool, typer.Option("--json", help=say("option.json"))]
Broker = Annotated[str, typer.Option("--broker", envvar="SERVICEDAY_BROKER", help=say("option.broker"), metavar="URL")]
Ca = Annotated[Path | None, typer.Option("--ca", envvar="SERVICEDAY_CA", help=say("option.ca"), metavar="FILE")]
Cert = Annotated[Path | None, typer.Option("--cert", envvar="SERVICEDAY_CERT", help=say("option.cert"), metavar="FILE")]
Key = Annotated[Path | None, typer.Option("--key", envvar="SERVICEDAY_KEY", help=say("option.key"), metavar="FILE")]
Force = Annotated[bool, typer.Option("--force", help=say("option.force"))]
Kind = Annotated[str, typer.Option("--kind", help=say("option.kind"), metavar="KIND")]
Maps = Annotated[list[str], typer.Option("--map", help=say("option.map"), metavar="OURS=THEIRS")]
Zone = Annotated[
    str, typer.Option("--timezone", envvar="SERVICEDAY_TIMEZONE", help=say("option.timezone"), metavar="ZONE")
]

Encoding = Annotated[str, typer.Option("--encoding", help=say("option.encoding"), metavar="NAME")]
Separator = Annotated[str, typer.Option("--separator", help=say("option.separator"), metavar="CHAR")]
Sheet = Annotated[str, typer.Option("--sheet", help=say("option.sheet"), metavar="NAME")]
Decimal = Annotated[str, typer.Option("--decimal", help=say("option.decimal"), metavar="MARK")]
DateOrder = Annotated[str, typer.Option("--date-order", help=say("option.date_order"), metavar="dmy|mdy")]
DryRun = Annotated[bool, typer.Option("--dry-run", help=say("option.dry_run"))]

DATA = Path("serviceday-data")
ZONE = "Asia/Shanghai"

_SPANS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_SIZES = {"M": 10**6, "G": 10**9, "T": 10**12}


def span(words: str) -> timedelta:
    """`45d`, `12h`, `30min`, `6w`."""
    digits = words.rstrip("abcdefghijklmnopqrstuvwxyz")
    try:
        length = timedelta(**{_SPANS[words[len(digits) :]]: float(digits)})
    except (KeyError, ValueError, OverflowError):
        length = timedelta(0)
    if length <= timedelta(0):
        raise CannotParse("{words!r} is not a length of time", "Write for example 45d, 12h or 30min", words=words)
    return length


def size(words: str) -> int:
    """`500M`, `20G`: bytes."""
    number, unit = words[:-1], words[-1:].upper()
    if unit not in _SIZES or not number.isdecimal() or int(number) == 0:
        raise CannotParse("{words!r} is not a size", "Write for example 500M or 20G", words=words)
    return int(number) * _SIZES[unit]


def zone(name: str) -> ZoneInfo:
    """The time zone of a name. Raises `CannotParse` where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise CannotParse(
            "{name!r} is not a time zone", "Write for example Asia/Shanghai or Europe/Berlin", name=name
        ) from None


def day(words: str) -> date:
    """A date as people write it for a service day."""
    try:
        return date.fromisoformat(words)
    except ValueError:
        raise CannotParse("{words!r} is not a date", "Write it as 2026-03-31", words=words) from None


def moment(words: str) -> datetime:
    """A moment in UTC: `2026-03-31`, `2026-03-31T14:30`, with a zone or in that of the place, or so long ago: `2h`."""
    try:
        found = datetime.fromisoformat(words)
    except ValueError:
        try:
            return datetime.now(UTC) - span(words)
        except CannotParse:
            raise CannotParse(
                "{words!r} is not a moment",
                "Write for example 2026-03-31, 2026-03-31T14:30 or 2h for two hours ago",
                words=words,
            ) from None
    place = zone(os.environ.get("SERVICEDAY_TIMEZONE") or ZONE)
    return found.replace(tzinfo=found.tzinfo or place).astimezone(UTC)


def shown(moment: datetime, timezone: ZoneInfo) -> str:
    """A moment by the clock of the place, with its offset: 2026-03-31 14:05+08:00."""
    return moment.astimezone(timezone).isoformat(sep=" ", timespec="minutes")


def local(moment: datetime, timezone: ZoneInfo) -> str:
    """A moment by the clock of the place, in a table whose title names the zone."""
    return f"{moment.astimezone(timezone):%Y-%m-%d %H:%M}"


def midnight(on: date, timezone: ZoneInfo) -> datetime:
    """The start of a day at the place, in UTC."""
    return datetime(on.year, on.month, on.day, tzinfo=timezone).astimezone(UTC)


def file_form(
    *,
    encoding: str = "",
    separator: str = "",
    sheet: str = "",
    decimal: str = "",
    order: str = "",
    timezone: str = ZONE,
) -> ReadOptions:
    """What the command line says of a file's form."""
    from facility.files import ReadOptions

    if decimal not in ("", ".", ","):
        raise CannotParse("--decimal {mark!r} is no decimal mark", "Write --decimal . or --decimal ,", mark=decimal)
    if order not in ("", "dmy", "mdy"):
        raise CannotParse(
            "--date-order {order!r} is no order of a date", "Write --date-order dmy or --date-order mdy", order=order
        )
    mark = {"\\t": "\t", "tab": "\t"}.get(separator, separator)
    if len(mark) > 1:
        raise CannotParse("--separator {mark!r} is more than one character", "Write for example --separator ';'",
                          mark=separator)  # fmt: skip
    return ReadOptions(
        encoding=encoding,
        separator=mark,
        sheet=sheet,
        decimal="." if decimal == "." else "," if decimal else "",
        order="dmy" if order == "dmy" else "mdy" if order else "",
        zone=zone(timezone),
    )


def mapping(pairs: list[str]) -> dict[str, str]:
    """`--map OURS=THEIRS` pairs as a dictionary."""
    found = dict[str, str]()
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise CannotParse(
                "--map {pair!r} is not OURS=THEIRS", "Write for example --map asset=device time=date", pair=pair
            )
        found[ours] = theirs
    return found

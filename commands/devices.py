"""`devices`: devices that speak other languages: profiles, who is unknown, and taking them in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import cell, show_json, show_table, tell
from commands.choosing import Member
from facility.errors import CannotConvert
from facility.folder import DataFolder

if TYPE_CHECKING:
    from ingest.quarantine.strangers import Stranger
    from ingest.quarantine.suggestion import Suggestion

Codec = Annotated[str, typer.Option("--codec", help=say("devices.codec"), metavar="NAME")]


def profiles(
    name: Annotated[str, typer.Argument(help=say("devices.profile_shown"), metavar="[NAME]")] = "",
    data: options.Data = options.DATA,
    as_json: options.Json = False,
) -> None:
    """Every language there is, with topics and whether it is switched on; with a name, the profile's file."""
    from facility.i18n.phrases import preferred
    from ingest.codecs.mapping.codec import MappingCodec
    from ingest.codecs.registry import codec_names, open_codec, open_profile, profile_files
    from ingest.devices.settings import read_settings

    settings = read_settings(data)
    own = settings.own_profiles
    if name:
        file = profile_files(own).get(name) or open_profile(name, own).file
        tell(file.read_text(encoding="utf-8").rstrip("\n"))
        return
    rows: list[dict[str, Any]] = []
    files = profile_files(own)
    for key in codec_names(own):
        profile = open_profile(key, own, settings.zone) if key in files else None
        codec = MappingCodec(profile) if profile else open_codec(key)
        rows.append(
            {
                "codec": key,
                "name": profile.name[preferred()] if profile else say(f"devices.codec_{key}"),
                "topics": list(codec.topic_filters),
                "on": key in settings.codecs,
                "own": files[key].parent == own if key in files else False,
                "source": profile.source if profile else "",
            }
        )
    if as_json:
        show_json(rows)
        return
    show_table(
        say("devices.profiles_title"),
        [
            say("devices.column_codec"),
            say("devices.column_name"),
            say("devices.column_topics"),
            say("devices.column_on"),
        ],
        [
            (
                row["codec"] + (f" ({say('devices.own')})" if row["own"] else ""),
                row["name"],
                "\n".join(row["topics"]),
                say("devices.is_on") if row["on"] else "",
            )
            for row in rows
        ],
    )
    tell(say("devices.how_to_switch_on", file=data / "devices.toml"))


def list_devices(
    data: options.Data = options.DATA,
    member: Member = 1,
    mapped: Annotated[bool, typer.Option("--mapped", help=say("devices.mapped"))] = False,
    limit: Annotated[int, typer.Option("--limit", help=say("quarantine.limit"), min=1)] = 30,
    page: Annotated[int, typer.Option("--page", help=say("quarantine.page"), min=1)] = 1,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Devices that speak and are not mapped: what they sent, and what they may be; --mapped lists the others."""
    from facility.catalogue.catalogue import catalogue
    from ingest.quarantine.suggestion import best, suggestions

    place = options.zone(timezone)
    if mapped:
        _list_mapped(data, as_json)
        return
    with _strangers(data, member) as unknown:
        total = unknown.count()
        waiting = unknown.page(limit=limit, offset=(page - 1) * limit)
    looked = [(each, suggestions(each.values, catalogue())) for each in waiting]
    if as_json:
        show_json(
            {
                "devices": total,
                "page": page,
                "waiting": [plain(each, guesses) for each, guesses in looked],
            }
        )
        return
    if not looked:
        tell(say("devices.none_waiting"))
        return
    show_table(
        say("devices.waiting_title"),
        [
            say("devices.column_device"),
            say("quarantine.items"),
            say("quarantine.last", zone=place.key),
            say("devices.column_values"),
            say("devices.column_suggested"),
        ],
        [
            (
                cell(each.key, 60),
                f"{each.readings:,}",
                options.local(each.last, place),
                cell(", ".join(value.name for value in each.values), 80),
                _suggested(best(guesses)),
            )
            for each, guesses in looked
        ],
        right=[1],
    )
    first = (page - 1) * limit + 1
    tell(say("quarantine.pages", first=first, last=first + len(looked) - 1, total=total))
    tell(say("devices.how_to_approve"))


def show(
    device: Annotated[str, typer.Argument(help=say("devices.device"), metavar="DEVICE")],
    data: options.Data = options.DATA,
    member: Member = 1,
    as_json: options.Json = False,
) -> None:
    """One device: its values with unit and range, and where each would go; of a mapped one, where each goes."""
    from facility.catalogue.catalogue import catalogue
    from ingest.quarantine.suggestion import best, suggestions

    with _strangers(data, member) as unknown:
        strangers = list(unknown.named([named(data, unknown.keys(), device)]))
    if not strangers:
        _show_mapped(data, device, as_json)
        return
    (stranger,) = strangers
    classes = suggestions(stranger.values, catalogue())
    if as_json:
        show_json(plain(stranger, classes))
        return
    tell(f"{stranger.key}: {say('devices.sent', messages=f'{stranger.messages:,}', readings=f'{stranger.readings:,}')}")
    channels = classes[0].channels if classes else {}
    show_table(
        say("devices.values_title"),
        [say("devices.column_value"), say("devices.column_unit"), say("devices.column_range"),
         say("devices.column_latest"), say("devices.column_channel", kind=classes[0].kind if classes else "-")],
        [
            (cell(value.name, 60), value.unit, f"{value.low:g} .. {value.high:g}", f"{value.last:g}",
             channels.get(value.name, "-"))
            for value in stranger.values
        ],
        right=[3],
    )  # fmt: skip
    tell(f"{say('devices.column_suggested')}: {_suggested(best(classes))}")


def plain(stranger: Stranger, guesses: list[Suggestion]) -> dict[str, Any]:
    """A device for a script."""
    from ingest.quarantine.suggestion import best

    return {
        "device": stranger.key,
        "messages": stranger.messages,
        "readings": stranger.readings,
        "first": stranger.first.isoformat(),
        "last": stranger.last.isoformat(),
        "values": [
            {"name": value.name, "unit": value.unit, "low": value.low, "high": value.high, "last": value.last}
            for value in stranger.values
        ],
        "classes": [each.kind for each in best(guesses)],
        "channels": guesses[0].channels if guesses else {},
    }


def named(data: Path, keys: list[str], device: str) -> str:
    """The key of a device that is named with or without its codec. Raises `CannotConvert` where two bear the name."""
    if device in keys or (":" in device and device.partition(":")[0] in {key.partition(":")[0] for key in keys}):
        return device
    matches = [key for key in keys if key.partition(":")[2] == device]
    if len(matches) > 1:
        raise CannotConvert("{device!r} is a device of {codecs}", "Write it as codec:device", device=device,
                            codecs=[key.partition(":")[0] for key in matches])  # fmt: skip
    return matches[0] if matches else device


def _strangers(data: Path, member: int) -> Any:
    from ingest.devices.settings import open_devices
    from ingest.quarantine.strangers import strangers

    folder = DataFolder(data).existing()
    return strangers(folder.journal_of(member), open_devices(data))


def _suggested(guesses: list[Suggestion]) -> str:
    if not guesses:
        return "-"
    if len(guesses) > 1:
        return say("devices.may_be", kinds=", ".join(each.kind for each in guesses))
    return f"{guesses[0].kind}: " + ", ".join(f"{name} → {channel}" for name, channel in guesses[0].channels.items())


def _list_mapped(data: Path, as_json: bool) -> None:
    from ingest.devices.device_map import read_assignments
    from ingest.devices.settings import read_settings

    settings = read_settings(data)
    assignments = read_assignments(settings.map_file, settings.known())
    if as_json:
        show_json(
            [
                {"codec": row.codec, "device": row.device, "value": row.value, "asset": row.target.asset or None,
                 "channel": row.target.channel or None, "unit": row.target.unit or None}
                for row in assignments
            ]
        )  # fmt: skip
        return
    if not assignments:
        tell(say("devices.none_mapped"))
        return
    show_table(
        say("devices.mapped_title"),
        [say("devices.column_device"), say("devices.column_value"), say("column.asset"), say("devices.column_goes")],
        [
            (cell(f"{row.codec}:{row.device}", 60), cell(row.value, 60), row.target.asset or say("devices.unwanted"),
             row.target.channel)
            for row in assignments
        ],
    )  # fmt: skip


def _show_mapped(data: Path, device: str, as_json: bool) -> None:
    from ingest.devices.device_map import read_device_map
    from ingest.devices.settings import read_settings

    settings = read_settings(data)
    device_map = read_device_map(settings.map_file, settings.known())
    codec, _, name = device.partition(":")
    values = device_map.values(codec, name)
    if not values:
        raise CannotConvert(
            "no device {device!r} waits or is mapped", "See `serviceday devices list`, with --mapped for the others",
            device=device,
        )  # fmt: skip
    if as_json:
        mapped = {
            value: {"asset": target.asset or None, "channel": target.channel or None, "unit": target.unit or None}
            for value, target in values.items()
        }
        show_json({"device": device, "mapped": mapped})
        return
    for value, target in values.items():
        goes = f"{target.asset} {target.channel}".strip() if target.asset else say("devices.unwanted")
        tell(f"{value} → {goes}")

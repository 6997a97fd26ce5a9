"""What a profile makes of a message, and a first profile from what is heard on a broker."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.app import options
from commands.app.messages import say, told
from commands.app.output import cell, show_json, show_table, spare_existing, tell
from facility.errors import CannotDo, CannotParse

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from ingest.codecs.contract import Codec, Decoded

LARGEST = 1 << 20  # bytes of a message's file


def try_profile(
    profile: Annotated[str, typer.Argument(help=say("devices.profile"), metavar="PROFILE")],
    message: Annotated[Path, typer.Option("--message", help=say("devices.message"), metavar="FILE")],
    topic: Annotated[str, typer.Option("--topic", help=say("devices.topic"), metavar="TOPIC")] = "",
    data: options.Data = options.DATA,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """What a profile makes of a message: device, values, units, times, and what it refuses. Changes nothing."""
    from ingest.codecs.state import CodecState
    from ingest.messages import Message

    place = options.zone(timezone)
    codec = _codec(profile, data, timezone)
    on_topic = topic or _first_topic(codec)
    decoded = codec.decode([Message(1, time.time_ns() // 1000, on_topic, _payload(message))], CodecState())
    if as_json:
        show_json(_plain(on_topic, decoded))
    else:
        tell(say("devices.tried_on", topic=on_topic))
        if decoded.readings.height:
            show_table(
                say("devices.tried_title"),
                [say("devices.column_device"), say("devices.column_value"), say("devices.column_latest"),
                 say("devices.column_unit"), say("devices.column_time", zone=place.key)],
                [
                    (cell(row["device"], 60), cell(row["value"], 60), f"{row['number']:g}", row["unit"],
                     _local(row["time"], place))
                    for row in _plain(on_topic, decoded)["readings"]
                ],
                right=[2],
            )  # fmt: skip
        elif not decoded.refusals:
            tell(say("devices.nothing_said"))
        for presence in decoded.presence:
            tell(say("devices.presence_on" if presence.online else "devices.presence_off", device=presence.gateway))
        for refusal in decoded.refusals:
            tell(told(refusal.detail), error=True)
    if decoded.refusals:
        raise typer.Exit(2)


def sniff(
    name: Annotated[str, typer.Argument(help=say("devices.sniff_name"), metavar="NAME")] = "own",
    broker: Annotated[
        str, typer.Option("--broker", envvar="SERVICEDAY_BROKER", help=say("simulate.broker"), metavar="URL")
    ] = "mqtt://127.0.0.1:1883",
    topic: Annotated[
        list[str] | None, typer.Option("--topic", help=say("devices.sniff_topic"), metavar="FILTER")
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", help=say("devices.sniff_seconds"), min=0.1)] = 60.0,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help=say("devices.sniff_output"), metavar="FILE")
    ] = None,
    ca: options.Ca = None,
    cert: options.Cert = None,
    key: options.Key = None,
    data: options.Data = options.DATA,
    force: options.Force = False,
    as_json: options.Json = False,
) -> None:
    """Listen on a broker for a while, say whose languages are heard, and draft a profile of the rest."""
    import re

    from commands.app.processes import asked_to_stop
    from ingest.codecs.dialects import Dialects
    from ingest.devices.drafting import draft
    from ingest.devices.settings import read_settings
    from ingest.mqtt.address import BrokerAddress
    from ingest.mqtt.sniffing import listen

    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", name):
        raise CannotParse("{name!r} cannot name a profile", "Use small letters, digits, - and _", name=name)
    settings = read_settings(data)
    address = BrokerAddress.parse(broker).identified(os.environ).secured(ca, cert, key)
    file = output or settings.own_profiles / f"{name}.toml"
    spare_existing([file], force=force)
    tell(say("devices.listening", address=address, seconds=f"{seconds:g}"), error=True)
    with asked_to_stop() as stop:
        heard = listen(address, topic or ["#"], seconds, stop=stop)
    dialects = Dialects([_codec(each, data, options.ZONE) for each in settings.known()])
    understood: dict[str, int] = {}
    rest = []
    for message in heard.messages:
        codec = dialects.codec_of(message.topic)
        if codec is None:
            rest.append(message)
        else:
            understood[codec.name] = understood.get(codec.name, 0) + 1
    if rest:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(draft(name, rest), encoding="utf-8")
        except OSError as error:
            raise CannotDo("{file} cannot be written: {error}", "Choose another with --output", file=file,
                           error=error) from None  # fmt: skip
    result = {
        "published": heard.published,
        "left_out": heard.left_out,
        "understood": understood,
        "drafted": str(file) if rest else None,
        "topics": len({message.topic for message in rest}),
    }
    if as_json:
        show_json(result)
        return
    tell(say("devices.heard", published=f"{heard.published:,}"))
    for codec_name, count in sorted(understood.items()):
        tell(say("devices.heard_known", codec=codec_name, messages=f"{count:,}"))
    tell(say("devices.drafted", file=file, topics=f"{result['topics']:,}") if rest else say("devices.nothing_to_draft"))


def _codec(profile: str, data: Path, timezone: str) -> Codec:
    from ingest.codecs.mapping.codec import MappingCodec
    from ingest.codecs.mapping.profile import read_profile
    from ingest.codecs.registry import open_codec
    from ingest.devices.settings import read_settings

    zone = options.zone(timezone)
    if profile.endswith(".toml"):
        if not Path(profile).is_file():
            raise CannotDo("there is no {path}", "Name a profile, or the file of one", path=profile)
        return MappingCodec(read_profile(Path(profile), zone))
    settings = read_settings(data)
    return open_codec(profile, settings.own_profiles, settings.zone or zone)


def _first_topic(codec: Codec) -> str:
    """A topic the codec takes, with DEVICE for a device."""
    pattern = codec.topic_filters[0]
    return pattern.replace("+", "DEVICE", 1).replace("+", "x").replace("#", "DEVICE")


def _payload(file: Path) -> bytes:
    try:
        payload = sys.stdin.buffer.read(LARGEST + 1) if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise CannotDo("{file} cannot be read: {error}", "Name a file that holds one message, or - for standard input",
                       file=file, error=error) from None  # fmt: skip
    if len(payload) > LARGEST:
        raise CannotDo("{file} is larger than a message may be", "Name a file that holds one message", file=file)
    return payload


def _local(moment: str, place: ZoneInfo) -> str:
    """A moment by the clock of the place; one that is beyond any calendar as it stands."""
    try:
        return options.local(options.moment(moment), place)
    except (CannotParse, OverflowError):
        return moment


def _plain(topic: str, decoded: Decoded) -> dict[str, Any]:
    from datetime import UTC, datetime, timedelta

    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return {
        "topic": topic,
        "readings": [
            {
                "device": decoded.places[place][1],
                "value": decoded.channels[channel],
                "number": number,
                "unit": decoded.units[channel],
                "time": (epoch + timedelta(microseconds=moment)).isoformat() if abs(moment) < 6e16 else str(moment),
            }
            for _, place, channel, moment, number in decoded.readings.iter_rows()
        ],
        "refused": [refusal.detail for refusal in decoded.refusals],
        "presence": [{"device": each.gateway, "online": each.online} for each in decoded.presence],
    }

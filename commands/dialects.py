"""Simulated devices that speak languages of their own: native messages, said again in the language of each device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotConvert
from facility.estate import Asset
from ingest.codecs.contract import Codec, DeviceMoment, Encoder
from ingest.codecs.registry import open_codec
from ingest.codecs.state import CodecState
from ingest.devices.device_map import Assignment, Target, read_assignments, write_assignments
from ingest.devices.settings import FILE, read_settings
from ingest.messages import Message

NATIVE = "native"
_TRIED_MS = 1_700_000_000_000  # a moment at which a device is tried, to learn the names under which it is heard
_decode = msgspec.json.Decoder().decode


class Interpreter:
    """Native topic and payload as messages of the asset's own language; `pace` is told of each that goes out."""

    def __init__(self, names: Sequence[str], folder: Path, zone: ZoneInfo, pace: Callable[[int], None]) -> None:
        """Raises `CannotConvert` for a language there is not, or that no simulated device can write."""
        self._folder = folder
        self._zone = zone
        self._pace = pace
        self._sent = 0
        settings = read_settings(folder)
        self._codecs: list[Codec | None] = []
        self._trials: dict[str, Codec] = {}  # of their own, as a codec that has births remembers whom it let speak
        for name in dict.fromkeys(part.strip() for listed in names for part in listed.split(",")):
            codec = None if name == NATIVE else open_codec(name, settings.own_profiles, settings.zone or zone)
            if codec is not None and not isinstance(codec, Encoder):
                raise CannotConvert("{name} can be read and not be written", "Choose another --dialect", name=name)
            if isinstance(codec, Encoder):
                trial = open_codec(name, settings.own_profiles, settings.zone or zone)
                self._trials[name] = trial
                if isinstance(trial, Encoder):
                    trial.encode([DeviceMoment(device="x", time_ms=0, values={})])
            self._codecs.append(codec)
        self._of_asset: dict[str, Codec | None] = {}

    def introduce(self, assets: Iterable[Asset]) -> None:
        """Give each asset its language, and write what ingest has to know: `devices.toml` and `devices.csv`."""
        ordered = sorted(assets, key=lambda asset: asset.id)
        for place, asset in enumerate(ordered):
            self._of_asset[asset.id] = self._codecs[place % len(self._codecs)]
        settings = read_settings(self._folder)
        names = [codec.name for codec in self._codecs if codec is not None]
        if any(name not in settings.codecs for name in names):
            names_on = list(dict.fromkeys([*settings.codecs, *names]))
            listed = ", ".join(f'"{name}"' for name in names_on)
            zone = settings.zone or self._zone
            (self._folder / FILE).write_text(f'codecs = [{listed}]\nzone = "{zone.key}"\n', encoding="utf-8")
        rows = {
            (row.codec, row.device, row.value): row for row in read_assignments(settings.map_file, settings.known())
        }
        for asset in ordered:
            for row in self._rows(asset):
                rows[row.codec, row.device, row.value] = row
        write_assignments(settings.map_file, rows.values())

    def __call__(self, topic: str, payload: bytes) -> Sequence[tuple[str, bytes]]:
        levels = topic.split("/")
        codec = self._of_asset.get(levels[3])
        if codec is None or levels[4] != "telemetry" or not isinstance(codec, Encoder):
            payloads: Sequence[tuple[str, bytes]] = [(topic, payload)]
        else:
            payloads = codec.encode(_moments(levels[3], _decode(payload)))
        self._sent += len(payloads)
        self._pace(self._sent)
        return payloads

    def _rows(self, asset: Asset) -> list[Assignment]:
        """Where each value goes that the device will say: it says all of its channels once, to nobody."""
        spoken = self._of_asset[asset.id]
        codec = self._trials.get(spoken.name) if spoken is not None else None
        if codec is None or not isinstance(codec, Encoder):
            return []
        channels = list(catalogue()[asset.kind].channels)
        tried = DeviceMoment(
            device=asset.id, time_ms=_TRIED_MS, values={key: float(n) for n, key in enumerate(channels)}
        )
        heard = [Message(n, _TRIED_MS * 1000, *payloads) for n, payloads in enumerate(codec.encode([tried]))]
        decoded = codec.decode(heard, CodecState())
        return [
            Assignment(
                codec=codec.name,
                device=decoded.places[place][1],
                value=decoded.channels[channel],
                target=Target(
                    asset.id, channels[round(value)], catalogue()[asset.kind].channels[channels[round(value)]].unit
                ),
            )
            for _, place, channel, _, value in decoded.readings.iter_rows()
        ]


def _moments(device: str, body: dict[str, object]) -> Iterable[DeviceMoment]:
    values = body["v"]
    assert isinstance(values, dict)  # noqa: S101 - our own simulator wrote it
    if "ts" in body:
        yield DeviceMoment(device=device, time_ms=int(str(body["ts"])), values=values)
        return
    times = body["t"]
    assert isinstance(times, list)  # noqa: S101
    for place, time_ms in enumerate(times):
        there = {key: column[place] for key, column in values.items() if column[place] is not None}
        if there:
            yield DeviceMoment(device=device, time_ms=time_ms, values=there)

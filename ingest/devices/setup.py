"""What an installation says of its devices, opened: the codecs that are switched on, the device map of the moment."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from facility.errors import ServicedayError
from ingest.codecs.contract import Codec, Learner
from ingest.codecs.dialects import Dialects
from ingest.codecs.state import CodecState
from ingest.devices.device_map import DeviceMap, read_device_map
from ingest.mqtt.host_state import HostState
from ingest.topics import Rules

FILE = "devices.csv"

log = logging.getLogger(__name__)


class DeviceSetup:
    """Codecs, the device map, and what codecs remember. Without codecs it is an installation of native devices."""

    def __init__(
        self,
        codecs: Sequence[Codec] = (),
        *,
        rules: Rules | None = None,
        map_file: Path | None = None,
        known_codecs: Sequence[str] = (),
        direct: Sequence[str] = (),
    ) -> None:
        self.dialects = Dialects(codecs, rules)
        self._file = map_file
        self._known = tuple(known_codecs) or tuple(codec.name for codec in codecs)
        self._direct = tuple(direct)
        self._stamp: tuple[int, int, int] | None = (0, 0, 0)
        self._map = DeviceMap(direct=direct)
        self._learners = {
            codec.name for codec in codecs if isinstance(codec, Learner)
        }  # theirs is bounded by themselves
        self.version = 0  # of the map: changes with it
        self.state = CodecState(lambda codec, device: codec in self._learners or self._map.remembers(codec, device))
        self.host_state: HostState | None = None  # for codecs whose devices ask whether their host is there
        self._complained: tuple[int, int, int] | None = None
        if map_file is not None:
            self._read()

    @property
    def repeatable(self) -> frozenset[str]:
        """Codecs whose messages mean the same when they are understood again later."""
        return frozenset(codec.name for codec in self.dialects.codecs if codec.repeatable)

    def device_map(self) -> DeviceMap:
        """The map as it stands in the file. A file that has become wrong is told, and the last good one holds on."""
        if self._file is not None and _stamp(self._file) != self._stamp:
            try:
                self._read()
            except ServicedayError as error:
                if self._complained != _stamp(self._file):
                    self._complained = _stamp(self._file)
                    log.warning("the device map is wrong (%s); what was read before holds on", error)
        return self._map

    def _read(self) -> None:
        if self._file is None:
            return
        stamp = _stamp(self._file)
        self._map = read_device_map(self._file, self._known, self._direct)
        self._stamp = stamp
        self.version += 1


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino

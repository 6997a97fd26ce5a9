"""Which codecs there are: those written in code, the profiles that are shipped, and the operator's own profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from facility.errors import CannotConvert
from facility.i18n.messages import Sentence
from facility.identity import nearest
from ingest.codecs.contract import Codec
from ingest.codecs.homeassistant import HomeAssistantCodec
from ingest.codecs.mapping.codec import MappingCodec
from ingest.codecs.mapping.profile import Profile, read_profile
from ingest.codecs.senml import SenmlCodec
from ingest.codecs.sparkplug.codec import SparkplugCodec

SHIPPED = Path(__file__).parent / "mapping" / "profiles"
WRITTEN: Mapping[str, Callable[[], Codec]] = {  # codecs that are more than a profile
    "homeassistant": HomeAssistantCodec,
    "senml": SenmlCodec,
    "sparkplug": SparkplugCodec,
}


def profile_files(own: Path | None = None) -> dict[str, Path]:
    """The file of each profile. One of the operator's own takes the place of a shipped one of the same name."""
    shipped = {file.stem: file for file in sorted(SHIPPED.glob("*.toml"))}
    return shipped | ({file.stem: file for file in sorted(own.glob("*.toml"))} if own and own.is_dir() else {})


def codec_names(own: Path | None = None) -> list[str]:
    """Every codec that can be switched on, beside the native one, which always is."""
    return [*WRITTEN, *profile_files(own)]


def open_codec(name: str, own: Path | None = None, zone: ZoneInfo | None = None) -> Codec:
    """A codec by its name. Raises `CannotConvert` where there is none, and what `read_profile` raises."""
    if name in WRITTEN:
        return WRITTEN[name]()
    return MappingCodec(open_profile(name, own, zone, needs_zone=True))


def open_profile(
    name: str, own: Path | None = None, zone: ZoneInfo | None = None, *, needs_zone: bool = False
) -> Profile:
    """A profile by its name. `needs_zone`: refuse one whose devices tell local time, if nobody said of which zone."""
    files = profile_files(own)
    if name not in files:
        near = nearest(name, [*WRITTEN, *files])
        guess = Sentence("Is it {near!r}?", near=near) if near else Sentence("")
        raise CannotConvert(
            "there is no codec {name!r}. {guess}" if near else "there is no codec {name!r}",
            "See `serviceday devices profiles`",
            name=name, guess=guess,
        )  # fmt: skip
    profile = read_profile(files[name], zone)
    if needs_zone and profile.wants_zone:
        raise CannotConvert(
            "devices of {name} tell local time, and nothing says of which zone",
            'Write zone = "Asia/Shanghai", or whichever it is, into devices.toml',
            name=name,
        )
    return profile

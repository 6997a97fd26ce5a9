"""Pictures that a phone sends: really pictures, of a sane size, and without what a camera adds.

What comes over the network is decoded only after its header has told how large it would be, and is written anew from
its pixels: neither metadata nor anything hidden behind the picture reaches the folder.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from facility.errors import CannotConvert, CannotDo

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST = 8 << 20  # bytes of one picture; the page sends some 300 kB
MOST_PIXELS = 16_000_000
LONGEST_SIDE = 2400  # pixels, as kept; the page sends 1600
_FORMATS = ("JPEG", "PNG", "WEBP")
_QUALITY = 88


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG written by us."""

    data: bytes
    width: int
    height: int

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def checked_picture(data: bytes, *, longest: int = LONGEST_SIDE) -> Picture:
    """The picture in some bytes, its longest side at most so many pixels.

    Raises `CannotConvert`, saying why, where there is none that we keep.
    """
    from PIL import Image, UnidentifiedImageError
    from PIL.Image import DecompressionBombError

    if len(data) > LARGEST:
        raise CannotConvert(
            "a picture of {size} MB; at most {most} MB are taken", "Send it smaller",
            size=len(data) >> 20, most=LARGEST >> 20,
        )  # fmt: skip
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise CannotConvert(
                    "a picture of {width} x {height} pixels; at most {most} megapixels are taken", "Send it smaller",
                    width=picture.width, height=picture.height, most=MOST_PIXELS // 1_000_000,
                )  # fmt: skip
            picture.draft("RGB", (longest, longest))  # a JPEG much larger than is wanted is decoded smaller at once
            picture.load()
            return _written(picture, longest)
    except DecompressionBombError:
        raise CannotConvert(
            "a picture of far too many pixels; at most {most} megapixels are taken", "Send it smaller",
            most=MOST_PIXELS // 1_000_000,
        ) from None  # fmt: skip
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, OverflowError):
        raise CannotConvert("this is no picture that can be read", "Send a JPEG, PNG or WebP") from None


def _written(picture: Image, longest: int) -> Picture:
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(picture)
    if upright.mode in ("RGBA", "LA", "PA", "P"):  # a signature: what is transparent becomes paper
        behind = Image.new("RGBA", upright.size, "white")
        behind.alpha_composite(upright.convert("RGBA"))
        upright = behind
    plain = upright.convert("RGB")
    plain.thumbnail((longest, longest))
    clean = Image.new("RGB", plain.size)
    clean.paste(plain)
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=_QUALITY)
    return Picture(out.getvalue(), *clean.size)


class Filed(Protocol):
    """Whatever names a kept picture."""

    @property
    def file(self) -> str: ...
    @property
    def digest(self) -> str: ...


class PhotoFolder:
    """The files behind the photos of one data folder: `PLAN/DIGEST.jpg`, for their owner alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, photo: Filed, *, longest: int = LONGEST_SIDE) -> Picture | None:
        """A kept picture, written anew at such a size; None where its file is gone or no longer what was kept.

        The folder is not trusted more than the network was: what is no picture any more is shown nowhere.
        """
        try:
            data = self.file(photo).read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data).hexdigest() != photo.digest:
            return None
        try:
            return checked_picture(data, longest=longest)
        except CannotConvert:
            return None

    def file(self, photo: Filed) -> Path:
        """Where a photo's picture lies, or lay."""
        return self._path / photo.file

    def keep(self, plan: int, picture: Picture) -> Path:
        """Write a picture whole; the same picture is written once. Raises `CannotDo` where there is no room."""
        folder = self._path / str(plan)
        file = folder / f"{picture.digest}.jpg"
        if file.exists():
            return file
        draft = folder / f".{secrets.token_hex(8)}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(picture.data)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(file)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise CannotDo("{path} cannot be written: {error}", "Make room", path=file, error=error) from None
        return file

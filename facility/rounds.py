"""What comes from a phone beside answers: photos and signatures of somebody's round."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PhotoKind(StrEnum):
    """What a picture is."""

    PHOTO = "photo"
    SIGNATURE = "signature"  # drawn with a finger at the end of the round


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """One picture; its bytes lie in a file named by their digest."""

    id: int = 0  # 0 = not kept yet
    plan: int
    item: int  # number in the list; 0 = of the round as a whole
    kind: PhotoKind
    person: str  # who took it, or who signed
    device: str
    seq: int  # its number on the device
    taken_at: datetime  # UTC
    at: datetime  # UTC; when it arrived
    digest: str  # SHA-256 of the file, hexadecimal
    width: int  # pixels
    height: int

    @property
    def file(self) -> str:
        """Its place in the folder of photos."""
        return f"{self.plan}/{self.digest}.jpg"

"""Photos and signatures of rounds, and links to rounds that were taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, insert, select

from facility.records.day_tables import RoundLinkStepRow, RoundPhotoRow
from facility.records.opening import writing
from facility.records.tables import table_of
from facility.rounds import Photo, PhotoKind

_PHOTOS = table_of(RoundPhotoRow)
_STEPS = table_of(RoundLinkStepRow)
_AT_ONCE = 500  # lists named in one query
_PLAIN = ("plan", "item", "person", "device", "seq", "taken_at", "at", "digest", "width", "height")


class RoundRecords:
    """Photos of rounds: what was sent from which phone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_photo(self, photo: Photo) -> bool:
        """Keep a photo; False where the device has sent it before."""
        values = {name: getattr(photo, name) for name in _PLAIN} | {"kind": photo.kind.value}
        sent = [getattr(_PHOTOS.c, name) == getattr(photo, name) for name in ("plan", "device", "seq")]
        with writing(self._engine) as connection:
            if connection.execute(select(_PHOTOS.c.id).where(*sent)).first() is not None:
                return False
            connection.execute(insert(_PHOTOS).values(values))
        return True

    def has_photo(self, plan: int, device: str, seq: int) -> bool:
        """Whether a device has sent this before."""
        query = select(_PHOTOS.c.id).where(_PHOTOS.c.plan == plan, _PHOTOS.c.device == device, _PHOTOS.c.seq == seq)
        with self._engine.connect() as connection:
            return connection.execute(query).first() is not None

    def count_photos(self, plan: int, person: str) -> int:
        """How many photos and signatures of a person's round there are."""
        query = select(func.count()).where(_PHOTOS.c.plan == plan, _PHOTOS.c.person == person)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def photos(self, plan: int) -> list[Photo]:
        """Every photo and signature of a list, in the order in which they came."""
        query = select(_PHOTOS).where(_PHOTOS.c.plan == plan).order_by(_PHOTOS.c.id)
        with self._engine.connect() as connection:
            return list(map(_photo, connection.execute(query)))

    def photos_of_items(self, items: Collection[tuple[int, int]]) -> list[Photo]:
        """Photos, not signatures, taken at any of these (list, item), in the order in which they came."""
        wanted = set(items)
        query = select(_PHOTOS).where(_PHOTOS.c.kind == PhotoKind.PHOTO.value, _PHOTOS.c.item > 0)
        lists = sorted({plan for plan, _ in wanted})
        photos: list[Photo] = []
        with self._engine.connect() as connection:
            for start in range(0, len(lists), _AT_ONCE):
                part = query.where(_PHOTOS.c.plan.in_(lists[start : start + _AT_ONCE])).order_by(_PHOTOS.c.id)
                photos += [_photo(row) for row in connection.execute(part) if (row.plan, row.item) in wanted]
        return photos

    def revoke_link(self, plan: int, person: int, *, who: str, now: datetime) -> None:
        """Take back every link to a person's round that was made until now."""
        with writing(self._engine) as connection:
            connection.execute(insert(_STEPS).values(plan=plan, person=person, at=now, who=who))

    def link_series(self, plan: int) -> Counter[int]:
        """By person, how often their links were taken back: links that hold bear this number."""
        with self._engine.connect() as connection:
            return Counter(connection.execute(select(_STEPS.c.person).where(_STEPS.c.plan == plan)).scalars())


def _photo(row: Any) -> Photo:
    return Photo(id=row.id, kind=PhotoKind(row.kind), **{name: getattr(row, name) for name in _PLAIN})

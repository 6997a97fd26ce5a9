"""A kept list and a phone that fills it in, for the tests of rounds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from facility.catalogue.catalogue import catalogue
from facility.i18n.phrases import Text
from facility.inspections import Ground, InspectionList, Item, Person, Priority
from facility.records import Records
from serviceday.documents.row_key import row_key
from serviceday.execution.grades import read_grades
from serviceday.execution.phone.photos import PhotoFolder
from serviceday.execution.phone.submission import RoundIntake

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 3, 12)
NOW = datetime(2026, 3, 12, 2, tzinfo=UTC)  # ten in the morning at the place
MODE = next(iter(catalogue()["lift"].modes))


def item(number: int, task: str = "half_monthly", **more: object) -> Item:
    words = Text(zh=task, en=task)
    plain = Item(
        asset=f"L-{number}", kind="lift", site="park", building="1", floor="", place=f"1-L-{number}", task=task,
        what=words, method=words, passes=words, ground=Ground.STATUTORY, reason=words, priority=Priority.HIGH,
        qualification="", minutes=10, number=number, person=1, start=time(9), end=time(10),
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


def plan_of(*items: Item, day: date = DAY) -> InspectionList:
    people = (Person(number=1, id="zhang", name="张建国"), Person(number=2, id="li", name="Li"))
    return InspectionList(
        service_day=day, created_at=NOW - timedelta(days=1), people=2, hours=8, items=items, left_out=(),
        timezone=ZONE.key, persons=people,
    )  # fmt: skip


def intake(records: Records, plan: InspectionList, folder: Path, now: datetime) -> RoundIntake:
    return RoundIntake(records, plan, PhotoFolder(folder), now=now, timezone=ZONE, grades=read_grades())


@dataclass
class Phone:
    """What the page does, without the page: numbers what is typed and sends the newest of each item."""

    plan: InspectionList
    person: int
    device: str
    seq: int = 0
    waiting: dict[int, dict[str, Any]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def next(self) -> int:
        self.seq += 1
        return self.seq

    def type(self, number: int, answer: str, at: datetime, **more: object) -> dict[str, Any]:
        thing = next(entry for entry in self.plan.items if entry.number == number)
        entry = {
            "key": row_key(self.plan, thing), "seq": self.next(), "answer": answer, "done_at": at.isoformat(),
            "typed_at": at.isoformat(), **more,
        }  # fmt: skip
        self.waiting[number] = entry
        return entry

    def hear(self, text: str, at: datetime, **more: object) -> None:
        self.requests.append({"seq": self.next(), "text": text, "at": at.isoformat(), **more})

    def body(self, at: datetime, **more: object) -> bytes:
        sending = {
            "form": "serviceday-round", "version": 1, "plan": self.plan.number, "person": self.person,
            "device": self.device, "sent_at": at.isoformat(), "answers": list(self.waiting.values()),
            "requests": self.requests, **more,
        }  # fmt: skip
        return json.dumps(sending).encode()

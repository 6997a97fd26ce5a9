"""What a register of findings says, in words: the columns of the trade."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from facility.catalogue.catalogue import catalogue
from facility.deficiencies import Deficiency
from facility.i18n.phrases import Language, Text
from serviceday.documents.branding import PHRASES, Names, Paper


@dataclass(frozen=True, slots=True)
class Register:
    """Findings with what they are printed with."""

    found: tuple[Deficiency, ...]
    names: Names
    paper: Paper
    grades: Mapping[str, Text]
    now: datetime
    timezone: ZoneInfo
    language: Language

    @property
    def today(self) -> date:
        return self.now.astimezone(self.timezone).date()

    def say(self, key: str, **values: object) -> str:
        return PHRASES.say(f"register_{key}", self.language, **values)

    def grade(self, deficiency: Deficiency) -> str:
        return self.grades[deficiency.grade][self.language] if deficiency.grade in self.grades else deficiency.grade

    def equipment(self, deficiency: Deficiency) -> str:
        kind = catalogue().get(deficiency.kind)
        return " / ".join(filter(None, (kind.name[self.language] if kind else "", deficiency.asset)))

    def place(self, deficiency: Deficiency) -> str:
        return " ".join(filter(None, (self.names.site(deficiency.site), deficiency.place)))

    def state(self, deficiency: Deficiency) -> str:
        late = self.say("overdue") if deficiency.overdue(self.today) else ""
        return f"{self.say(f'state_{deficiency.state}')}{late}"

    def moment(self, at: datetime | None) -> str:
        return f"{at.astimezone(self.timezone):%Y-%m-%d %H:%M}" if at else ""


Cell = Callable[[Register, Deficiency], str | int | date | None]

COLUMNS: tuple[tuple[str, float, Cell], ...] = (
    ("list", 9, lambda _, one: f"{one.plan}-{one.item}" if one.plan else ""),
    ("number", 8, lambda _, one: one.number),
    ("equipment", 18, lambda book, one: book.equipment(one)),
    ("grade", 8, lambda book, one: book.grade(one)),
    ("description", 30, lambda book, one: one.description[book.language]),
    ("place", 22, lambda book, one: book.place(one)),
    ("photo", 9, lambda *_: ""),
    ("origin", 10, lambda book, one: book.say(f"origin_{one.origin}")),
    ("found", 15, lambda book, one: book.moment(one.opened_at)),
    ("suggestion", 24, lambda book, one: one.suggestion[book.language]),
    ("responsible", 14, lambda _, one: " ".join(filter(None, (one.department, one.person)))),
    ("deadline", 11, lambda _, one: one.deadline),
    ("state", 12, lambda book, one: book.state(one)),
    ("measures", 22, lambda book, one: " ".join(filter(None, (one.mender, book.moment(one.mended_at), one.measures)))),
    ("verifier", 10, lambda _, one: one.verifier),
    ("verified", 15, lambda book, one: book.moment(one.closed_at)),
    ("verification", 18, lambda _, one: one.verification),
    ("repeats", 8, lambda _, one: one.repeats or None),
)

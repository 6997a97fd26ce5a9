"""What a register of findings says, in words: the columns of the trade."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from facility.catalogue.catalogue import catalogue
from facility.deficiencies import Deficiency
from facility.i18n.phrases import Language, Text
from serviceday.documents.branding import PHRASES, Names, Paper
from serviceday.documents.pictures import FindingPictures


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
    pictures: Mapping[int, FindingPictures] = field(default_factory=dict)  # by the number of the finding

    def pictures_of(self, deficiency: Deficiency) -> FindingPictures:
        return self.pictures.get(deficiency.id, FindingPictures())

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
        return self.names.recorded(deficiency.site, deficiency.place)

    def state(self, deficiency: Deficiency) -> str:
        late = self.say("overdue") if deficiency.overdue(self.today) else ""
        return f"{self.say(f'state_{deficiency.state}')}{late}"

    def moment(self, at: datetime | None) -> str:
        return f"{at.astimezone(self.timezone):%Y-%m-%d %H:%M}" if at else ""


Cell = Callable[[Register, Deficiency], str | int | date | None]

COLUMNS: tuple[tuple[str, float, Cell], ...] = (
    ("list", 9, lambda _, deficiency: f"{deficiency.plan}-{deficiency.item}" if deficiency.plan else ""),
    ("number", 8, lambda _, deficiency: deficiency.number),
    ("equipment", 18, lambda book, deficiency: book.equipment(deficiency)),
    ("grade", 8, lambda book, deficiency: book.grade(deficiency)),
    ("description", 30, lambda book, deficiency: deficiency.description[book.language]),
    ("place", 22, lambda book, deficiency: book.place(deficiency)),
    ("photo", 24, lambda *_: ""),
    ("origin", 10, lambda book, deficiency: book.say(f"origin_{deficiency.origin}")),
    ("found", 15, lambda book, deficiency: book.moment(deficiency.opened_at)),
    ("suggestion", 24, lambda book, deficiency: deficiency.suggestion[book.language]),
    ("responsible", 14, lambda _, deficiency: " ".join(filter(None, (deficiency.department, deficiency.person)))),
    ("deadline", 11, lambda _, deficiency: deficiency.deadline),
    ("state", 12, lambda book, deficiency: book.state(deficiency)),
    (
        "measures",
        22,
        lambda book, deficiency: " ".join(
            filter(None, (deficiency.mender, book.moment(deficiency.mended_at), deficiency.measures))
        ),
    ),
    ("photo_afterwards", 24, lambda *_: ""),
    ("verifier", 10, lambda _, deficiency: deficiency.verifier),
    ("verified", 15, lambda book, deficiency: book.moment(deficiency.closed_at)),
    ("verification", 18, lambda _, deficiency: deficiency.verification),
    ("repeats", 8, lambda _, deficiency: deficiency.repeats or None),
)
PLACES = {key: place for place, (key, _, _) in enumerate(COLUMNS)}

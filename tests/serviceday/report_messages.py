"""Messages of residents with their truth, and how many of them are understood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from facility.estate import Asset, Building, Site
from facility.reports import Report
from serviceday.reports import Gazetteer, Intake, Said

FOLDER = Path(__file__).parent / "messages"
DEVELOPED = ("terse", "chatty", "english_tenant")
REPORTED = ("elderly", "groupchat", "english_office")
NOW = datetime(2026, 3, 12, 4, tzinfo=UTC)
_KINDS = {"repair": "public_repair", "home": "home_repair"}
_TWO_LIFTS = (12,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message and what is true of it; "" where there is nothing to say, `kind` "" where none is asked for."""

    text: str
    kind: str
    subject: str
    building: str
    danger: bool
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How many of how many are right."""

    messages: int
    categories: tuple[int, int]  # kind and subject both right, of those with a kind
    buildings: tuple[int, int]
    buildings_wrong: int  # another building, or one where none was said
    dangers: tuple[int, int]
    false_dangers: tuple[int, int]
    merged: tuple[int, int]  # pairs
    merged_wrong: int
    errors: Sequence[str]


def messages(author: str) -> list[Message]:
    """The messages of an author, in the file's order."""
    rows = [
        [part if part != "-" else "" for part in line.split(" ", 5)[:5]] + [line.split(" ", 5)[5]]
        for line in (FOLDER / f"{author}.txt").read_text("utf-8").splitlines()
    ]
    return [
        Message(
            kind=_KINDS.get(kind, kind),
            subject=subject,
            building=building,
            danger=danger == "!",
            group=group,
            text=text,
        )
        for kind, subject, building, danger, group, text in rows
    ]


def gazetteer() -> Gazetteer:
    """Twelve buildings of one site; one lift in each, two in the last."""
    buildings = [Building(id=f"g-{number}", site="g", name=f"{number}号楼") for number in range(1, 13)]
    lifts = [
        Asset(id=f"LIFT-{number}-{unit}", kind="lift", site="g", building=f"g-{number}", name=f"{unit}单元客梯")
        for number in range(1, 13)
        for unit in ((1, 2) if number in _TWO_LIFTS else (1,))
    ]
    return Gazetteer([Site(id="g", name="锦绣花园")], buildings, lifts)


def score(author: str) -> Score:
    """Every message of an author taken in, one after the other, and compared with its truth."""
    intake, truth = Intake(gazetteer(), []), messages(author)
    reports = [intake.take(Said(text=message.text, at=NOW), source="desk")[0] for message in truth]
    errors: list[str] = []
    categories, buildings, wrong, dangers, calm, false = 0, 0, 0, 0, 0, 0
    for message, report in zip(truth, reports, strict=True):
        understood = (report.category.kind, report.category.subject)
        right = understood == (message.kind, message.subject)
        building = report.place.building.removeprefix("g-")
        categories += right and bool(message.kind)
        buildings += building == message.building and bool(building)
        wrong += bool(building) and building != message.building
        dangers += message.danger and report.category.urgent
        calm += not message.danger
        false += report.category.urgent and not message.danger
        if message.kind and not right:
            errors.append(f"category {understood} of {message}")
        if building != message.building:
            errors.append(f"building {building!r} of {message}")
        if message.danger is not report.category.urgent:
            errors.append(f"danger {report.category.urgent} of {message}")
    pairs = _pairs(reports)
    true_pairs = {
        (first, second)
        for first, second in combinations(range(len(truth)), 2)
        if truth[first].group and truth[first].group == truth[second].group
    }
    errors += [f"apart: {truth[first].text} | {truth[second].text}" for first, second in sorted(true_pairs - pairs)]
    errors += [f"merged: {truth[first].text} | {truth[second].text}" for first, second in sorted(pairs - true_pairs)]
    return Score(
        messages=len(truth),
        categories=(categories, sum(bool(message.kind) for message in truth)),
        buildings=(buildings, sum(bool(message.building) for message in truth)),
        buildings_wrong=wrong,
        dangers=(dangers, sum(message.danger for message in truth)),
        false_dangers=(false, calm),
        merged=(len(pairs & true_pairs), len(true_pairs)),
        merged_wrong=len(pairs - true_pairs),
        errors=errors,
    )


def _pairs(reports: Sequence[Report]) -> set[tuple[int, int]]:
    """Places of reports that are taken for one."""
    groups: dict[int, list[int]] = {}
    for place, report in enumerate(reports):
        head = place if report.merged_into is None else -report.merged_into - 1
        groups.setdefault(head, []).append(place)
    return {pair for group in groups.values() for pair in combinations(sorted(group), 2)}


def table(authors: Sequence[str]) -> str:
    """The scores of authors as the rows of a table, the last of them all."""
    scores = [score(author) for author in authors]
    lines = [_line(author, [one_score]) for author, one_score in zip(authors, scores, strict=True)]
    return "\n".join([*lines, _line("all", scores)])


def _line(name: str, scores: Sequence[Score]) -> str:
    def share(field: str) -> str:
        right, whole = (sum(getattr(part, field)[place] for part in scores) for place in (0, 1))
        return f"{right} of {whole} ({right / whole:.0%})"

    fields = ("categories", "buildings", "dangers", "false_dangers", "merged")
    shares = [share(field) for field in fields]
    shares[1] += f", {sum(part.buildings_wrong for part in scores)} wrong"
    shares[4] += f", {sum(part.merged_wrong for part in scores)} wrong"
    return f"| {name} | {sum(part.messages for part in scores)} | {' | '.join(shares)} |"

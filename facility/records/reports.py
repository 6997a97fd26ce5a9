"""Residents' reports with their trail; and, in a table apart, who made them.

No query of a report reads the reporter. `reporter` and `forget` are the only ways to that table, and both leave a step
in the report's trail.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from facility.errors import CannotDo
from facility.i18n.phrases import Text
from facility.records.opening import writing
from facility.records.reading import read_rows
from facility.records.tables import ReporterRow, ReportRow, ReportStepRow, table_of
from facility.reports import Category, Kind, Place, Report, Reporter, ReportStep

_REPORTS = table_of(ReportRow)
_REPORTERS = table_of(ReporterRow)
_STEPS = table_of(ReportStepRow)


class ReportRecords:
    """Residents' reports, and apart from them who reported."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, reports: Iterable[tuple[str, Report, Reporter]], *, now: datetime, by: str = "") -> list[Report]:
        """Keep new reports, all or nothing; each comes with a key by which it is known when it comes again.

        One whose key is known is left out. `merged_into` may name a report by its place in `reports`, counted
        downwards from -1, where that has no number yet. Returns the reports that were new, with their numbers.
        """
        fresh: list[Report] = []
        numbers: dict[int, int] = {}
        with writing(self._engine) as connection:
            known = dict(connection.execute(select(_REPORTS.c.key, _REPORTS.c.id)).all())
            for place, (key, report, reporter) in enumerate(reports, start=1):
                if key in known:
                    numbers[-place] = known[key]
                    continue
                into = report.merged_into
                into = _speaks(connection, numbers.get(into) if into is not None and into < 0 else into)
                values = _values(replace(report, merged_into=into)) | {"key": key}
                number = int(connection.execute(insert(_REPORTS).values(values).returning(_REPORTS.c.id)).scalar_one())
                numbers[-place] = known[key] = number
                if reporter:
                    connection.execute(
                        insert(_REPORTERS).values(report=number, name=reporter.name, phone=reporter.phone)
                    )
                _tell(connection, number, now, by, "received", report.source)
                if into is not None:
                    _tell(connection, number, now, "", "merged", str(into))
                    _tell(connection, into, now, "", "joined", str(number))
                fresh.append(replace(report, id=number, merged_into=into))
        return fresh

    def known(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that are kept already."""
        numbers = set(keys)
        with self._engine.connect() as connection:
            return numbers & set(connection.execute(select(_REPORTS.c.key)).scalars())

    def all(self, *, closed: bool = True, merged: bool = False, since: datetime | None = None) -> list[Report]:
        """Reports, newest first; each counts the people of those merged into it."""
        query = select(_REPORTS).order_by(_REPORTS.c.at.desc(), _REPORTS.c.id.desc())
        if not closed:
            query = query.where(_REPORTS.c.closed_at.is_(None))
        if not merged:
            query = query.where(_REPORTS.c.merged_into.is_(None))
        if since is not None:
            query = query.where(_REPORTS.c.at >= since)
        with self._engine.connect() as connection:
            counts = _counts(connection)
            return read_rows(lambda row: _report(row, counts.get(row.id, 0)), connection.execute(query), "report")

    def get(self, number: int) -> Report:
        """One report. Raises `CannotDo` if there is none of that number."""
        with self._engine.connect() as connection:
            return _get(connection, number)

    def merged(self, number: int) -> list[Report]:
        """The reports that this one speaks for, oldest first."""
        query = select(_REPORTS).where(_REPORTS.c.merged_into == number).order_by(_REPORTS.c.at, _REPORTS.c.id)
        with self._engine.connect() as connection:
            return read_rows(_report, connection.execute(query), "report")

    def trail(self, number: int) -> list[ReportStep]:
        query = select(_STEPS).where(_STEPS.c.report == number).order_by(_STEPS.c.id)
        with self._engine.connect() as connection:
            return [
                ReportStep(report=row.report, at=row.at, who=row.who, what=row.what, note=row.note)
                for row in connection.execute(query)
            ]

    def change(self, number: int, *, category: Category, place: Place, by: str, now: datetime, note: str) -> Report:
        """A person says otherwise: the report's category and place are what is given."""
        with writing(self._engine) as connection:
            report = replace(_get(connection, number), category=category, place=place)
            connection.execute(update(_REPORTS).where(_REPORTS.c.id == number).values(_values(report)))
            _tell(connection, number, now, by, "changed", note)
            return _get(connection, number)

    def close(self, number: int, *, by: str, now: datetime, note: str = "") -> Report:
        """It is dealt with, and all that were merged into it. Raises `CannotDo` if it is closed or merged already."""
        with writing(self._engine) as connection:
            report = _speaking(connection, number)
            if report.closed_at is not None:
                raise CannotDo(
                    "report {number} is closed since {closed_at:%Y-%m-%d %H:%M} UTC",
                    "Nothing to do",
                    number=number,
                    closed_at=report.closed_at,
                )
            everyone = (_REPORTS.c.id == number) | (_REPORTS.c.merged_into == number)
            values: dict[str, Any] = {"closed_at": now, "closed_by": by}
            connection.execute(update(_REPORTS).where(everyone).values(values))
            if note:
                connection.execute(update(_REPORTS).where(_REPORTS.c.id == number).values(note=note))
            _tell(connection, number, now, by, "closed", note)
            return _get(connection, number)

    def reopen(self, number: int, *, by: str, now: datetime, note: str = "") -> Report:
        """It was not dealt with after all. Raises `CannotDo` if it is open."""
        with writing(self._engine) as connection:
            if _speaking(connection, number).closed_at is None:
                raise CannotDo("report {number} is open", "Nothing to do", number=number)
            everyone = (_REPORTS.c.id == number) | (_REPORTS.c.merged_into == number)
            connection.execute(update(_REPORTS).where(everyone).values(closed_at=None, closed_by=""))
            _tell(connection, number, now, by, "reopened", note)
            return _get(connection, number)

    def merge(self, number: int, into: int, *, by: str, now: datetime) -> Report:
        """The same thing reported twice: `into` speaks for both. What `number` spoke for goes with it."""
        with writing(self._engine) as connection:
            if number == into:
                raise CannotDo("report {number} cannot be merged into itself", "Name two reports", number=number)
            report, target = _get(connection, number), _speaking(connection, into)
            if report.merged_into is not None:
                raise CannotDo(
                    "report {number} is merged into {other}",
                    "Split it off first",
                    number=number,
                    other=report.merged_into,
                )
            both = (_REPORTS.c.id == number) | (_REPORTS.c.merged_into == number)
            values = {"merged_into": into, "closed_at": target.closed_at, "closed_by": target.closed_by}
            connection.execute(update(_REPORTS).where(both).values(values))
            _tell(connection, number, now, by, "merged", str(into))
            _tell(connection, into, now, by, "joined", str(number))
            return _get(connection, into)

    def split(self, number: int, *, by: str, now: datetime) -> Report:
        """It was another thing after all: the report speaks for itself again. Raises `CannotDo` if it does already."""
        with writing(self._engine) as connection:
            report = _get(connection, number)
            if report.merged_into is None:
                raise CannotDo("report {number} is not merged into another", "Nothing to do", number=number)
            connection.execute(update(_REPORTS).where(_REPORTS.c.id == number).values(merged_into=None))
            _tell(connection, number, now, by, "split", str(report.merged_into))
            _tell(connection, report.merged_into, now, by, "left", str(number))
            return _get(connection, number)

    def reporter(self, number: int, *, by: str, now: datetime) -> Reporter:
        """Who reported, for calling back; that it was looked up stands in the trail."""
        with writing(self._engine) as connection:
            _get(connection, number)
            row = connection.execute(select(_REPORTERS).where(_REPORTERS.c.report == number)).one_or_none()
            _tell(connection, number, now, by, "contact_seen", "")
        return Reporter() if row is None else Reporter(name=row.name, phone=row.phone)

    def forget(self, numbers: Sequence[int], *, by: str, now: datetime) -> int:
        """Delete who reported; the reports stay. Returns how many reporters were on record."""
        with writing(self._engine) as connection:
            erased = 0
            for number in numbers:
                _get(connection, number)
                count = connection.execute(delete(_REPORTERS).where(_REPORTERS.c.report == number)).rowcount
                if count:
                    _tell(connection, number, now, by, "forgotten", "")
                erased += count
        return erased


def _counts(connection: Connection) -> dict[int, int]:
    """How many reports are merged into each."""
    query = select(_REPORTS.c.merged_into, func.count()).where(_REPORTS.c.merged_into.is_not(None))
    return {row[0]: row[1] for row in connection.execute(query.group_by(_REPORTS.c.merged_into))}


def _get(connection: Connection, number: int) -> Report:
    row = connection.execute(select(_REPORTS).where(_REPORTS.c.id == number)).one_or_none()
    if row is None:
        raise CannotDo("there is no report {number}", "`serviceday report list` shows those there are", number=number)
    query = select(func.count()).where(_REPORTS.c.merged_into == number)
    return _report(row, connection.execute(query).scalar_one())


def _speaking(connection: Connection, number: int) -> Report:
    """A report that speaks for itself. Raises `CannotDo` for one that is merged into another."""
    report = _get(connection, number)
    if report.merged_into is not None:
        raise CannotDo(
            "report {number} is merged into {other}",
            "Name {other}",
            number=number,
            other=report.merged_into,
        )
    return report


def _speaks(connection: Connection, number: int | None) -> int | None:
    """The number of the report that speaks for a report; another process may have merged it meanwhile."""
    further = connection.execute(select(_REPORTS.c.merged_into).where(_REPORTS.c.id == number)).scalar()
    return number if further is None else int(further)


def _tell(connection: Connection, number: int, at: datetime, who: str, what: str, note: str) -> None:
    connection.execute(insert(_STEPS).values(report=number, at=at, who=who, what=what, note=note))


_PLAIN = ("at", "text", "said_place", "source", "merged_into", "closed_at", "closed_by", "note")
_WHERE = ("site", "building", "unit", "floor", "room", "asset")


def _values(report: Report) -> dict[str, Any]:
    category, place = report.category, report.place
    return (
        {name: getattr(report, name) for name in _PLAIN}
        | {name: getattr(place, name) for name in _WHERE}
        | {
            "kind": category.kind.value,
            "subject": category.subject,
            "sure": category.sure,
            "urgent": category.urgent,
            "category_why_zh": category.why.zh,
            "category_why_en": category.why.en,
            "place_why_zh": place.why.zh,
            "place_why_en": place.why.en,
            "place_choices": list(place.choices),
        }
    )


def _report(row: Any, merged: int = 0) -> Report:
    return Report(
        id=row.id,
        **{name: getattr(row, name) for name in _PLAIN},
        category=Category(
            kind=Kind(row.kind),
            subject=row.subject,
            sure=row.sure,
            urgent=row.urgent,
            why=Text(zh=row.category_why_zh, en=row.category_why_en),
        ),
        place=Place(
            **{name: getattr(row, name) for name in _WHERE},
            why=Text(zh=row.place_why_zh, en=row.place_why_en),
            choices=tuple(row.place_choices),
        ),
        reporters=1 + merged,
    )

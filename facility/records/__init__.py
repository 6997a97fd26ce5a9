"""Operational records: what people and models have said, in a relational database (SQLAlchemy; SQLite by default).

`Records(path)` opens (and migrates) the database. The nouns each have a module beside this one.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from facility.records.accounts import AccountRecords
from facility.records.alerts import AlertRecords
from facility.records.assessments import AssessmentRecords
from facility.records.audit import AuditRecords
from facility.records.deficiencies import DeficiencyRecords
from facility.records.duties import DutyRecords, Recorded
from facility.records.estate import Changes, EstateRecords
from facility.records.notifications import NotificationRecords
from facility.records.opening import open_engine
from facility.records.outcomes import OutcomeRecords
from facility.records.plans import PlanRecords
from facility.records.reports import ReportRecords
from facility.records.results import ResultRecords
from facility.records.rounds import RoundRecords
from facility.records.service_days import ServiceDayRecords
from facility.records.surveys import SurveyRecords
from facility.records.trail import AssetTrail
from facility.records.watching import WatchRecords

__all__ = ["Changes", "Recorded", "Records"]


class Records:
    """The records behind a path (SQLite) or an SQLAlchemy URL. May be shared by threads and processes."""

    def __init__(self, place: Path | str) -> None:
        self._engine = open_engine(place)
        self.estate = EstateRecords(self._engine)
        self.assessments = AssessmentRecords(self._engine)
        self.alerts = AlertRecords(self._engine)
        self.plans = PlanRecords(self._engine)
        self.duties = DutyRecords(self._engine)
        self.trail = AssetTrail(self._engine)
        self.outcomes = OutcomeRecords(self._engine)
        self.reports = ReportRecords(self._engine)
        self.results = ResultRecords(self._engine)
        self.rounds = RoundRecords(self._engine)
        self.deficiencies = DeficiencyRecords(self._engine)
        self.service_days = ServiceDayRecords(self._engine)
        self.surveys = SurveyRecords(self._engine)
        self.watch = WatchRecords(self._engine)
        self.notifications = NotificationRecords(self._engine)
        self.accounts = AccountRecords(self._engine)
        self.audit = AuditRecords(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""Assessments against the truth: of what stands at the top of the list, how much was really there?

The truth is a side file (CSV) that no model sees: asset, mode, trouble, onset, detectable_from, failure_time,
confirmed_at, severity, repaired_at, times in ISO 8601 UTC, empty where there is none.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from facility.assessments import Assessment
from facility.errors import CannotDo, CannotParse
from models.assessment.ranking import ordered

COLUMNS = ("asset", "mode", "trouble", "onset", "detectable_from", "repaired_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueFault:
    """One injected fault."""

    asset: str
    mode: str
    trouble: str  # equipment or sensor
    onset: datetime
    detectable_from: datetime | None
    repaired_at: datetime | None
    failure_time: datetime | None = None

    def present(self, moment: datetime) -> bool:
        """Detectable by then and not repaired before it."""
        visible = self.detectable_from is not None and self.detectable_from <= moment
        return visible and (self.repaired_at is None or self.repaired_at >= moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeFigures:
    """How often one failure mode was there, ranked high, and named."""

    mode: str
    trouble: str
    faulty: int
    hits: int  # among the first `faulty` of the ranking (sensor faults: told as such)
    named: int  # with the right mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """How an assessment of a fleet compares with the truth at its as-of time."""

    assets: int
    flagged: int
    faulty: int  # assets with a detectable equipment fault
    hits: int  # of the first `faulty` of the ranking, how many are
    precision: float  # hits / faulty: precision and recall at once, for as many are taken as there are
    recall: float  # share of the faulty that are flagged
    false_flags: int  # flagged, and nothing is wrong that could be detected
    sensor_faulty: int
    sensor_hits: int  # sensor faults told as sensor trouble
    sensor_taken_for_machine: int  # assets with only a sensor fault that are flagged
    modes: tuple[ModeFigures, ...]

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def read_truth(path: Path) -> list[TrueFault]:
    """The truth file. Raises `CannotDo` if there is none, `CannotParse` if it is something else."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(stream)
            missing = [c for c in COLUMNS if c not in (rows.fieldnames or ())]
            if missing:
                raise CannotParse(
                    "{path} has no column {missing}",
                    "A truth file has {columns}",
                    path=path,
                    missing=list(missing),
                    columns=list(COLUMNS),
                )
            return [_fault(row, path, rows.line_num) for row in rows]
    except FileNotFoundError:
        raise CannotDo("no truth file at {path}", "Only simulated fleets have one", path=path) from None
    except UnicodeDecodeError as error:
        raise CannotParse("{path} is not UTF-8: {error}", "Save it as UTF-8", path=path, error=error) from None


def _fault(row: dict[str, str], path: Path, line: int) -> TrueFault:
    try:
        onset = _moment(row["onset"])
        if onset is None:
            raise ValueError("no onset")
        return TrueFault(
            asset=row["asset"],
            mode=row["mode"],
            trouble=row["trouble"],
            onset=onset,
            detectable_from=_moment(row["detectable_from"]),
            repaired_at=_moment(row["repaired_at"]),
            failure_time=_moment(row.get("failure_time") or ""),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise CannotParse(
            "{path} line {line}: {error}",
            "Times are ISO 8601, empty where there is none",
            path=path,
            line=line,
            error=error,
        ) from None


def _moment(cell: str) -> datetime | None:
    if not cell:
        return None
    moment = datetime.fromisoformat(cell)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def evaluate(assessments: Sequence[Assessment], truth: Sequence[TrueFault], *, as_of: datetime) -> Evaluation:
    """Figures of one assessment of a fleet. Only faults of assessed assets count."""
    by_asset = {assessment.asset: assessment for assessment in assessments}
    present = [f for f in truth if f.present(as_of) and f.asset in by_asset]
    machines = {f.asset for f in present if f.trouble == "equipment"}
    sensors = {f.asset for f in present if f.trouble == "sensor"}
    top = {assessment.asset for assessment in ordered(assessments)[: len(machines)]}
    flagged = {assessment.asset for assessment in assessments if assessment.flagged}
    doubted = {assessment.asset for assessment in assessments if assessment.sensor_probability >= 0.5}
    ill = {f.asset for f in truth if f.trouble == "equipment" and _ill(f, as_of)}
    hits = len(top & machines)
    return Evaluation(
        assets=len(assessments),
        flagged=len(flagged),
        faulty=len(machines),
        hits=hits,
        precision=hits / len(machines) if machines else 1.0,
        recall=len(flagged & machines) / len(machines) if machines else 1.0,
        false_flags=len(flagged - ill),
        sensor_faulty=len(sensors),
        sensor_hits=len(doubted & sensors),
        sensor_taken_for_machine=len((flagged & sensors) - machines),
        modes=_by_mode(present, by_asset, top, doubted),
    )


def _ill(fault: TrueFault, as_of: datetime) -> bool:
    return fault.onset <= as_of and (fault.repaired_at is None or fault.repaired_at >= as_of)


def _by_mode(
    present: Sequence[TrueFault], by_asset: dict[str, Assessment], top: set[str], doubted: set[str]
) -> tuple[ModeFigures, ...]:
    rows = []
    for trouble, mode in sorted({(f.trouble, f.mode) for f in present}):
        assets = [f.asset for f in present if (f.trouble, f.mode) == (trouble, mode)]
        hits = top if trouble == "equipment" else doubted
        rows.append(
            ModeFigures(
                mode=mode,
                trouble=trouble,
                faulty=len(assets),
                hits=sum(a in hits for a in assets),
                named=sum(by_asset[a].mode == mode for a in assets) if trouble == "equipment" else 0,
            )
        )
    return tuple(rows)

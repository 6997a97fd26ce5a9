"""The demo's service day of the week before: simulated inspectors fill in the workbook that was handed out.

They see what the truth file says was there, miss some of it, and leave a row or two empty. Everything else goes the way
it goes for people: the sheet is read back, findings are opened and put right, the brief is written beside the lists.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from facility.i18n.phrases import LANGUAGES

if TYPE_CHECKING:
    from commands.installation import Installation
    from facility.deficiencies import Deficiency
    from facility.inspections import InspectionList
    from models.evaluation.ranking_metrics import TrueFault

BEFORE = timedelta(days=7)  # the demo's list is for a day after its history; this day lies within it
LEARNED = timedelta(days=14)  # history that must lie before it
MISSED = 0.15  # of the faults that are there
LEFT_EMPTY = 0.04  # of the rows
PEOPLE = ("张伟", "李娜")
MENDER, MANAGER = "陈师傅", "王经理"


def service_day_before(
    here: Installation, timezone: ZoneInfo, as_of: datetime, *, began: datetime, crew: Any
) -> dict[str, Any]:
    """Hold the service day a week before `as_of`; {} where it was held before, or history is too short for one."""
    from commands.app.papers import named, paper
    from commands.score import assessments
    from models.evaluation.ranking_metrics import read_truth
    from serviceday.documents.inspection_list import write_list
    from serviceday.planning import Planning, PlanRequest

    folder, day = here.folder, as_of.astimezone(timezone).date() - BEFORE
    morning = datetime.combine(day, time(6), timezone).astimezone(UTC)
    if morning - began < LEARNED or here.records.plans.days():
        return {}
    believed = assessments(here, as_of=morning, horizon=BEFORE, timezone=timezone, quiet=True)
    here.records.assessments.put(believed)
    plans = Planning(here.records, now=morning, timezone=timezone)
    plan = plans.keep(plans.make(PlanRequest(day=day, crew=crew), {entry.asset: entry for entry in believed}))
    folder.lists.mkdir(exist_ok=True)
    names, looks = named(here.records), paper()
    sheet = folder.lists / f"{day}-filled.xlsx"
    write_list(plan, sheet, language="zh", paper=looks, names=names)
    truth = [fault for fault in read_truth(folder.truth / "faults.csv") if fault.trouble == "equipment"]
    _fill_in(sheet, plan, truth, morning)
    return _carried_out(here, plan, sheet, timezone, truth, as_of)


def _fill_in(sheet: Path, plan: InspectionList, truth: Sequence[TrueFault], morning: datetime) -> None:
    import openpyxl

    from serviceday.documents.branding import PHRASES
    from serviceday.documents.row_key import parts

    chance = random.Random(plan.number)  # noqa: S311 - the same inspectors on every run
    there = {truth_row.asset: truth_row for truth_row in truth if _present(truth_row, morning)}
    items = {entry.number: entry for entry in plan.items}
    book = openpyxl.load_workbook(sheet)
    page = book.worksheets[1]
    columns = {str(cell.value): cell.column for cell in page[3]}

    def write(line: int, name: str, words: str) -> None:
        page.cell(line, columns[PHRASES[f"column_{name}"].zh]).value = words

    for line in range(4, page.max_row + 1):
        named = parts(str(page.cell(line, columns[PHRASES["column_key"].zh]).value or ""))
        if named is None or chance.random() < LEFT_EMPTY:
            continue
        item = items[named[1]]
        fault = there.get(item.asset)
        visible = fault is not None and item.task == "warning" and chance.random() >= MISSED
        write(line, "result", PHRASES["result_abnormal" if visible else "result_normal"].zh)
        write(line, "by", PEOPLE[item.person % len(PEOPLE)])
        if visible and fault is not None:
            write(line, "fault", fault.mode)
    book.save(sheet)


def _carried_out(
    here: Installation,
    plan: InspectionList,
    sheet: Path,
    timezone: ZoneInfo,
    truth: Sequence[TrueFault],
    as_of: datetime,
) -> dict[str, object]:
    from commands.app.papers import named, paper
    from facility.service_days import DayMove, ServiceDayStep
    from serviceday.brief import brief, write_brief
    from serviceday.execution.grades import read_grades
    from serviceday.execution.results import Results
    from serviceday.execution.sheet import read_sheet

    records, folder, day = here.records, here.folder, plan.service_day
    evening = datetime.combine(day, time(21), timezone).astimezone(UTC)
    for move in (DayMove.MADE, DayMove.STARTED):
        detail = {"plan": plan.number} if move is DayMove.MADE else {}
        records.service_days.add(ServiceDayStep(day=day, at=plan.created_at, who=MANAGER, move=move, detail=detail))
    results = Results(records, plan, now=evening, timezone=timezone, grades=read_grades())
    taken = results.take(read_sheet(sheet, plan, timezone=timezone).replies, who=MANAGER, source=sheet.name)
    repaired = {fault.asset: fault.repaired_at for fault in truth if fault.repaired_at and fault.repaired_at <= as_of}
    for deficiency in records.deficiencies.all():
        _put_right(here, deficiency, repaired.get(deficiency.asset), evening, timezone)
    records.service_days.add(ServiceDayStep(day=day, at=evening, who=MANAGER, move=DayMove.CLOSED))
    counted = brief(records, day, plan, now=as_of, timezone=timezone, names=named(records))
    files = [
        file
        for language in LANGUAGES
        for file in write_brief(
            counted,
            [folder.lists / f"{day}-brief-{language}{form}" for form in (".html", ".docx", ".pdf")],
            language=language,
            paper=paper(),
        )
    ]
    figures = {
        key: counted.figure(key).value
        for key in ("planned", "done", "flagged", "confirmed", "other", "not_found", "left")
    }
    return {
        "day": str(day),
        "refused": len(taken.refused),
        **figures,
        "files": [str(entry) for entry in (sheet, *files)],
    }


def _put_right(
    here: Installation, deficiency: Deficiency, repaired: datetime | None, evening: datetime, timezone: ZoneInfo
) -> None:
    """Assigned that evening; mended and verified when it was truly repaired, if it was."""
    from serviceday.execution.grades import read_grades
    from serviceday.execution.rectification import Rectification

    def work(now: datetime) -> Rectification:
        return Rectification(here.records, now=now, timezone=timezone, grades=read_grades())

    until: date = evening.astimezone(timezone).date() + timedelta(days=5)
    work(evening).assign(deficiency.id, by=MANAGER, person=MENDER, until=until)
    if repaired is not None and repaired > evening:
        work(repaired).done(deficiency.id, by=MENDER)
        work(repaired + timedelta(hours=4)).verify(deficiency.id, by=MANAGER)


def _present(fault: TrueFault, at: datetime) -> bool:
    """Whether somebody who looks can see it."""
    return fault.onset <= at and (fault.repaired_at is None or fault.repaired_at > at)

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

from facility.folder import DataFolder
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
    here: Installation, folder: DataFolder, timezone: ZoneInfo, as_of: datetime, *, began: datetime, crew: Any
) -> dict[str, Any]:
    """Hold the service day a week before `as_of`; {} where it was held before, or history is too short for one."""
    from commands.announce import named, paper
    from commands.score import assessments
    from models.evaluation.ranking_metrics import read_truth
    from serviceday.documents.inspection_list import write_list
    from serviceday.planning import Planning, PlanRequest

    day = as_of.astimezone(timezone).date() - BEFORE
    morning = datetime.combine(day, time(6), timezone).astimezone(UTC)
    if morning - began < LEARNED or here.records.plans.days():
        return {}
    believed = assessments(here, as_of=morning, horizon=BEFORE, timezone=timezone, quiet=True)
    here.records.assessments.put(believed)
    plans = Planning(here.records, now=morning, timezone=timezone)
    made = plans.keep(plans.make(PlanRequest(day=day, crew=crew), {one.asset: one for one in believed}))
    folder.lists.mkdir(exist_ok=True)
    names, looks = named(here.records), paper()
    sheet = folder.lists / f"{day}-filled.xlsx"
    write_list(made, sheet, language="zh", paper=looks, names=names)
    truth = [one for one in read_truth(folder.truth / "faults.csv") if one.trouble == "equipment"]
    _fill_in(sheet, made, truth, morning)
    return _carried_out(here, folder, made, sheet, timezone, truth, as_of)


def _fill_in(sheet: Path, made: InspectionList, truth: Sequence[TrueFault], morning: datetime) -> None:
    import openpyxl

    from serviceday.documents.branding import PHRASES
    from serviceday.documents.row_key import parts

    chance = random.Random(made.number)  # noqa: S311 - the same inspectors on every run
    there = {one.asset: one for one in truth if _present(one, morning)}
    items = {one.number: one for one in made.items}
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
        found = fault is not None and item.task == "warning" and chance.random() >= MISSED
        write(line, "result", PHRASES["result_abnormal" if found else "result_normal"].zh)
        write(line, "by", PEOPLE[item.person % len(PEOPLE)])
        if found and fault is not None:
            write(line, "fault", fault.mode)
    book.save(sheet)


def _carried_out(
    here: Installation,
    folder: DataFolder,
    made: InspectionList,
    sheet: Path,
    timezone: ZoneInfo,
    truth: Sequence[TrueFault],
    as_of: datetime,
) -> dict[str, Any]:
    from commands.announce import named, paper
    from facility.service_days import DayMove, ServiceDayStep
    from serviceday.brief import brief, write_brief
    from serviceday.execution.grades import read_grades
    from serviceday.execution.results import Results
    from serviceday.execution.sheet import read_sheet

    records, day = here.records, made.service_day
    evening = datetime.combine(day, time(21), timezone).astimezone(UTC)
    for move in (DayMove.MADE, DayMove.STARTED):
        detail = {"plan": made.number} if move is DayMove.MADE else {}
        records.service_days.add(ServiceDayStep(day=day, at=made.created_at, who=MANAGER, move=move, detail=detail))
    results = Results(records, made, now=evening, timezone=timezone, grades=read_grades())
    taken = results.take(read_sheet(sheet, made, timezone=timezone).replies, who=MANAGER, source=sheet.name)
    repaired = {one.asset: one.repaired_at for one in truth if one.repaired_at and one.repaired_at <= as_of}
    for found in records.deficiencies.all():
        _put_right(here, found, repaired.get(found.asset), evening, timezone)
    records.service_days.add(ServiceDayStep(day=day, at=evening, who=MANAGER, move=DayMove.CLOSED))
    counted = brief(records, day, made, now=as_of, timezone=timezone, names=named(records))
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
    return {"day": str(day), "refused": len(taken.refused), **figures, "files": [str(one) for one in (sheet, *files)]}


def _put_right(
    here: Installation, found: Deficiency, repaired: datetime | None, evening: datetime, timezone: ZoneInfo
) -> None:
    """Assigned that evening; mended and verified when it was truly repaired, if it was."""
    from serviceday.execution.grades import read_grades
    from serviceday.execution.rectification import Rectification

    def work(now: datetime) -> Rectification:
        return Rectification(here.records, now=now, timezone=timezone, grades=read_grades())

    until: date = evening.astimezone(timezone).date() + timedelta(days=5)
    work(evening).assign(found.id, by=MANAGER, person=MENDER, until=until)
    if repaired is not None and repaired > evening:
        work(repaired).done(found.id, by=MENDER)
        work(repaired + timedelta(hours=4)).verify(found.id, by=MANAGER)


def _present(fault: TrueFault, at: datetime) -> bool:
    """Whether somebody who looks can see it."""
    return fault.onset <= at and (fault.repaired_at is None or fault.repaired_at > at)

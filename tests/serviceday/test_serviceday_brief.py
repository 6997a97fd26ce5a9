"""The brief recounted: every figure again by SQL over random histories, and no word of a resident's anywhere."""

from __future__ import annotations

import io
import random
import re
import sqlite3
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import docx
import msgspec
import pymupdf
import pytest

from facility.catalogue.catalogue import catalogue
from facility.deficiencies import State
from facility.errors import CannotDo
from facility.estate import Asset, Estate
from facility.i18n.phrases import LANGUAGES, Language, Text
from facility.inspections import RANDOM_CHECK, GoalResult, Ground, InspectionList, Item, Priority, RandomDraw
from facility.records import Records
from facility.reports import Category, Kind, Place, Report, Reporter
from facility.results import Answer
from facility.service_days import DayMove, ServiceDayStep
from facility.surveys import Survey
from serviceday.brief import Brief, brief, decoded, encoded, write_brief
from serviceday.brief.figures import masked
from serviceday.documents.branding import Names
from serviceday.execution.grades import read_grades
from serviceday.execution.rectification import NewDeficiency, Rectification
from serviceday.execution.results import Reply, Results
from serviceday.survey import Collecting, read_form

ZONE = ZoneInfo("Asia/Shanghai")
DAY, EARLIER = date(2026, 3, 12), date(2026, 2, 12)
NOW = datetime(2026, 3, 14, 4, tzinfo=UTC)
MODES = list(catalogue()["lift"].modes)
GRADES = read_grades()
NAME, PHONE = "王丽娜", "138 1234-5678"
PEOPLE = ("Zhang", "Li", "Wang")


def text(words: str) -> Text:
    return Text(zh=words, en=words)


def item(number: int, asset: str, task: str, **more: object) -> Item:
    plain = Item(
        asset=asset, kind="lift", site="park", building="1", floor="", place=f"1-{asset}", task=task,
        what=text(task), method=text("m"), passes=text("p"), ground=Ground.STATUTORY, reason=text("r"),
        priority=Priority.HIGH, qualification="", minutes=10, number=number, person=1, end=time(10),
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


def handed_out(
    records: Records,
    day: date,
    items: list[Item],
    goals: tuple[GoalResult, ...] = (),
    draw: RandomDraw | None = None,
) -> InspectionList:
    made = InspectionList(
        service_day=day, created_at=NOW, people=1, hours=8, items=tuple(items), left_out=(), timezone=ZONE.key,
        goals=goals, random=draw,
    )  # fmt: skip
    return records.plans.kept(made)


def reported(records: Records, chance: random.Random, number: int) -> None:
    for one in range(number):
        at = datetime(2026, 2, 5, 3, tzinfo=UTC) + timedelta(hours=chance.randrange(24 * 40))
        kind = chance.choice([Kind.PUBLIC_REPAIR, Kind.COMPLAINT, Kind.PRAISE])
        report = Report(
            at=at, text=f"{NAME}说灯不亮，电话 {PHONE}", said_place="1", source="desk",
            category=Category(kind=kind, subject=chance.choice(["lighting", "lift", ""])),
            place=Place(site=chance.choice(["park", "court"]), building="1"),
        )  # fmt: skip
        records.reports.add([(f"k{one}", report, Reporter(name=NAME, phone=PHONE))], now=at)


def history(folder: Path, seed: int) -> tuple[Path, InspectionList]:
    """Two service days with everything that can happen between them."""
    chance = random.Random(seed)
    path = folder / f"records-{seed}.sqlite"
    assets = [f"L-{one}" for one in range(1, 9)]
    with Records(path) as records:
        records.estate.put(Estate(assets=tuple(Asset(id=one, kind="lift", site="park") for one in assets)))
        reported(records, chance, 12)
        first = handed_out(records, EARLIER, _items(chance, assets, EARLIER))
        _answered(records, first, chance, datetime(2026, 2, 13, 1, tzinfo=UTC))
        _worked_on(records, chance, datetime(2026, 2, 20, 1, tzinfo=UTC))
        goal = GoalResult(goal="class=lift share=50%", what=text("g"), total=8, wanted=4, planned=8)
        items = _items(chance, assets, DAY, records)
        drawn = chance.sample(assets, 3)
        items += [
            item(len(items) + place, asset, RANDOM_CHECK, ground=Ground.RANDOM)
            for place, asset in enumerate(drawn, start=1)
        ]
        draw = RandomDraw(wanted=3, seed=seed, pool=len(assets), drawn=tuple(sorted(drawn)))
        second = handed_out(records, DAY, items, (goal,), draw)
        _answered(records, second, chance, datetime(2026, 3, 12, 14, tzinfo=UTC))
        _worked_on(records, chance, datetime(2026, 3, 12, 15, tzinfo=UTC))
        _asked(records, chance)
        _praised(records)
        work = _rectification(records, datetime(2026, 3, 12, 9, tzinfo=UTC))
        work.open(_by_hand(datetime(2026, 3, 12, 8, tzinfo=UTC), chance.choice(assets)))
    return path, second


def _asked(records: Records, chance: random.Random) -> None:
    """Two surveys: of the day, and of another that must not be counted."""
    for key, day in (("march", DAY), ("april", DAY + timedelta(days=30))):
        at = datetime(2026, 3, 1, 4, tzinfo=UTC)
        out = records.surveys.add(Survey(key=key, service_day=day, until=day, form=read_form(), at=at))
        takes = Collecting(records, b"k" * 32, now=at, timezone=ZONE)
        for code in takes.hand_out(out, 12, site="park", building="1"):
            rating = chance.choice(["", "", "1", "3", "4", "5"])
            troubles = chance.sample(["lift", "fire", "leak"], chance.randrange(3))
            if rating or troubles:
                takes.take(out, code, {"overall": [rating], "troubles": troubles}, source="paper")


def _praised(records: Records) -> None:
    at = datetime(2026, 3, 12, 15, tzinfo=UTC)
    for move, detail in ((DayMove.MADE, {}), (DayMove.STARTED, {}), (DayMove.PRAISED, {"praised": ["Li", "Zhang"]})):
        records.service_days.add(ServiceDayStep(day=DAY, at=at, who="Wang", move=move, detail=detail))


def _by_hand(at: datetime, asset: str) -> NewDeficiency:
    return NewDeficiency(
        asset=asset, kind="lift", site="park", building="1", place="1", fault="hand:x", grade="general",
        description=text(f"call {PHONE}"), found_at=at, found_by="Li",
    )  # fmt: skip


def _items(chance: random.Random, assets: list[str], day: date, records: Records | None = None) -> list[Item]:
    found = []
    for asset in assets:
        due = chance.choice([None, day, day - timedelta(days=3), day + timedelta(days=9)])
        found.append(item(len(found) + 1, asset, chance.choice(["half_monthly", "quarterly"]), due=due))
        if chance.random() < 0.6:
            mode = chance.choice(MODES)
            found.append(item(len(found) + 1, asset, "warning", ground=Ground.RISK, mode=mode))
    for number in chance.sample(range(1, 13), 3):
        request = f"R{number}"
        words = text(f"{NAME} {PHONE}")
        found.append(item(len(found) + 1, request, f"request:{request}", request=request, what=words, kind="lighting"))
    for one in records.deficiencies.all() if records else ():
        if one.state.open:
            found.append(
                item(
                    len(found) + 1,
                    one.asset or one.number,
                    f"request:{one.number}",
                    request=one.number,
                    due=one.deadline,
                )
            )
    return found


def _answered(records: Records, plan: InspectionList, chance: random.Random, now: datetime) -> None:
    at = datetime.combine(plan.service_day, time(9), ZONE)
    for hour in range(3):  # three times, so that people correct themselves, disagree, and are late
        results = Results(records, plan, now=now + timedelta(hours=9 * hour), timezone=ZONE, grades=GRADES)
        replies = []
        for one in plan.items:
            if chance.random() < 0.45:
                answer = chance.choice(list(Answer)[:2] * 3 + list(Answer)[2:])
                abnormal = answer is Answer.ABNORMAL
                mode = chance.choice(["", *MODES[:2], "other"]) if abnormal and one.kind == "lift" else ""
                replies.append(
                    Reply(
                        item=one.number, answer=answer, by=chance.choice(PEOPLE), mode=mode,
                        mended=abnormal and chance.random() < 0.3, done_at=at + timedelta(minutes=one.number),
                        measured=chance.choice(["", "", "4.1", "4.2"]), note=f"{NAME} {PHONE}",
                    )
                )  # fmt: skip
        taken = results.take(replies)
        assert not taken.refused
        for number in taken.conflicts:
            if chance.random() < 0.5:
                reply = Reply(item=number, answer=chance.choice([Answer.NORMAL, Answer.ABNORMAL]), by="Zhao")
                results.decide(reply, who="Zhao")


def _rectification(records: Records, now: datetime) -> Rectification:
    return Rectification(records, now=now, timezone=ZONE, grades=GRADES)


def _worked_on(records: Records, chance: random.Random, now: datetime) -> None:
    work = _rectification(records, now)
    for one in records.deficiencies.all():
        what = chance.random()
        if one.state is State.AWAITING_APPROVAL and what < 0.8:
            until = chance.choice([None, date(2026, 3, 1), date(2026, 4, 20)])
            work.assign(one.id, by="Zhao", person="Li", until=until, grade=chance.choice(["", "serious"]))
            if what < 0.6:
                work.done(one.id, by="Li")
            if what < 0.4:
                work.verify(one.id, by="Zhao")
        elif one.state is State.AWAITING_VERIFICATION and what < 0.5:
            work.verify(one.id, by="Sun")
        elif one.state.open and what > 0.9:
            work.close(one.id, by="Zhao", why="gone")


_VIEWS = """
CREATE TEMP VIEW item AS SELECT p.id AS plan, p.service_day AS day, json_extract(i.value, '$.number') AS number,
  json_extract(i.value, '$.asset') AS asset, json_extract(i.value, '$.task') AS task,
  json_extract(i.value, '$.request') AS request, json_extract(i.value, '$.due') AS due,
  json_extract(i.value, '$.mode') AS mode FROM plan p, json_each(p.body, '$.items') i;
CREATE TEMP VIEW voice AS SELECT * FROM result_entry e WHERE NOT EXISTS (SELECT 1 FROM result_entry l
  WHERE l.plan = e.plan AND l.item = e.item AND l.id > e.id AND (l.found_by = e.found_by OR l.entry = 'decided'));
CREATE TEMP VIEW disputed AS SELECT plan, item FROM voice GROUP BY plan, item HAVING count(DISTINCT answer) > 1
  OR count(DISTINCT nullif(mode, '')) > 1 OR count(DISTINCT nullif(measured, '')) > 1;
CREATE TEMP VIEW held AS SELECT * FROM voice v WHERE NOT EXISTS (SELECT 1 FROM disputed d
  WHERE d.plan = v.plan AND d.item = v.item) AND v.id = (SELECT o.id FROM voice o WHERE o.plan = v.plan AND
  o.item = v.item ORDER BY o.mode <> '' DESC, o.measured <> '' DESC, o.mended DESC, o.id LIMIT 1);
CREATE TEMP VIEW answered AS SELECT i.*, h.answer, h.mode AS found, h.late, date(h.done_at, '+8 hours') AS done_on
  FROM item i JOIN held h ON h.plan = i.plan AND h.item = i.number;
CREATE TEMP VIEW done AS SELECT * FROM answered WHERE answer IN ('normal', 'abnormal');
CREATE TEMP VIEW finding AS SELECT d.id, d.asset,
  (SELECT state FROM deficiency_step s WHERE s.deficiency = d.id ORDER BY s.id DESC LIMIT 1) AS state,
  (SELECT json_extract(detail, '$.deadline') FROM deficiency_step s WHERE s.deficiency = d.id AND
   json_extract(detail, '$.deadline') IS NOT NULL ORDER BY s.id DESC LIMIT 1) AS deadline,
  (SELECT count(*) FROM deficiency_step s WHERE s.deficiency = d.id AND s.move = 'verified' AND s.id >
   coalesce((SELECT max(id) FROM deficiency_step r WHERE r.deficiency = d.id AND r.move = 'recurred'), 0)) AS verified,
  (SELECT s.move = 'mended' AND (SELECT b.state FROM deficiency_step b WHERE b.deficiency = d.id AND b.id < s.id
   ORDER BY b.id DESC LIMIT 1) = 'draft' FROM deficiency_step s WHERE s.deficiency = d.id AND
   s.move IN ('mended', 'done', 'recurred') ORDER BY s.id DESC LIMIT 1) AS spot FROM deficiency d;
CREATE TEMP VIEW sighting AS SELECT s.deficiency AS id, s.move, s.plan, date(s.at, '+8 hours') AS on_day
  FROM deficiency_step s JOIN finding f ON f.id = s.deficiency
  WHERE f.state <> 'rejected' AND s.move IN ('opened', 'recurred');
"""
_FOUND = "SELECT id FROM sighting WHERE (plan = :plan OR (plan = 0 AND on_day = :day))"
_OPEN = "state NOT IN ('closed', 'rejected')"
_HOUSEHOLDS = "survey_answer a JOIN survey s ON s.id = a.survey WHERE s.service_day = :day"
_PRAISED = (
    "SELECT count(*) FROM finding f WHERE state = 'closed' AND verified AND (SELECT max(date(s.at, '+8 hours')) FROM "
    "deficiency_step s WHERE s.deficiency = f.id AND s.move = 'verified') >= :since AND (SELECT s.who FROM "
    "deficiency_step s WHERE s.deficiency = f.id AND s.move IN ('mended', 'done') ORDER BY s.id DESC LIMIT 1)"
)
_QUERIES = {  # a figure, or (counted, of) for a share
    "reports": "SELECT count(*) FROM report WHERE date(at, '+8 hours') BETWEEN :since AND :day",
    "planned": "SELECT count(*) FROM item WHERE plan = :plan",
    "done": "SELECT count(*) FROM done WHERE plan = :plan",
    "assets": "SELECT count(DISTINCT asset) FROM done WHERE plan = :plan AND asset <> request",
    "on_time": "SELECT count(*) FROM done WHERE plan = :plan AND done_on <= coalesce(due, day)",
    "late": "SELECT count(*) FROM answered WHERE plan = :plan AND late",
    "not_applicable": "SELECT count(*) FROM answered WHERE plan = :plan AND answer = 'not-applicable'",
    "no_access": "SELECT count(*) FROM answered WHERE plan = :plan AND answer = 'no-access'",
    "disputed": "SELECT count(*) FROM disputed WHERE plan = :plan",
    "unanswered": "SELECT count(*) FROM item i WHERE plan = :plan AND NOT EXISTS (SELECT 1 FROM result_entry e "
    "WHERE e.plan = i.plan AND e.item = i.number)",
    "answered_reports": "SELECT count(*) FROM answered WHERE plan = :plan AND request LIKE 'R%' AND answer = 'normal'",
    "opened": f"SELECT count(*) FROM sighting WHERE move = 'opened' AND id IN ({_FOUND} AND move = 'opened')",
    "repeats": f"SELECT count(DISTINCT id) FROM ({_FOUND} AND move = 'recurred')",
    "mended_on_spot": f"SELECT count(*) FROM finding WHERE spot AND id IN ({_FOUND} AND move = 'opened')",
    "left": f"SELECT count(*) FROM finding WHERE {_OPEN} AND id IN ({_FOUND})",
    "foreseen": f"SELECT count(*) FROM finding WHERE id IN ({_FOUND}) AND asset IN "
    "(SELECT asset FROM item WHERE plan = :plan AND task = 'warning')",
    "rectification": "SELECT count(*) FROM finding WHERE state = 'closed' AND verified AND deadline <= :today",
    "overdue": f"SELECT count(*) FROM finding WHERE {_OPEN} AND deadline < :today",
    "flagged": "SELECT count(*) FROM item WHERE plan = :plan AND task = 'warning'",
    "confirmed": "SELECT count(*) FROM done WHERE plan = :plan AND task = 'warning' AND answer = 'abnormal' AND "
    "found IN ('', mode)",
    "other": "SELECT count(*) FROM done WHERE plan = :plan AND task = 'warning' AND answer = 'abnormal' AND "
    "found NOT IN ('', mode)",
    "not_found": "SELECT count(*) FROM done WHERE plan = :plan AND task = 'warning' AND answer = 'normal'",
    "not_looked_at": "SELECT count(*) FROM item i WHERE plan = :plan AND task = 'warning' AND NOT EXISTS "
    "(SELECT 1 FROM done d WHERE d.plan = i.plan AND d.number = i.number)",
    "precision": "SELECT count(*) FROM done WHERE plan = :plan AND task = 'warning' AND answer = 'abnormal'",
    "random_planned": "SELECT count(*) FROM item WHERE plan = :plan AND task = 'random_check'",
    "random_faulty": "SELECT count(*) FROM done WHERE plan = :plan AND task = 'random_check' AND answer = 'abnormal'",
    "survey_answers": f"SELECT count(*) FROM {_HOUSEHOLDS}",
    "satisfied": f"SELECT count(*) FROM {_HOUSEHOLDS} AND json_extract(a.ratings, '$.overall') >= 4",
    "praise_1": f"{_PRAISED} = 'Li'",
    "praise_2": f"{_PRAISED} = 'Zhang'",
    "goal_1": "SELECT count(DISTINCT asset) FROM done WHERE plan = :plan AND asset LIKE 'L-%'",
}  # fmt: skip
_WHOLES = {
    "completion": ("done", "planned"),
    "on_time": ("on_time", "done"),
    "foreseen": ("foreseen", f"SELECT count(*) FROM finding WHERE id IN ({_FOUND})"),
    "rectification": (
        "rectification", "SELECT count(*) FROM finding WHERE state <> 'rejected' AND deadline <= :today"
    ),
    "precision": ("precision", "SELECT count(*) FROM done WHERE plan = :plan AND task = 'warning'"),
    "random_faulty": ("random_faulty", "SELECT count(*) FROM done WHERE plan = :plan AND task = 'random_check'"),
    "satisfied": (
        "satisfied", f"SELECT count(*) FROM {_HOUSEHOLDS} AND json_extract(a.ratings, '$.overall') IS NOT NULL"
    ),
}  # fmt: skip


def recount(path: Path, plan: InspectionList, since: date) -> dict[str, tuple[int, int | None]]:
    """Every figure by SQL alone: counted, and of how many."""
    raw = sqlite3.connect(path)
    raw.executescript(_VIEWS)
    values = {
        "plan": plan.number, "day": str(plan.service_day), "since": str(since),
        "today": str(NOW.astimezone(ZONE).date()),
    }  # fmt: skip

    def count(query: str) -> int:
        return int(raw.execute(_QUERIES.get(query, query), values).fetchone()[0])

    found: dict[str, tuple[int, int | None]] = {key: (count(key), None) for key in _QUERIES}
    found |= {key: (count(part), count(whole)) for key, (part, whole) in _WHOLES.items()}
    kinds = raw.execute(
        "SELECT kind, count(*) FROM report WHERE date(at, '+8 hours') BETWEEN :since AND :day GROUP BY kind", values
    )
    found |= {f"reports_kind_{kind}": (number, None) for kind, number in kinds}
    sites = raw.execute(
        "SELECT site, count(*) FROM report WHERE date(at, '+8 hours') BETWEEN :since AND :day GROUP BY site", values
    ).fetchall()
    found |= {f"reports_site_{site}": (number, None) for site, number in sites if len(sites) > 1}
    troubles = raw.execute(
        "SELECT t.value, count(*) FROM survey_answer a JOIN json_each(a.subjects) t JOIN survey s ON s.id = a.survey "
        "WHERE s.service_day = :day GROUP BY t.value", values
    )  # fmt: skip
    found |= {f"trouble_{subject}": (number, None) for subject, number in troubles}
    if plan.goals:
        found["goals_met"] = (int(found["goal_1"][0] >= plan.goals[0].wanted), 1)
    else:
        del found["goal_1"]
    raw.close()
    return found


def counted(path: Path, plan: InspectionList) -> Brief:
    with Records(path) as records:
        names = Names.of(records.estate.sites(), records.estate.buildings())
        return brief(records, plan.service_day, plan, now=NOW, timezone=ZONE, names=names)


def figures(made: Brief) -> dict[str, tuple[int, int | None]]:
    return {
        one.key: (one.value, None if one.whole is None else len(one.whole))
        for section in made.sections
        for one in section.figures
    }


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, InspectionList]:
    return history(tmp_path_factory.mktemp("past"), 1)


@pytest.mark.parametrize("seed", range(10))
def test_every_figure_is_what_sql_counts(tmp_path: Path, seed: int) -> None:
    path, plan = history(tmp_path, seed)
    made = counted(path, plan)
    assert figures(made) == recount(path, plan, made.reports_since)
    assert made.reports_since == EARLIER + timedelta(days=1)
    with Records(path) as records:
        (before,) = records.plans.on(EARLIER)
    then = recount(path, before, date(2026, 1, 1))
    assert made.compared
    for one in made.compared:
        key = one.now.key
        assert (one.before.value, None if one.before.whole is None else len(one.before.whole)) == then[key], key
        assert one.now == made.figure(key)
    there = {one.id for one in made.annex}
    assert len(there) == len(made.annex)
    for figure in made.figures:
        assert set(figure.traced) <= there, "every record that is counted stands in the annex"
    assert [one.number for one in made.figures] == list(range(1, len(made.figures) + 1))


def test_one_more_answer_changes_exactly_the_figures_it_should(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    with Records(path) as records:
        plan = handed_out(records, DAY, [item(1, "L-1", "half_monthly"), item(2, "L-2", "warning", mode=MODES[0])])
        results = Results(records, plan, now=NOW, timezone=ZONE, grades=GRADES)
        results.take([Reply(item=1, answer=Answer.NORMAL, by="Li")])
        before = figures(counted(path, plan))
        results.take([Reply(item=2, answer=Answer.ABNORMAL, by="Li")])
        after = figures(counted(path, plan))
        changed = {key for key in after if after[key] != before[key]}
        assert changed == {
            "done", "assets", "completion", "on_time", "late", "unanswered", "opened", "left", "foreseen",
            "rectification", "overdue", "confirmed", "not_looked_at", "precision",
        }  # fmt: skip
        work = _rectification(records, NOW)
        work.done(1, by="Li")
        assert figures(counted(path, plan)) == after, "what waits to be verified is not closed"
        work.verify(1, by="Wang")
        closed = figures(counted(path, plan))
        assert {key for key in closed if closed[key] != after[key]} == {"left", "rectification", "overdue"}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.outside: list[str] = []
        self.language = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [given["id"]] if given.get("id") else []
        self.language = given.get("lang") or self.language
        for name in ("href", "src"):
            if (target := given.get(name)) and tag == "img":
                assert target.startswith("data:image/"), "pictures are in the file itself"
                assert given.get("alt"), "and are told in words"
            elif target:
                (self.targets if target.startswith("#") else self.outside).append(target)
        assert tag != "script"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_says_the_same_and_nothing_of_a_resident(
    past: tuple[Path, InspectionList], tmp_path: Path, language: Language
) -> None:
    made = counted(*past)
    files = [tmp_path / f"brief{form}" for form in (".html", ".docx", ".pdf", ".txt", ".json")]
    write_brief(made, files, language=language)
    page = files[0].read_text()
    links = _Links()
    links.feed(page)
    assert (links.language, links.outside) == ("zh-CN" if language == "zh" else "en", [])
    assert len(set(links.ids)) == len(links.ids)
    assert {target[1:] for target in links.targets} <= set(links.ids), "every link leads somewhere"
    assert {f"#figure-{one.number}" for one in made.figures} <= set(links.targets)
    document = docx.Document(io.BytesIO(files[1].read_bytes()))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    words = "\n".join([*(one.text for one in document.paragraphs), *cells])
    pdf = pymupdf.open(files[2])
    printed = "".join(one.get_text() for one in pdf)
    assert {link["kind"] for one in pdf for link in one.get_links()} == {pymupdf.LINK_GOTO}
    assert len(files[3].read_text().splitlines()) == 3
    for one in made.figures:
        assert f"[{one.number}]" in page
        assert f"{one.shown()} [{one.number}]" in words
        assert f"[{one.number}]" in printed
    plain = re.sub(r"base64,[^\"]+", "", page)
    everything = [plain, words, re.sub(r"\s+", "", printed), files[3].read_text(), files[4].read_text()]
    for told in everything:
        assert NAME not in told
        assert "1234" not in told
    assert decoded(encoded(made)) == made
    assert msgspec.json.decode(files[4].read_bytes(), type=Brief) == made
    with pytest.raises(CannotDo, match="form"):
        write_brief(made, [tmp_path / "brief.odt"], language=language)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("call 13812345678 now", "call … now"),
        ("电话：１３８ 1234-5678", "电话:…"),
        ("+86 (10) 8888 9999", "…"),
        ("replaced 3 of 12 lamps on 2F", "replaced 3 of 12 lamps on 2F"),
    ],
)
def test_telephone_numbers_are_masked(words: str, shown: str) -> None:
    assert masked(words) == shown

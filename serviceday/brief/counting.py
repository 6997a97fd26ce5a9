"""The figures of a brief, each from its formula in docs/service-day.md, with the records that were counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from facility.i18n.phrases import Text
from facility.inspections import Ground, Item
from facility.reports import Channel, Kind
from facility.results import Answer
from facility.surveys import SATISFIED
from serviceday.brief.facts import WARNING, DayFacts, Facts, refs, subject_name
from serviceday.brief.figures import Figure, figure, masked
from serviceday.brief.goals import GoalOutcome
from serviceday.brief.phrases import PHRASES
from serviceday.brief.recall import Stratum


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Figures under one heading."""

    key: str
    title: Text
    figures: tuple[Figure, ...]


def _made(key: str, records: Sequence[str], whole: Sequence[str] | None = None, label: Text | None = None) -> Figure:
    return figure(key, label or PHRASES[f"figure_{key}"], records, whole)


def demand(facts: Facts, site_name: Callable[[str], str]) -> Section:
    """Reports that came in since the service day before: all, by class, by site."""
    figures = [_made("reports", [f"R{report.id}" for report in facts.reports])]
    for kind in Kind:
        those = [f"R{report.id}" for report in facts.reports if report.category.kind is kind]
        if those:
            figures.append(_made(f"reports_kind_{kind}", those, label=PHRASES[f"kind_{kind}"]))
    channels: dict[Channel, list[str]] = {channel: [] for channel in Channel}
    for report in facts.reports:
        channels[Channel.of(report.source)].append(f"R{report.id}")
    came = {channel: those for channel, those in channels.items() if those}
    for channel, those in came.items() if len(came) > 1 else ():
        figures.append(_made(f"reports_via_{channel}", those, label=PHRASES[f"via_{channel}"]))
    sites = sorted({report.place.site for report in facts.reports})
    for site in sites if len(sites) > 1 else ():
        those = [f"R{report.id}" for report in facts.reports if report.place.site == site]
        name = site_name(site)
        label = Text(zh=name, en=name) if name else PHRASES["no_site"]
        figures.append(_made(f"reports_site_{site}", those, label=label))
    return _section("demand", figures)


def survey(facts: Facts) -> Section:
    """The section on surveys of the day: answers, satisfaction, what troubles people; empty where there was none."""
    if not facts.surveys:
        return _section("survey", [])
    answers = [(entry, answer) for entry in facts.surveys for answer in entry.answers]
    rated = [answer.ref for entry, answer in answers if entry.rating(answer) is not None]
    satisfied = [answer.ref for entry, answer in answers if (entry.rating(answer) or 0) >= SATISFIED]
    named: dict[str, list[str]] = {}
    for _, answer in answers:
        for subject in answer.subjects:
            named.setdefault(subject, []).append(answer.ref)
    troubles = [
        _made(f"trouble_{subject}", refs_, label=PHRASES["trouble"].filled(subject=subject_name(subject)))
        for subject, refs_ in sorted(named.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    ]
    return _section(
        "survey",
        [
            _made("survey_answers", [answer.ref for _, answer in answers]),
            _made("satisfied", satisfied, rated),
            *troubles,
        ],
    )


def praise(facts: Facts) -> Section:
    """The section of praise: of people somebody released, what they put right that others verified since last time."""
    released = facts.service_day.praised if facts.service_day else ()
    work = verified_work(facts)
    return _section(
        "praise",
        [
            _made(f"praise_{place}", work.get(name, ()), label=PHRASES["praise_line"].filled(name=masked(name)))
            for place, name in enumerate(released, start=1)
        ],
    )


def verified_work(facts: Facts) -> dict[str, list[str]]:
    """By who mended, the findings verified by another since the service day before, the most first."""
    since = facts.since
    done: dict[str, list[str]] = {}
    for deficiency in facts.deficiencies:
        closed = deficiency.closed_at
        recent = closed is not None and closed.astimezone(facts.timezone).date() >= since
        if recent and deficiency.rectified and deficiency.mender:
            done.setdefault(deficiency.mender, []).append(deficiency.number)
    return dict(sorted(done.items(), key=lambda entry: (-len(entry[1]), entry[0])))


def goals(outcomes: Sequence[GoalOutcome]) -> Section:
    """The section on goals: met or not, with what was counted."""
    figures = []
    if outcomes:
        counted = [f"G{outcome.number}" for outcome in outcomes if outcome.total]
        figures.append(
            _made("goals_met", [f"G{outcome.number}" for outcome in outcomes if outcome.total and outcome.met], counted)
        )
    for outcome in outcomes:
        words = masked(outcome.goal)
        verdict = PHRASES["goal_met" if outcome.met else "goal_not_met"] if outcome.total else PHRASES["goal_empty"]
        label = PHRASES["goal_label"].filled(goal=words, wanted=outcome.wanted, total=outcome.total, verdict=verdict)
        figures.append(_made(f"goal_{outcome.number}", outcome.reached, label=label))
    return _section("goals", figures)


def work(day: DayFacts) -> Section:
    """The section on the work: planned, done, in time, left."""
    planned = [day.ref(item) for item in day.items]
    done = [day.ref(item) for item in day.items if _is_done(day, item)]
    assets = [f"A:{item.asset}" for item in day.items if _is_done(day, item) and item.asset not in ("", item.request)]
    return _section(
        "work",
        [
            _made("planned", planned),
            _made("done", done),
            _made("assets", assets),
            _made("completion", done, planned),
            _made("on_time", [day.ref(item) for item in day.items if _on_time(day, item)], done),
            _made("late", [day.ref(item) for item in day.items if (result := day.result(item)) and result.late]),
            _made("not_applicable", _answered(day, Answer.NOT_APPLICABLE)),
            _made("no_access", _answered(day, Answer.NO_ACCESS)),
            _made("disputed", [day.ref(item) for item in day.items if _disputed(day, item)]),
            _made("unanswered", [day.ref(item) for item in day.items if item.number not in day.standing]),
            _made("answered_reports", _reports_answered(day)),
        ],
    )


def problems(facts: Facts) -> Section:
    """The section on what was found: opened, mended, verified, left over."""
    day = facts.day
    warned = {item.asset for item in day.items if item.task == WARNING}
    due = [
        deficiency
        for deficiency in facts.deficiencies
        if deficiency.deadline is not None and deficiency.deadline <= facts.today
    ]
    return _section(
        "problems",
        [
            _made("opened", refs(day.opened)),
            _made("repeats", refs(day.repeated)),
            _made("mended_on_spot", refs(deficiency for deficiency in day.opened if deficiency.mended_on_spot)),
            _made("left", refs(deficiency for deficiency in day.found if deficiency.state.open)),
            _made(
                "foreseen", refs(deficiency for deficiency in day.found if deficiency.asset in warned), refs(day.found)
            ),
            _made("rectification", refs(deficiency for deficiency in due if deficiency.rectified), refs(due)),
            _made("overdue", refs(deficiency for deficiency in facts.deficiencies if deficiency.overdue(facts.today))),
        ],
    )


def found_on(day: DayFacts, today: date) -> list[Figure]:
    """What was found on a day, what came back, and of what is due of it by `today` what was put right and verified."""
    due = [entry for entry in day.found if entry.deadline is not None and entry.deadline <= today]
    return [
        _made("opened", refs(day.opened)),
        _made("repeats", refs(day.repeated)),
        _made("rectified", refs(entry for entry in due if entry.rectified), refs(due)),
    ]


def warnings(day: DayFacts) -> Section:
    """Of the flagged targets: what was suspected, nothing, another fault; and those nobody looked at."""
    flagged = [item for item in day.items if item.task == WARNING]
    looked = [item for item in flagged if _is_done(day, item)]
    confirmed = [day.ref(item) for item in looked if _finding(day, item) == "confirmed"]
    other = [day.ref(item) for item in looked if _finding(day, item) == "other"]
    return _section(
        "warnings",
        [
            _made("flagged", [day.ref(item) for item in flagged]),
            _made("confirmed", confirmed),
            _made("other", other),
            _made("not_found", [day.ref(item) for item in looked if _finding(day, item) == "not_found"]),
            _made("not_looked_at", [day.ref(item) for item in flagged if not _is_done(day, item)]),
            _made("precision", [*confirmed, *other], [day.ref(item) for item in looked]),
        ],
    )


def random_checks(day: DayFacts) -> Section:
    """The section on what was drawn by lot: planned, looked at, faulty; empty where nothing was drawn."""
    if day.plan is None or day.plan.random is None:
        return _section("random", [])
    drawn = [item for item in day.items if item.ground is Ground.RANDOM]
    looked = [day.ref(item) for item in drawn if _is_done(day, item)]
    faulty = [day.ref(item) for item in drawn if _is_abnormal(day, item)]
    return _section(
        "random",
        [_made("random_planned", [day.ref(item) for item in drawn]), _made("random_faulty", faulty, looked)],
    )


def stratum(day: DayFacts) -> Stratum | None:
    """What a day's lot says of the faults that had no sign; None where nothing was drawn."""
    draw = day.plan.random if day.plan else None
    if draw is None:
        return None
    drawn = [item for item in day.items if item.ground is Ground.RANDOM]
    flagged = [item for item in day.items if item.task == WARNING]
    return Stratum(
        caught=sum(_is_abnormal(day, item) for item in flagged),
        pool=draw.pool,
        looked=sum(_is_done(day, item) for item in drawn),
        faulty=sum(_is_abnormal(day, item) for item in drawn),
    )


COMPARED = (
    *("planned", "done", "completion", "on_time", "opened", "mended_on_spot"),
    *("flagged", "confirmed", "other", "not_found", "precision"),
)


def comparable(day: DayFacts) -> list[Figure]:
    """What a day is compared by with another."""
    spot = refs(deficiency for deficiency in day.opened if deficiency.mended_on_spot)
    figures = [
        *work(day).figures,
        _made("opened", refs(day.opened)),
        _made("mended_on_spot", spot),
        *warnings(day).figures,
    ]
    by_key = {count.key: count for count in figures}
    return [by_key[key] for key in COMPARED]


def _section(key: str, figures: Sequence[Figure]) -> Section:
    return Section(key=key, title=PHRASES[f"section_{key}"], figures=tuple(figures))


def _is_done(day: DayFacts, item: Item) -> bool:
    result = day.result(item)
    return result is not None and result.answer.done


def _is_abnormal(day: DayFacts, item: Item) -> bool:
    result = day.result(item)
    return result is not None and result.answer is Answer.ABNORMAL


def _on_time(day: DayFacts, item: Item) -> bool:
    """Done by the item's own date, or on the day where it has none. The day is the place's."""
    result = day.result(item)
    if result is None or not result.answer.done or day.plan is None:
        return False
    return result.done_at.astimezone(day.timezone).date() <= (item.due or day.day)


def _disputed(day: DayFacts, item: Item) -> bool:
    state = day.standing.get(item.number)
    return state is not None and bool(state.conflict)


def _answered(day: DayFacts, answer: Answer) -> list[str]:
    return [day.ref(item) for item in day.items if (result := day.result(item)) and result.answer is answer]


def _reports_answered(day: DayFacts) -> list[str]:
    return [
        item.request
        for item in day.items
        if item.request.startswith("R") and (result := day.result(item)) and result.answer is Answer.NORMAL
    ]


def _finding(day: DayFacts, item: Item) -> str:
    result = day.result(item)
    if result is None or result.answer is Answer.NORMAL:
        return "not_found"
    return "confirmed" if result.mode in ("", item.mode) else "other"

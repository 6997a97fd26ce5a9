"""`survey`: what residents need and how satisfied they are: a form, codes, answers, and what they come to."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.messages import say, told
from commands.app.output import printable, show_json, show_table, spare_existing, tell
from facility.errors import CannotParse
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from facility.records import Records
    from serviceday.survey import Collecting, SurveyResult

Key = Annotated[str, typer.Argument(help=say("survey.key"), metavar="NAME")]
By = Annotated[str, typer.Option("--by", help=say("day.by"), metavar="NAME")]
REFUSED = 2


def new(
    key: Key,
    service_day: Annotated[str, typer.Option("--service-day", help=say("survey.service_day"), metavar="DATE")] = "",
    data: options.Data = options.DATA,
    until: Annotated[str, typer.Option("--until", help=say("survey.until"), metavar="DATE")] = "",
    form: Annotated[Path | None, typer.Option("--form", help=say("survey.form"), metavar="FILE.toml")] = None,
    by: By = "",
    as_json: options.Json = False,
) -> None:
    """Put a survey out for a service day: the form, and until when answers are taken."""
    import re

    from commands.installation import recorded
    from facility.surveys import Survey
    from serviceday.survey import read_form

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", key):
        raise CannotParse("{key!r} can't be in an address", "Small letters, digits and -, at most 40", key=key)
    if not service_day:
        raise CannotParse("a survey without a day", "Give --service-day 2026-12-05")
    day = options.day(service_day)
    last = options.day(until) if until else day
    asked = read_form(form) if form is not None else read_form()
    with recorded(data) as records:
        survey = records.surveys.add(
            Survey(key=key, service_day=day, until=last, form=asked, at=datetime.now(UTC), who=by)
        )
    if as_json:
        show_json(asdict(survey))
        return
    tell(say("survey.made", key=key, day=day, until=last, count=len(asked.questions)))


def codes(
    key: Key,
    data: options.Data = options.DATA,
    count: Annotated[int, typer.Option("--count", help=say("survey.count"), metavar="N")] = 0,
    site: Annotated[str, typer.Option("--site", help=say("survey.site"), metavar="SITE")] = "",
    building: Annotated[str, typer.Option("--building", help=say("survey.building"), metavar="BUILDING")] = "",
    base_url: Annotated[
        str, typer.Option("--base-url", envvar="SERVICEDAY_BASE_URL", help=say("day.base_url"), metavar="URL")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help=say("survey.output"), metavar="FILE.pdf")
    ] = None,
    force: options.Force = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """One code a household, on a sheet to hand out."""
    from commands.app.papers import paper
    from commands.installation import recorded
    from serviceday.documents.inspection_list.writer import write_together
    from serviceday.execution.phone.links import address
    from serviceday.survey.collecting import shown
    from serviceday.survey.paper import sheets

    if output is not None and output.suffix.lower() != ".pdf":
        raise CannotParse("{name} can't be written: the sheets are a PDF", "Name it .pdf", name=output.name)
    if base_url:
        address(base_url, "")  # says what is wrong with it before codes are made
    spare_existing([output], force=force)
    with recorded(data) as records:
        survey = records.surveys.named(key)
        made = _collecting(records, data, timezone).hand_out(survey, count, site=site, building=building)
    if output is not None:
        words = sheets(survey, made, base_url=base_url, language=preferred(), paper=paper(), created=datetime.now(UTC))
        write_together([(output, words)])
    if as_json:
        show_json({"survey": key, "site": site, "building": building, "codes": [shown(code) for code in made]})
        return
    tell(say("survey.codes_made", key=key, count=len(made)))
    if output is not None:
        tell(str(output))
    else:
        for code in made:
            tell(shown(code))
    tell(say("survey.codes_once"), error=True)


def answer(
    key: Key,
    code: Annotated[str, typer.Argument(help=say("survey.code"), metavar="CODE")],
    data: options.Data = options.DATA,
    given: Annotated[list[str], typer.Option("--set", help=say("survey.set"), metavar="QUESTION=ANSWER")] = [],  # noqa: B006
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Enter an answer that came on paper."""
    from commands.installation import recorded

    replies = {
        name: words if name == "words" else [part for word in words for part in word.replace("，", ",").split(",")]
        for name, words in _pairs(given).items()
    }
    with recorded(data) as records:
        survey = records.surveys.named(key)
        kept = _collecting(records, data, timezone).take(survey, code, replies, source="paper")
    if as_json:
        show_json({"ref": kept.ref, "ratings": dict(kept.ratings), "subjects": kept.subjects})
        return
    tell(say("survey.taken", key=key, ref=kept.ref))


def import_file(
    key: Key,
    file: Annotated[Path, typer.Argument(help=say("import.file"), metavar="FILE")],
    data: options.Data = options.DATA,
    encoding: options.Encoding = "",
    separator: options.Separator = "",
    sheet: options.Sheet = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Import answers that came on paper, from a file."""
    from commands.installation import recorded
    from facility.files.cells import at_line
    from serviceday.survey.importing import import_answers

    form = options.file_form(encoding=encoding, separator=separator, sheet=sheet, timezone=timezone)
    with recorded(data) as records:
        survey = records.surveys.named(key)
        done = import_answers(file, survey, _collecting(records, data, timezone), form)
    refused = [told(at_line(line, what)) for line, what in done.refused]
    if as_json:
        show_json({"rows": done.rows, "taken": done.taken, "known": done.known, "refused": refused})
    else:
        tell(say("survey.imported", file=file.name, rows=done.rows, taken=done.taken, known=done.known))
        for line in refused:
            tell(f"  {printable(line)}", error=True)
    if refused:
        raise typer.Exit(REFUSED)


def show(key: Key, data: options.Data = options.DATA, as_json: options.Json = False) -> None:
    """What was answered so far, counted."""
    from commands.installation import recorded
    from serviceday.survey import result_of

    with recorded(data) as records:
        result = result_of(records, records.surveys.named(key))
    if as_json:
        show_json(_plain(result))
        return
    _tell(result)


def list_surveys(data: options.Data = options.DATA, as_json: options.Json = False) -> None:
    """The surveys with their days, codes and answers."""
    from commands.installation import recorded
    from serviceday.survey import result_of

    with recorded(data) as records:
        results = [result_of(records, survey) for survey in records.surveys.all()]
    if as_json:
        show_json([_plain(result) for result in results])
        return
    show_table(
        say("survey.title", count=len(results)),
        [say(f"survey.column_{name}") for name in ("key", "day", "until", "handed_out", "answers", "average")],
        [
            (
                result.survey.key,
                result.survey.service_day,
                result.survey.until,
                result.handed_out,
                result.answers,
                "-" if result.average is None else f"{result.average:.1f} ({result.rated})",
            )
            for result in results
        ],
    )


def _pairs(given: list[str]) -> dict[str, list[str]]:
    pairs: dict[str, list[str]] = {}
    for entry in given:
        name, equals, words = entry.partition("=")
        if not equals or not name.strip():
            raise CannotParse("{entry!r} is no answer", "Write --set overall=5", entry=entry)
        pairs.setdefault(name.strip(), []).append(words)
    return pairs


def _collecting(records: Records, data: Path, timezone: str) -> Collecting:
    from facility.folder import DataFolder
    from serviceday.execution.phone.links import link_key
    from serviceday.survey import Collecting

    key = link_key(DataFolder(data).link_key)
    return Collecting(records, key, now=datetime.now(UTC), timezone=options.zone(timezone))


def _plain(result: SurveyResult) -> dict[str, object]:
    return {
        "key": result.survey.key,
        "service_day": result.survey.service_day,
        "until": result.survey.until,
        "handed_out": result.handed_out,
        "answers": result.answers,
        "rated": result.rated,
        "satisfied": result.satisfied,
        "average": result.average,
        "subjects": dict(result.subjects),
        "by_building": [
            {"site": site, "building": building, "answers": count}
            for (site, building), count in result.by_building.items()
        ],
    }


def _tell(result: SurveyResult) -> None:
    from serviceday.reports import taxonomy

    language, subjects = preferred(), taxonomy().subjects
    tell(say("survey.shown", key=result.survey.key, day=result.survey.service_day, until=result.survey.until))
    tell(say("survey.counts", handed_out=result.handed_out, answers=result.answers))
    if result.average is None:
        tell(say("survey.not_rated"))
    else:
        tell(say("survey.rated", average=f"{result.average:.1f}", rated=result.rated, satisfied=result.satisfied))
    for key, count in result.subjects.items():
        name = subjects[key].name[language] if key in subjects else key
        tell(f"  {printable(name)}: {count}")
    for (site, building), count in result.by_building.items():
        place = " ".join(filter(None, (site, building))) or say("survey.nowhere")
        tell(f"  {printable(place)}: {say('survey.answers_there', count=count)}")

"""`notify`: tell people, check and test the rules of telling."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.messages import say, told
from commands.app.output import show_json, spare_existing, tell
from commands.app.processes import asked_to_stop
from commands.telling import Telling, rules_path, service
from facility.errors import CannotDo, CannotParse, ServicedayError
from facility.folder import DataFolder
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from serviceday.notification.rules import Rules
    from serviceday.notification.service import Pass

RulesFile = Annotated[Path | None, typer.Option("--file", help=say("notify.file"), metavar="FILE")]


def init(
    data: options.Data = options.DATA,
    file: RulesFile = None,
    force: options.Force = False,
    as_json: options.Json = False,
) -> None:
    """A first file, in the user's language."""
    from serviceday import notification

    path = rules_path(DataFolder(data).existing().path, file)
    spare_existing([path], force=force)
    words = (Path(notification.__file__).parent / f"first.{preferred()}.toml").read_text(encoding="utf-8")
    try:
        path.write_text(words, encoding="utf-8")
    except OSError as error:
        raise CannotDo(
            "{file} cannot be written: {error}", "Name another with --file", file=path, error=error
        ) from None
    if as_json:
        show_json({"file": str(path)})
    else:
        tell(say("notify.written", file=path))


def check(
    file: Annotated[Path | None, typer.Argument(help=say("notify.file"), metavar="FILE")] = None,
    data: options.Data = options.DATA,
    as_json: options.Json = False,
) -> None:
    """Hold a file to its form; whatever is wrong ends with code 2, whatever is doubtful is told."""
    from serviceday.notification.advice import advice
    from serviceday.notification.checking import read_rules

    rules = read_rules(rules_path(data, file))
    doubts = list(advice(rules, datetime.now(UTC)))
    if as_json:
        show_json({"file": str(rules.path), "ok": True, "advice": [str(doubt) for doubt in doubts]})
        return
    for doubt in doubts:
        tell(f"! {told(doubt)}")
    tell(
        say(
            "notify.checked",
            file=rules.path.name,
            channels=len(rules.channels),
            people=len(rules.people),
            rosters=len(rules.timetables),
            routes=len(rules.routes),
        )
    )


def run(
    data: options.Data = options.DATA,
    file: RulesFile = None,
    once: Annotated[bool, typer.Option("--once", help=say("notify.once"))] = False,
    as_json: options.Json = False,
) -> None:
    """Follow the trail each second until interrupted. The file is read again when it changes."""
    from commands.installation import recorded

    path = rules_path(data, file)
    with recorded(data) as records:
        telling = Telling(records, data, path)
        if once:
            _show_pass(telling.once(), as_json)
            return
        if not as_json:
            tell(say("notify.running", file=path), error=True)
        with asked_to_stop() as stop:
            telling.until(stop, lambda outcome: _show_pass(outcome, as_json))


def _show_pass(outcome: Pass, as_json: bool) -> None:
    if as_json:
        show_json(asdict(outcome))
    elif outcome.elsewhere:
        tell(say("notify.elsewhere"))
    else:
        tell(say("notify.pass", **{key: value for key, value in asdict(outcome).items() if key != "elsewhere"}))


def try_out(
    who: Annotated[str, typer.Argument(help=say("notify.who_is_tested"), metavar="CHANNEL|PERSON")],
    data: options.Data = options.DATA,
    file: RulesFile = None,
    as_json: options.Json = False,
) -> None:
    """Really send a test message; ends with code 2 where one did not arrive."""
    from commands.installation import recorded
    from serviceday.notification.checking import read_rules

    rules = read_rules(rules_path(data, file), secrets=False)
    results: list[dict[str, object]] = []
    with recorded(data) as records:
        telling = service(records, data, rules)
        for receiver, channel in _tested(who, rules):
            outcome: dict[str, object] = {"receiver": receiver, "channel": channel, "delivered": True, "error": ""}
            try:
                telling.test(receiver, channel, datetime.now(UTC))
            except ServicedayError as error:
                outcome |= {"delivered": False, "error": told(error)}
            results.append(outcome)
            if not as_json:
                key = "notify.delivered" if outcome["delivered"] else "notify.not_delivered"
                tell(say(key, receiver=receiver, channel=channel, error=outcome["error"]))
    if as_json:
        show_json(results)
    if not all(outcome["delivered"] for outcome in results):
        raise typer.Exit(2)


def _tested(who: str, rules: Rules) -> list[tuple[str, str]]:
    """Whom to test by which channels. Raises `CannotParse` where nobody is meant."""
    from serviceday.notification.schema import SmtpChannel

    kind, _, name = who.partition(":") if ":" in who else ("", "", who)
    if name in rules.people and kind in ("", "person"):
        return [(f"person:{name}", channel) for channel in rules.people[name].address]
    if name in rules.channels and kind in ("", "channel"):
        if isinstance(rules.channels[name], SmtpChannel):
            person = next((person for person in rules.people.values() if name in person.address), None)
            if person is None:
                raise CannotDo("nobody in the file has an address on channel {name!r}", "Give somebody one", name=name)
            return [(f"person:{person.name}", name)]
        return [(f"channel:{name}", name)]
    raise CannotParse(
        "the file has neither a person nor a channel {name!r}",
        "There are {names}",
        name=who,
        names=[*rules.people, *rules.channels],
    )

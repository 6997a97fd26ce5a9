"""The program as a whole: every command, its help and its examples.

A command's module, and its phrases, are read when the command is called; the list of commands needs neither.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from commands.app.help import Command, DefaultGroup, Group, Program
from commands.app.messages import known, say
from commands.app.output import tell

# Where each command is: module and function.
COMMANDS: dict[str, str] = {
    "demo": "demo.demo",
    "simulate": "simulate.simulate",
    "ingest": "ingest_command.ingest",
    "watch": "watch.watch",
    "score": "score.score",
    "train": "train.train",
    "rank": "score.rank",
    "plan": "plan.plan",
    "due": "due.due",
    "announce": "announce.announce",
    "brief": "brief.brief",
    "evaluate": "evaluate.evaluate",
    "detect": "detect.detect",
    "models": "train.list_models",
    "status": "status.status",
    "audit": "audit.audit",
    "dashboard": "dashboard_command.dashboard",
    "restore": "backup.restore",
    "doctor": "doctor.doctor",
}
# A group may bear the name of a command: `plan` plans, `plan explain` asks about a plan.
GROUPS: dict[str, dict[str, str]] = {
    "plan": {
        "explain": "plan_changes.explain",
        "diff": "plan_changes.diff",
        "lock": "plan_changes.lock",
        "show": "plan_changes.show",
        "export": "plan_changes.export",
        "list": "plan_changes.list_plans",
    },
    "asset": {
        "list": "asset.list_assets",
        "show": "asset.show",
        "retire": "asset.retire",
        "out-of-use": "asset.out_of_use",
        "return": "asset.return_to_use",
        "move": "asset.move",
        "replace": "asset.replace_asset",
    },
    "duty": {
        "done": "duty.done",
        "import": "duty.import_file",
        "list": "duty.list_duties",
        "undo": "duty.undo",
        "show": "duty_show.show",
    },
    "day": {
        "new": "day.new",
        "list": "day.list_days",
        "show": "day.show",
        "change": "day.change",
        "announce": "day.announce",
        "start": "day.start",
        "close": "day.close",
        "publish": "brief.publish",
        "compare": "day_compare.compare",
        "praise": "day_praise.praise",
        "results": "day.results",
        "result": "day.result",
        "resolve": "day.resolve",
        "links": "rounds.links",
        "sheet": "rounds.sheet",
    },
    "brief": {"correct": "brief.correct"},
    "survey": {
        "new": "survey.new",
        "codes": "survey.codes",
        "answer": "survey.answer",
        "import": "survey.import_file",
        "show": "survey.show",
        "list": "survey.list_surveys",
    },
    "finding": {
        "list": "finding.list_findings",
        "show": "finding.show",
        "add": "finding.add",
        "assign": "finding.assign",
        "start": "finding.start",
        "done": "finding.done",
        "verify": "finding.verify",
        "reject": "finding.reject",
        "postpone": "finding.postpone",
        "close": "finding.close",
        "correct": "finding.correct",
        "export": "finding.export",
    },
    "outcome": {"add": "outcome.add", "list": "outcome.list_outcomes"},
    "import": {"assets": "import_.assets", "readings": "import_.readings", "events": "import_events.events"},
    "alerts": {
        "list": "alerts.list_alerts",
        "show": "alerts.show",
        "explain": "explaining.explain",
        "acknowledge": "alerts.acknowledge",
        "assign": "alerts.assign",
        "comment": "alerts.comment",
        "shelve": "alerts.shelve",
        "unshelve": "alerts.unshelve",
        "close": "alerts.close",
        "ack": "alerts.redeem",
        "report": "alerts_report.report",
    },
    "notify": {
        "init": "notify.init",
        "check": "notify.check",
        "run": "notify.run",
        "test": "notify.try_out",
        "log": "notify_asking.log",
        "who": "notify_asking.who",
        "explain": "notify_asking.explain",
        "try": "notify_asking.try_file",
    },
    "user": {
        "add": "user.add",
        "list": "user.list_users",
        "change": "user.change",
        "disable": "user.disable",
        "password": "user.password",
        "sessions": "user.sessions",
        "end-sessions": "user.end_sessions",
    },
    "quarantine": {
        "list": "quarantine.list_rows",
        "show": "quarantine.show",
        "replay": "quarantine.replay",
        "approve": "approving.approve",
        "drop": "quarantine.drop",
        "restore": "quarantine.restore",
        "purge": "quarantine.purge",
    },
    "devices": {
        "profiles": "devices.profiles",
        "try": "devices_trying.try_profile",
        "sniff": "devices_trying.sniff",
        "list": "devices.list_devices",
        "show": "devices.show",
        "approve": "devices_approving.approve",
        "ignore": "devices_approving.ignore",
    },
    "store": {
        "use": "store.use",
        "check": "store.check",
        "repair": "store.repair",
        "compact": "store.compact",
        "keep": "store.keep",
        "export": "store.export",
        "copy": "store.copy",
    },
    "backup": {"create": "backup.create", "list": "backup.list_backups", "verify": "backup.verify"},
    "report": {
        "add": "report.add",
        "import": "report.import_file",
        "list": "report.list_reports",
        "show": "report.show",
        "edit": "report.edit",
        "close": "report.close",
        "reopen": "report.reopen",
        "merge": "report.merge",
        "split": "report.split",
        "contact": "report.contact",
        "forget": "report.forget",
    },
}
WITH_DEFAULT = {"backup"}  # groups whose first command need not be named


def _examples(name: str) -> str | None:
    key = f"{name}.examples"
    if not known(key):
        return None
    return f"[bold]{say('program.examples_title')}[/bold]\n\n" + "\n\n".join(
        f"[cyan]{line.strip()}[/cyan]" for line in say(key).strip().splitlines()
    )


def _settings() -> dict[str, Any]:
    return {
        "rich_markup_mode": "rich",
        "pretty_exceptions_enable": False,
        "context_settings": {"help_option_names": ["-h", "--help"]},
    }


def _function(where: str) -> Callable[..., Any]:
    module, _, name = where.partition(".")
    function: Callable[..., Any] = getattr(import_module(f"commands.{module}"), name)
    return function


def _built(name: str) -> Any:
    """A command or group with its options, from its module."""
    kind = DefaultGroup if name in WITH_DEFAULT else Group
    made = typer.Typer(cls=kind, add_completion=False, no_args_is_help=name not in COMMANDS, **_settings())
    if name not in GROUPS:
        made.command(name, cls=Command, help=say(f"command.{name}"), epilog=_examples(name))(_function(COMMANDS[name]))
        return typer.main.get_command(made)
    if name in COMMANDS:
        made.callback(invoke_without_command=True, epilog=_examples(name), help=say(f"command.{name}"))(
            _function(COMMANDS[name])
        )
    for member, where in GROUPS[name].items():
        one = f"{name}.{member}"
        made.command(member, cls=Command, help=say(f"{one}.help"), epilog=_examples(one))(_function(where))
    group = typer.main.get_command(made)
    group.name, group.help = name, say(f"command.{name}")
    return group


class _Program(Program):
    """Lists its commands by one line each, and builds the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        names = [*(name for name in COMMANDS if name not in GROUPS), *GROUPS]
        lines = {name: TyperCommand(name, help=say(f"command.{name}")) for name in names}
        super().__init__(**{**attributes, "commands": lines})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and _built(str(name)), rest


app = typer.Typer(
    cls=_Program, help=say("program.help"), epilog=_examples("program"), no_args_is_help=True, **_settings()
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        tell(version("serviceday"))
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help=say("option.version"))
    ] = False,
    lang: Annotated[str, typer.Option("--lang", help=say("option.lang"), metavar="zh|en")] = "",
) -> None:
    """`--lang` is taken before the commands are read (`commands.main`); it stands here for the help."""


program = typer.main.get_command(app)

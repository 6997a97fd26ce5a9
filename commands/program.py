"""The program as a whole: every command, its help and its examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from commands import (
    alerts,
    assess,
    demo,
    detect,
    evaluate,
    imports,
    outcomes,
    plan,
    receive,
    serve,
    simulate,
    status,
    train,
)
from commands.words import PHRASES, say

COMMANDS: dict[str, Callable[..., Any]] = {
    "demo": demo.demo,
    "simulate": simulate.simulate,
    "ingest": receive.ingest,
    "score": assess.score,
    "train": train.train,
    "rank": assess.rank,
    "plan": plan.plan,
    "evaluate": evaluate.evaluate,
    "detect": detect.detect,
    "models": train.list_models,
    "status": status.status,
    "dashboard": serve.dashboard,
}
GROUPS: dict[str, dict[str, Callable[..., Any]]] = {
    "outcome": {"add": outcomes.add, "list": outcomes.list_outcomes},
    "import": {"assets": imports.assets, "readings": imports.readings},
    "alerts": {
        "list": alerts.list_alerts,
        "show": alerts.show,
        "acknowledge": alerts.acknowledge,
        "close": alerts.close,
    },
}


def _examples(name: str) -> str | None:
    key = f"{name}.examples"
    if key not in PHRASES:
        return None
    return f"[bold]{say('examples')}[/bold]\n\n" + "\n\n".join(
        f"[cyan]{line.strip()}[/cyan]" for line in say(key).strip().splitlines()
    )


def _add(app: typer.Typer, name: str, key: str, function: Callable[..., Any]) -> None:
    app.command(name, help=say(f"{key}.help"), epilog=_examples(key), no_args_is_help=False)(function)


def _settings() -> dict[str, Any]:
    return {
        "no_args_is_help": True,
        "rich_markup_mode": "rich",
        "pretty_exceptions_enable": False,
        "context_settings": {"help_option_names": ["-h", "--help"]},
    }


app = typer.Typer(help=say("program.help"), epilog=_examples("program"), **_settings())


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(version("serviceday"))
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help=say("option.version"))
    ] = False,
    lang: Annotated[str, typer.Option("--lang", help=say("option.lang"), metavar="zh|en")] = "",
) -> None:
    """`--lang` is taken before the commands are read (`commands.main`); it stands here for the help."""


for _name, _function in COMMANDS.items():
    _add(app, _name, _name, _function)
for _group, _members in GROUPS.items():
    _sub = typer.Typer(**_settings())
    for _name, _function in _members.items():
        _add(_sub, _name, f"{_group}.{_name}", _function)
    app.add_typer(_sub, name=_group, help=say(f"{_group}.help"))

program = typer.main.get_command(app)

"""Help pages in the user's language: what the command line library says on them in its own words.

The library takes its words from gettext when its module for help pages is read, so they are set there, when a page is
shown. It cuts what does not fit into a column where no blank is, and Chinese has none; here it is folded.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from typer.core import TyperCommand, TyperGroup

from commands.app.messages import say


class _Helped:
    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.help = say("program.help_option")
        return option

    def get_params(self, ctx: Any) -> list[Any]:
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for option in params:
            if getattr(option, "is_flag", False):  # a flag takes no value: no type beside it
                option.display_type_rich = lambda ctx: None
        return params

    def get_usage(self, ctx: Any) -> str:
        usage: str = super().get_usage(ctx)  # type: ignore[misc]
        return usage.replace("Usage:", say("program.usage"), 1)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        from typer import rich_utils

        rich_utils.OPTIONS_PANEL_TITLE = say("program.options")
        rich_utils.ARGUMENTS_PANEL_TITLE = say("program.arguments")
        rich_utils.COMMANDS_PANEL_TITLE = say("program.commands")
        rich_utils.DEFAULT_STRING = say("program.default")
        rich_utils.ENVVAR_STRING = say("program.variable")
        rich_utils.REQUIRED_LONG_STRING = say("program.required")
        rich_utils.highlighter = _folding(rich_utils.OptionHighlighter())
        super().format_help(ctx, formatter)  # type: ignore[misc]


def _folding(highlighter: Any) -> Any:
    def fold(text: Any) -> Any:
        highlighted = highlighter(text)
        highlighted.overflow = "fold"
        return highlighted

    return fold


class Command(_Helped, TyperCommand):
    """A command with such a help page."""


class Group(_Helped, TyperGroup):
    """A group of commands with such a help page."""


class DefaultGroup(Group):
    """A group that does what its first command does where none is named: `backup DEST` is `backup create DEST`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the first command's name before arguments that begin with none, nor with a misspelt one."""
        if args and args[0] not in ("-h", "--help") and not get_close_matches(args[0], self.commands, cutoff=0.7):
            args = [next(iter(self.commands)), *args]
        rest: list[str] = super().parse_args(ctx, args)
        return rest


class Program(Group):
    """The group of all, with options of the library's own."""

    def get_params(self, ctx: Any) -> list[Any]:
        found: list[Any] = super().get_params(ctx)
        for option in found:
            if option.name in ("install_completion", "show_completion"):
                option.help = say(f"program.{option.name}")
        return found

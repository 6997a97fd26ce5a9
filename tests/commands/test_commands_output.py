"""What commands print does nothing to a terminal, whoever wrote the words."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commands.app.output import progress, show_table, tell

HOSTILE = "\x1b]0;gone\x07 \x1b[2J [bold]x[/bold] [/] \u202eabc\u200b\x9b31m"


def harmless(shown: str) -> bool:
    return all(letter.isprintable() or letter == "\n" for letter in shown)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.text())
def test_no_words_reach_the_terminal_raw(capsys: pytest.CaptureFixture[str], words: str) -> None:
    tell(words)
    tell(words, error=True)
    show_table(words, ["a", "b"], [(words, words), (words, 1)])
    shown = capsys.readouterr()
    assert harmless(shown.out)
    assert harmless(shown.err)


def test_brackets_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    show_table("t", ["a"], [("[bold]L-1[/bold] [/]",), (HOSTILE,)])
    shown = capsys.readouterr().out
    assert "[bold]L-1[/bold] [/]" in " ".join(shown.split())
    assert harmless(shown)
    with progress() as shown_progress:
        shown_progress.add_task(HOSTILE, total=1, completed=1)
    assert harmless(capsys.readouterr().err)

"""Whatever another module may use says in a sentence what it is, and names say what things are."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("facility", "simulators", "ingest", "models", "serviceday", "dashboard", "commands")


def test_every_public_definition_has_a_docstring() -> None:
    silent, definitions = [], 0
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name[0] != "_":
                    definitions += 1
                    if not ast.get_docstring(node):
                        silent.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert definitions > 1500
    assert not silent


FILLERS = {"one", "found", "said", "told", "kept", "made", "known", "seen", "held", "came", "gone", "asked", "wanted"}


def test_names_are_nouns_of_the_field() -> None:
    """Words that would fit anything, as names of variables and parameters: fewer than one in a hundred."""
    names = [
        node.arg if isinstance(node, ast.arg) else node.id
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.arg) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    ]
    share = sum(name in FILLERS for name in names) / len(names)
    assert share < 0.01

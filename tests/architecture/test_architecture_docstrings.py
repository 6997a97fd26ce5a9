"""Whatever another module may use says in a sentence what it is."""

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

"""Whatever goes wrong is told in both languages: every error's template stands in a catalogue."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from facility.i18n.messages import placeholders

ROOT = Path(__file__).parents[2]
ROOMS = ["facility", "simulators", "ingest", "models", "serviceday", "dashboard", "commands"]
ERRORS = {"ServicedayError", "CannotParse", "CannotConvert", "CannotCommunicate", "CannotDo"}


@cache
def kinds() -> set[str]:
    """Our errors, and what is derived from them."""
    found = set(ERRORS)
    classes = [node for _, tree in trees() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    while (
        more := {one.name for one in classes for base in one.bases if isinstance(base, ast.Name) and base.id in found}
        - found
    ):
        found |= more
    return found


@cache
def trees() -> list[tuple[Path, ast.Module]]:
    files = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
    return [(file.relative_to(ROOT), ast.parse(file.read_text())) for file in files]


def catalogue(room: str) -> dict[str, str]:
    file = ROOT / room / "zh.toml"
    return tomllib.loads(file.read_text()) if file.exists() else {}


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _templates(node: ast.expr, tree: ast.Module) -> list[str]:
    """The literals an argument can be: itself, either side of an `if`, or what a name stands for."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value] if node.value else []
    if isinstance(node, ast.IfExp):
        return _templates(node.body, tree) + _templates(node.orelse, tree)
    if isinstance(node, ast.Call) and _name(node.func) in ("Sentence", "foreign"):
        return []  # looked at where it stands
    if isinstance(node, ast.Name):
        meant = [
            one.value
            for one in ast.walk(tree)
            if isinstance(one, ast.Assign) and any(isinstance(to, ast.Name) and to.id == node.id for to in one.targets)
        ]
        given = [
            one
            for one in ast.walk(tree)
            if isinstance(one, ast.arg)
            and one.arg == node.id
            and one.annotation
            and "Sentence" in ast.dump(one.annotation)
        ]
        if meant or given:
            return [one for value in meant for one in _templates(value, tree)]
    if isinstance(node, ast.Attribute) and node.attr in ("what", "do", "sentence"):
        return []  # of another error
    raise AssertionError(f"line {node.lineno}: {ast.unparse(node)} is neither a literal nor a `Sentence`")


@cache
def sentences() -> list[tuple[Path, int, list[str], set[str], bool]]:
    """Every place that says something: file, line, templates, names of the values given, whether more may be given."""
    found, ours = [], kinds()
    built = {
        one.name
        for _, tree in trees()
        for one in ast.walk(tree)
        if isinstance(one, ast.ClassDef)
        and one.name in ours - ERRORS
        and any(isinstance(inner, ast.FunctionDef) and inner.name == "__init__" for inner in one.body)
    }  # their words stand in their own `__init__`
    for file, tree in trees():
        if file.name in ("errors.py", "messages.py") and file.parts[0] == "facility":
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = _name(node.func)
            if name in ours - built or name == "Sentence":
                arguments = node.args[:2]
            elif name == "add" and isinstance(node.func, ast.Attribute) and _name(node.func.value) == "report":
                arguments = node.args[1:2]
            elif name == "__init__" and isinstance(node.func, ast.Attribute) and _derived(node, tree, ours):
                arguments = node.args[:2]
            else:
                continue
            try:
                templates = [one for argument in arguments for one in _templates(argument, tree)]
            except AssertionError as error:
                raise AssertionError(f"{file}, {error}") from None
            given = {one.arg for one in node.keywords if one.arg}
            found.append((file, node.lineno, templates, given, any(one.arg is None for one in node.keywords)))
    return found


def warnings() -> list[tuple[Path, int, str]]:
    """What is logged for people to read."""
    return [
        (file, node.lineno, node.args[0].value)
        for file, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("warning", "error", "critical", "exception")
        and _name(node.func.value) == "log"
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    ]


def _derived(call: ast.Call, tree: ast.Module, ours: set[str]) -> bool:
    """Whether `super().__init__(...)` stands in one of our errors."""
    return any(
        isinstance(one, ast.ClassDef) and one.name in ours and any(call is inner for inner in ast.walk(one))
        for one in ast.walk(tree)
    )


def test_every_sentence_is_a_literal_with_its_values() -> None:
    for file, line, templates, given, more in sentences():
        wanted = {name for template in templates for name in placeholders(template)} if given else set()
        assert more or wanted == given, f"{file}:{line}: {templates} with {sorted(given)}"


def test_every_sentence_stands_in_the_catalogue_of_its_room_or_of_the_facility() -> None:
    everywhere = {room: catalogue(room) for room in ROOMS}
    used: dict[str, set[str]] = {room: set() for room in ROOMS}
    missing = []
    for file, line, templates, _, _ in sentences():
        room = file.parts[0]
        for template in templates:
            home = "facility" if template in everywhere["facility"] else room
            used[home].add(template)
            if template not in everywhere[home]:
                missing.append(f"{file}:{line}: {template}")
    for file, line, template in warnings():
        used[file.parts[0]].add(template)
        if template not in everywhere[file.parts[0]]:
            missing.append(f"{file}:{line}: {template}")
    assert not missing
    used["facility"] |= set(_of_errors())
    for room in ROOMS:
        assert not set(everywhere[room]) - used[room], room
    for room in ROOMS[1:]:
        assert not set(everywhere[room]) & set(everywhere["facility"]), room


def _of_errors() -> list[str]:
    """What `facility.errors` itself says."""
    tree = ast.parse((ROOT / "facility/errors.py").read_text())
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


@pytest.mark.parametrize("file", [*(f"{room}/zh.toml" for room in ROOMS), "facility/foreign.zh.toml"])
def test_a_translation_has_the_placeholders_of_its_template(file: str) -> None:
    for english, chinese in tomllib.loads((ROOT / file).read_text()).items():
        wanted = set(placeholders(english))
        if "foreign" in file:
            assert set(placeholders(chinese)) <= wanted, english  # others say more than our users need
        else:
            assert set(placeholders(chinese)) == wanted, english
        assert chinese.strip(), english
        assert re.findall(r"%[.\d]*\w", chinese) == re.findall(r"%[.\d]*\w", english), english
        list(Formatter().parse(chinese))
        assert not re.search(r"[一-鿿][,;:!?]", chinese), f"{chinese}: half-width punctuation"

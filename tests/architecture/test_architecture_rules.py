"""Rules of the house that no other tool holds."""

import ast
import re
import subprocess
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

from facility.i18n.phrases import LANGUAGES, Phrases

ROOT = Path(__file__).parents[2]
ROOMS = ["commands", "dashboard", "facility", "ingest", "models", "serviceday", "simulators"]


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]


def phrase_files() -> list[Path]:
    alone = [file for room in ROOMS for file in (ROOT / room).rglob("phrases.toml")]
    return sorted([*alone, *(ROOT / "commands/phrases").glob("*.toml")])


@pytest.mark.parametrize("file", phrase_files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_phrase_exists_in_both_languages_with_the_same_placeholders(file: Path) -> None:
    phrases = Phrases(file)
    for key in phrases:
        found = {language: set(re.findall(r"{(\w+)", phrases[key][language])) for language in LANGUAGES}
        assert found["zh"] == found["en"], key
        assert phrases[key]["zh"].strip(), key


def test_every_room_that_speaks_has_phrases() -> None:
    speaking = {file.relative_to(ROOT).parts[0] for file in phrase_files()}
    assert {"commands", "dashboard", "ingest", "models", "serviceday"} <= speaking


def _pattern(node: ast.AST) -> str:
    """A string of the source as a pattern; a value put into it matches words and dots."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(re.escape(part.value) if isinstance(part, ast.Constant) else r"[\w.]+" for part in node.values)
    return ""


def test_commands_use_every_phrase_and_miss_none() -> None:
    from commands.app.program import COMMANDS, GROUPS

    there = {f"{file.stem}.{key}" for file in (ROOT / "commands/phrases").glob("*.toml") for key in Phrases(file)}
    nodes = [node for file in (ROOT / "commands").glob("*.py") for node in ast.walk(ast.parse(file.read_text()))]
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    said = [node.args[0] for node in calls if node.func.id == "say" and node.args]  # type: ignore[attr-defined]
    literal = {node.value for one in said for node in ast.walk(one) if isinstance(node, ast.Constant)}
    assert not {key for key in literal if isinstance(key, str) and re.fullmatch(r"\w+\.[\w.]*[^\W_]", key)} - there

    members = [f"{group}.{name}" for group, named in GROUPS.items() for name in named]
    used = {f"{name}.examples" for name in ["program", *COMMANDS, *GROUPS, *members]}
    used |= {f"{name}.help" for name in members} | {f"command.{name}" for name in [*COMMANDS, *GROUPS]}
    patterns = {pattern for node in nodes if "." in (pattern := _pattern(node))}
    assert not {key for key in there - used if not any(re.fullmatch(pattern, key) for pattern in patterns)}


def test_no_bags_and_no_room_names_inside_rooms() -> None:
    bags = {"utils", "util", "helpers", "helper", "common", "core", "base", "misc", "manager"}
    for room in ROOMS:
        for file in (ROOT / room).rglob("*.py"):
            assert file.stem not in bags, file
            assert file.stem not in ROOMS, file


def test_everything_is_listed_for_installation() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    files = [file.relative_to(ROOT) for file in tracked() if file.relative_to(ROOT).parts[0] in ROOMS]
    assert {".".join(file.parent.parts) for file in files} == set(settings["packages"])
    data = settings["package-data"]["*"]
    assert not [file for file in files if file.suffix != ".py" and not any(map(file.match, data))]


def test_requirements_are_pinned_by_hash_and_name_no_index() -> None:
    for file in (ROOT / "requirements").glob("*.txt"):
        text = file.read_text()
        assert "://" not in text
        assert "--index" not in text
        pins = [line for line in text.splitlines() if re.match(r"^[a-z0-9]", line)]
        assert pins
        assert all("==" in pin for pin in pins)
        assert text.count("--hash=sha256:") >= len(pins)


def test_nothing_committed_names_this_machine_or_an_index() -> None:
    unwanted = [b"/wo" + b"rk/", b"files.python" + b"hosted", b"pypi" + b".org/simple"]
    for file in tracked():
        content = file.read_bytes()
        assert not [word for word in unwanted if word in content], file


def test_both_readmes_have_the_same_headings_pictures_and_commands() -> None:
    def outline(name: str) -> tuple[list[str], list[str], list[str]]:
        text = (ROOT / name).read_text()
        levels = [line.split()[0] for line in text.splitlines() if re.match(r"^#+ ", line)]
        pictures = [
            Path(path).stem.removesuffix("-zh").removesuffix("-en") for path in re.findall(r"!\[.*?\]\((.*?)\)", text)
        ]
        code = [block.splitlines()[1:] for block in re.findall(r"```(?:sh|shell)\n.*?```", text, re.S)]
        commands = [re.sub(r"\s+#.*", "", line) for lines in code for line in lines]
        return levels, pictures, commands

    assert outline("README.md") == outline("README.zh-CN.md")


def test_links_in_the_documents_lead_somewhere() -> None:
    for file in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", file.read_text()):
            if not target.startswith(("http", "mailto")):
                assert (file.parent / target).exists(), f"{file.relative_to(ROOT)}: {target}"


def test_commands_speak_through_one_door_that_makes_words_harmless() -> None:
    for file in (ROOT / "commands").rglob("*.py"):
        if file.name == "output.py":
            continue
        source = file.read_text()
        assert "typer.echo" not in source, file
        assert not re.search(r"(?<![\w.])print\((?!.*file=sys\.stderr)", source), file
        assert "typer.secho" not in source, file


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    TopologicalSorter(
        {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    ).prepare()  # raises CycleError naming the circle


def test_the_walk_through_the_house_names_files_that_are_there_each_once() -> None:
    words = (ROOT / "docs/architecture.md").read_text()
    named = re.findall(r"`((?:commands|dashboard|facility|ingest|models|serviceday)/[\w/.]+\.\w+)`", words)
    assert len(named) > 50
    assert not [name for name in named if not (ROOT / name).is_file()]
    walk = words.split("## Where to add something")[0]
    twice = [name for name in set(named) if walk.count(f"`{name}`") > 1]
    assert not twice

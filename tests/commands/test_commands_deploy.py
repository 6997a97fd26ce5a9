"""What lies in `deploy/`: units that systemd takes, commands and options that are there, metrics that are told."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from commands.app.program import program
from ingest.monitor import metrics

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service")) + sorted((ROOT / "deploy" / "systemd").glob("*.timer"))
PROGRAM = "/opt/serviceday/.venv/bin/serviceday"


def read(unit):
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str
    parser.read(unit)
    return parser


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name)
def test_a_unit_calls_a_command_that_is_there_with_options_it_has(unit):
    service = read(unit)["Service"]
    name, *words = service["ExecStart"].split()
    assert name == PROGRAM
    context = program.make_context("serviceday", words, resilient_parsing=True)
    called, command, rest = program.resolve_command(context, words)
    assert called == words[0]
    if hasattr(command, "commands"):
        command = next(iter(command.commands.values()))
    options = {option for parameter in command.params for option in parameter.opts if option.startswith("-")}
    assert {word for word in rest if word.startswith("-")} <= options
    assert (service["UMask"], service["StateDirectoryMode"]) == ("0077", "0700")


def test_timers_start_units_that_are_there_and_variables_are_set():
    names = {unit.name for unit in UNITS}
    assert {unit.with_suffix(".service").name for unit in UNITS if unit.suffix == ".timer"} <= names
    variables = dict(
        line.split("=", 1)
        for line in (ROOT / "deploy/systemd/serviceday.env").read_text().splitlines()
        if not line.startswith("#")
    )
    source = "".join(
        path.read_text() for room in ("commands", "facility", "ingest") for path in (ROOT / room).rglob("*.py")
    )
    expanded = {name for unit in UNITS for name in re.findall(r"\$\{(\w+)\}", unit.read_text())}
    assert expanded <= variables.keys()
    for name in variables.keys() - expanded:
        assert name in source, name


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_takes_every_unit(tmp_path):
    for unit in UNITS:  # only the program stands elsewhere here
        (tmp_path / unit.name).write_text(unit.read_text().replace(PROGRAM, "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    ours = [line for line in done.stderr.splitlines() if "serviceday" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_rules_ask_for_metrics_that_are_told():
    rules = yaml.safe_load((ROOT / "deploy/prometheus/serviceday.rules.yml").read_text())["groups"][0]["rules"]
    source = Path(metrics.__file__).read_text()
    told = set(re.findall(r'"serviceday_(\w+)"', source)) | set(re.findall(r'\("(\w+)", "', source))
    for rule in rules:
        for name in re.findall(r"serviceday_(\w+)", rule["expr"]):
            assert name in told, name
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]

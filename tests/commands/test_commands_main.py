import subprocess
import sys
from pathlib import Path

import pytest

from commands.app.options import mapping, span, zone
from commands.main import choose_language, spread_maps
from facility.errors import CannotParse, ServicedayError


def serviceday(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-m", "commands.main", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1", **environment},
        timeout=120,
    )


def test_maps_may_be_said_the_short_way() -> None:
    said = ["import", "readings", "f.csv", "--map", "asset=a", "time=b", "value=c", "--scale", "5", "x=y"]
    assert spread_maps(said) == [
        *(
            "import",
            "readings",
            "f.csv",
            "--map",
            "asset=a",
            "--map",
            "time=b",
            "--map",
            "value=c",
            "--scale",
            "5",
            "x=y",
        )
    ]
    assert spread_maps(["--map", "a=b", "--map", "c=d", "e=f", "file"]) == [
        *("--map", "a=b", "--map", "c=d", "--map", "e=f", "file")
    ]


def test_the_language_may_stand_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "en")
    assert choose_language(["plan", "--lang", "zh", "-o", "x"]) == ["plan", "-o", "x"]
    assert choose_language(["--lang=en", "plan"]) == ["plan"]
    with pytest.raises(ServicedayError, match="not a language"):
        choose_language(["--lang", "fr"])


def test_spans_zones_and_maps_say_what_they_expect() -> None:
    assert span("45d").days == 45
    assert span("1.5h").total_seconds() == 5400
    for wrong in ("", "45", "d", "-3d", "0h", "3 years"):
        with pytest.raises(CannotParse, match="45d"):
            span(wrong)
    with pytest.raises(CannotParse, match="time zone"):
        zone("Mars/Olympus")
    with pytest.raises(CannotParse, match="OURS=THEIRS"):
        mapping(["asset"])


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_command_has_help_with_examples_in_both_languages(language: str) -> None:
    from commands.app.program import COMMANDS, GROUPS

    named = [[name] for name in COMMANDS] + [[group, name] for group, members in GROUPS.items() for name in members]
    word = {"zh": "示例", "en": "Examples"}[language]
    from commands.app.messages import known, phrases

    for file, *rest in named:
        key = ".".join((file, *rest))
        assert known(f"{key}.help" if rest else f"command.{file}"), key
        assert known(f"{key}.examples"), key
        examples = phrases(file)[".".join((*rest, "examples"))][language]  # type: ignore[index]
        assert f"serviceday {' '.join((file, *rest))}" in examples, key
    shown = serviceday("plan", "--help", SERVICEDAY_LANGUAGE=language)
    assert shown.returncode == 0
    assert word in shown.stdout


def test_a_command_reads_its_own_module_and_phrases_alone() -> None:
    shown = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from commands.app.program import program\n"
            "program(args=sys.argv[1:], standalone_mode=False)\n"
            "from commands.app.messages import phrases\n"
            "print(phrases.cache_info().currsize, sorted(one for one in sys.modules if one.startswith('commands.')))",
            *("due", "--help"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    last = shown.stdout.splitlines()[-1]
    modules = ("app", "app.help", "app.messages", "app.options", "app.output", "app.program", "due")
    assert last == f"4 {[f'commands.{name}' for name in modules]}"


def test_a_slip_of_the_pen_is_met_with_the_right_word() -> None:
    said = serviceday("reprot", "list")
    assert said.returncode == 2
    assert "report" in said.stderr.replace("reprot", "")


def test_what_users_can_mend_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    registry = tmp_path / "registry.csv"
    registry.write_text(
        "id,kind,commissioned,latitude\n"
        "L/1,lift,2020-01-01,\n"
        "T-1,teapot,2020-01-01,\n"
        "T-1,tank,2020-13-01,\n"
        ",tank,,\n"
        "T-2,tank,,abc\n"
    )
    plain = tmp_path / "file"
    plain.write_text("x")
    data = str(tmp_path / "data")
    wrong = {
        "registry.csv": ["import", "assets", str(registry), "--data", data],
        "no data folder": ["rank", "--data", str(tmp_path / "none")],
        "cannot be written": ["import", "assets", str(registry.with_name("ok.csv")), "--data", str(plain / "under")],
        "not a length of time": ["rank", "--data", str(tmp_path), "--horizon", "soon"],
        "127.0.0.1:1": ["ingest", "--data", data, "--broker", "mqtt://127.0.0.1:1"],
        "GB free": ["demo", "--headless", "--assets", "900000", "--history", "9000d", "--data", str(tmp_path / "huge")],
        "begins before": ["demo", "--headless", "--history", "99999d", "--data", str(tmp_path / "old")],
        "not a date": ["plan", "--data", data, "--service-day", "tomorrow"],
    }
    registry.with_name("ok.csv").write_text("id,kind\nT-1,tank\n")
    (tmp_path / "data").mkdir()
    for what, arguments in wrong.items():
        done = serviceday(*arguments)
        assert done.returncode == 2, (arguments, done.stdout, done.stderr)
        assert what in done.stderr, done.stderr
        assert done.stderr.startswith("serviceday: "), done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        assert "Traceback" not in done.stderr
    told = serviceday(*wrong["registry.csv"]).stderr
    for line in ("2", "3", "4", "5", "6"):
        assert f"line {line}" in told or f":{line}" in told, told


def test_help_does_not_import_the_heavy_rooms() -> None:
    code = (
        "import sys; from commands.app.program import program\n"
        "heavy = {'polars', 'numpy', 'sqlalchemy', 'sklearn', 'deltalake', 'streamlit', 'paho', 'pyarrow'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("command", [("status",), ("demo", "--headless"), ("import", "assets", "x.csv"), ("plan",)])
def test_an_empty_data_folder_is_no_wish_for_the_current_one(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = serviceday(*command, "--data", "")
    assert (refused.returncode, list(tmp_path.iterdir())) == (2, [])
    assert "--data is empty" in refused.stderr


def test_the_dashboard_serves_others_only_with_accounts_and_tls_or_a_proxy(tmp_path: Path) -> None:
    hosts = ("0.0.0.0", "::", "192.0.2.7", "server.example")  # noqa: S104
    for words in (*(("--host", host) for host in hosts), ("--behind-proxy",)):
        refused = serviceday("dashboard", "--data", str(tmp_path), *words)
        assert refused.returncode == 2
        assert "serviceday user add NAME --role administrator" in refused.stderr
    (tmp_path / "password").write_text("lantern orbit fig 7\n")
    more = ("--role", "administrator", "--password-file", str(tmp_path / "password"), "--data", str(tmp_path))
    assert serviceday("user", "add", "root", *more).returncode == 0
    for host in hosts:
        refused = serviceday("dashboard", "--data", str(tmp_path), "--host", host)
        assert refused.returncode == 2
        assert "--cert and --key, or --behind-proxy" in refused.stderr
    for words, told in (
        (("--cert", "a.pem"), "belong together"),
        (("--cert", "a.pem", "--key", "a.key"), "a.pem and a.key cannot be used"),
    ):
        refused = serviceday("dashboard", "--data", str(tmp_path), *words)
        assert refused.returncode == 2
        assert told in refused.stderr


def test_a_flag_shows_no_type_on_help_pages() -> None:
    assert "bool" not in serviceday("status", "--help").stdout

"""What users read when something goes wrong, in Chinese, through the real command."""

import io
import logging
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import main
from commands.app.console_log import _Told

Run = Callable[..., str]
CREW = """\
[[person]]
id = "a"
qualifications = ["acrobat"]
from = "25:00"
shoe_size = 43
[lunch]
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command that is refused; gives the line that says why."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "zh")
    for variable in ("SERVICEDAY_DATA", "SERVICEDAY_BROKER", "SERVICEDAY_INFLUX_TOKEN"):
        monkeypatch.delenv(variable, raising=False)

    def refused(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["serviceday", *arguments])
        with pytest.raises(SystemExit) as ended:
            main.run()
        said = capsys.readouterr()
        if ended.value.code == 0:
            return said.out
        assert ended.value.code == 2, said
        (line,) = [one for one in said.err.splitlines() if one.startswith("serviceday: ")]
        return line.removeprefix("serviceday: ")

    return refused


@pytest.fixture
def registered(run: Run, tmp_path: Path) -> Run:
    (tmp_path / "registry.csv").write_text("id,kind,commissioned\nL-1,lift,2020-01-01\nT-1,tank,\n")
    run("import", "assets", "registry.csv", "--data", "data")
    return run


def english(line: str) -> list[str]:
    """Runs of three words that stand in no command, quotation or list."""
    plain = re.sub(r"`[^`]*`|“[^”]*”|serviceday report add .*", "", line)
    return re.findall(r"\b[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}\b", plain)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("rank --data none", "none 处没有数据目录。请先运行 `serviceday demo` 或 `serviceday import assets`"),
        ("rank --data none --horizon soon", "“soon”不是时长。请写成例如 45d、12h 或 30min"),
        ("rank --timezone Mars/Olympus", "“Mars/Olympus”不是时区"),
        ("--lang fr rank", "没有 --lang “fr”这种语言"),
        ("reprot list", "没有“reprot”这个命令，是否指“report”？请看 `serviceday --help`"),
        ("plan --zzzz", "没有“--zzzz”这个选项。请看 `serviceday plan --help`"),
        ("plan explain", "缺少参数“ASSET”。请看 `serviceday plan explain --help`"),
        ("plan --hours many", "“--hours”的值无效：应为数字。请看 `serviceday plan --help`"),
        ("plan --service-day", "选项“--service-day”需要一个值。请看 `serviceday plan --help`"),
        ("status now", "多出参数（now）"),
        ("import assets none.csv", "无法读取 none.csv：没有这个文件或目录"),
        ("report add", "缺少参数"),
        ("store use tape", "没有“tape”这种存储。可用：lake、influx"),
        ("ingest --broker http://x", "消息服务器的地址以“http”开头。请写成 mqtt://user:password@host:port"),
        ("ingest --listen 0.0.0.0", "没有密码时，内置消息服务器不在 0.0.0.0 上监听"),
        ("ingest --broker mqtt://127.0.0.1:1", "mqtt://127.0.0.1:1 没有消息服务器应答：连接被拒绝"),
        ("ingest --allow /x/#/y", "不是可用的主题过滤器"),
        ("detect none.csv", "无法读取 none.csv：没有这个文件或目录"),
        ("simulate --broker mqtt://127.0.0.1:1 --faults 3", "“--faults”的值无效：应不大于 1"),
        ("evaluate --data none", "处没有"),
        ("demo --headless --history 99999d --data x", "天历史会早于"),
    ],
)
def test_what_is_asked_wrongly_is_told_in_chinese(run: Run, arguments: str, expected: str) -> None:
    said = run(*arguments.split())
    assert expected in said
    assert not english(said)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("plan", "计划没有日期"),
        ("plan --service-day tomorrow", "“tomorrow”不是日期。请写成 2026-03-31"),
        ("plan --service-day 2026-12-05 -o list.doc", "没有“.doc”这种形式。后缀可用：.xlsx、.pdf"),
        ("plan --service-day 2026-12-05 --what-if people+0.5", "设想“people+0.5”：人数须是整数"),
        ("plan --service-day 2026-12-05 --people 0", "班组人数不能是 0"),
        ("plan explain L-1", "还没有已存的计划。请先排一个"),
        ("plan diff 3 4", "没有第 3 号计划"),
        ("announce --service-day 2026-12-05", "没有 2026-12-05 的已存计划"),
        ("alerts show 99", "没有编号为 99 的告警。`serviceday alerts list` 列出现有的告警"),
        ("report show 99", "没有编号为 99 的诉求"),
        ("report edit 99 --by 王工", "没有要改的内容"),
        ("outcome add X-9 confirmed", "没有登记设备“X-9”。请查台账"),
        ("outcome add L-1 maybe", "没有“maybe”这种结果。请用 confirmed、not_found、other"),
        ("outcome add L-1 confirmed --mode rust", "lift 没有“rust”这种失效模式"),
        ("quarantine show 5", "没有"),
        ("rank --kind teapot", "没有“teapot”这个设备类别。可用：electrical_fire、"),
        ("train --until 2020-01-01 --label downtime", "也没有以此为名的已导入事件。是不是“downtime_min”"),
        ("import readings registry.csv --channel nosuch", "没有“nosuch”这个测点"),
    ],
)
def test_what_a_data_folder_does_not_hold_is_told_in_chinese(registered: Run, arguments: str, expected: str) -> None:
    said = registered(*arguments.split(), "--data", "data")
    assert expected in said
    assert not english(said)


def test_every_mistake_of_a_file_is_told_in_chinese_with_its_line(registered: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("id,kind\nL/1,lift\nT-1,teapot\nT-1,tank\n,tank\n")
    said = registered("import", "assets", "bad.csv", "--data", "data")
    assert said.startswith(
        "bad.csv 有 4 处问题：第 2 行：设备编号“L/1”含有空白或 / + #；编号要用在 MQTT 主题里；第 3 行："
    )
    assert "第 4 行：设备“T-1”出现两次，首次在第 3 行；第 5 行：设备没有编号。请改正文件后重新运行" in said
    (tmp_path / "bad.toml").write_text("[[asset]]\nid = L1\n")
    said = registered("import", "assets", "bad.toml", "--data", "data")
    assert said == "bad.toml 不是有效的 TOML：第 2 行第 6 列，值无效。请改正该行后重新运行"
    (tmp_path / "crew.toml").write_text(CREW)
    said = registered("plan", "--data", "data", "--service-day", "2026-12-05", "--crew", "crew.toml")
    assert "第 3 行：没有“acrobat”这种资质" in said
    assert "第 5 行：[person] 没有“shoe_size”这一项" in said
    (tmp_path / "reports.xlsx").write_bytes(b"PK\x03\x04 and nothing more")
    said = registered("report", "import", "reports.xlsx", "--data", "data")
    assert said == "reports.xlsx 不是 Excel 工作簿。请重新另存为 .xlsx 或 CSV"
    assert not english(said)


def test_a_port_in_use_and_an_unwritable_folder_are_told_in_chinese(run: Run, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = run("ingest", "--data", "data", "--port", str(port))
    assert said.startswith(f"内置消息服务器无法使用 127.0.0.1 的端口 {port}：端口已被占用。请用 --port 另选端口")
    (tmp_path / "file").write_text("x")
    said = run("ingest", "--data", "file/under")
    assert said == "无法写入数据目录 file/under：不是目录。请用 --data 另选一个，或修正其权限"


def test_the_influx_token_is_asked_for_in_chinese(run: Run) -> None:
    run("store", "use", "influx", "--url", "http://127.0.0.1:1", "--org", "o", "--data", "data")
    assert run("rank", "--data", "data").startswith("没有 http://127.0.0.1:1 处 InfluxDB 的令牌。请设置")


def test_what_a_file_holds_does_nothing_to_a_terminal(registered: Run, tmp_path: Path) -> None:
    (tmp_path / "evil.csv").write_text("asset,\x1b[2Jtime,value\nL-1,2026-01-01,3\n")
    said = registered("import", "readings", "evil.csv", "--channel", "machine_room_temperature", "--data", "data")
    assert "第 1 行：没有与 time 对应的列“time”" in said
    assert "\\x1b[2Jtime" in said
    assert "\x1b" not in said


def test_who_says_no_is_told_that_nothing_was_changed(
    registered: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    registered("import", "assets", "registry.csv", "--data", "data")
    monkeypatch.setattr(sys, "argv", ["serviceday", "quarantine", "purge", "--data", "data"])
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == 1
    assert "已取消，没有改动" in capsys.readouterr().err


def test_help_pages_speak_chinese_throughout(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = run("due", "--help")
    for word in ("用法：", "选项", "默认：", "环境变量：", "显示本页", "示例"):
        assert word in shown
    for word in ("Usage", "Options", "default", "env var", "Show this"):
        assert word not in shown
    assert "…" not in shown, "nothing is cut off"


def test_warnings_on_the_console_are_told_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    def line(message: str, *values: object) -> str:
        record = logging.LogRecord("ingest.service", logging.WARNING, __file__, 1, message, values, None)
        return _Told("%(levelname)s %(name)s: %(message)s").format(record)

    lost = ("connection to %s lost (%s); trying again", "mqtt://h:1", "Not authorized")
    full = (
        "cannot store (%s); the journal keeps everything, next try in %.1f s",
        OSError(28, "No space left on device"),
    )
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "zh")
    assert line(*lost) == "WARNING ingest.service: 与 mqtt://h:1 的连接中断（没有授权）；正在重试"
    assert line(*full, 0.5) == "WARNING ingest.service: 无法入库（磁盘已满）；日志保留全部消息，0.5 秒后重试"
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "en")
    assert line(*lost) == "WARNING ingest.service: connection to mqtt://h:1 lost (Not authorized); trying again"

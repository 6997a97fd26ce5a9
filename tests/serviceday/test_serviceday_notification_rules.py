"""`notifications.toml` is checked as a whole: every problem at once, with its line and the name that was meant."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.errors import CannotDo, CannotParse, Problems, ServicedayError
from facility.i18n.messages import Dictionary
from serviceday.notification.advice import advice
from serviceday.notification.checking import read_rules

ROOT = Path(__file__).parents[2]
GOOD = (ROOT / "serviceday/notification/first.en.toml").read_text()
NOW = datetime(2026, 12, 1, tzinfo=UTC)


def problems(tmp_path: Path, words: str) -> list[str]:
    file = tmp_path / "notifications.toml"
    file.write_text(words, encoding="utf-8")
    try:
        read_rules(file, secrets=False)
    except Problems as error:
        return list(error.problems)
    return []


def line_of(words: str, part: str) -> int:
    return words[: words.index(part)].count("\n") + 1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_first_file_is_in_order_and_asks_for_its_secrets(
    tmp_path: Path, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "notifications.toml"
    file.write_text((ROOT / f"serviceday/notification/first.{language}.toml").read_text())
    rules = read_rules(file, secrets=False)
    assert list(rules.people) == ["wang", "li", "chief"]
    assert not list(advice(rules, NOW))
    with pytest.raises(Problems, match="SERVICEDAY_SMTP_PASSWORD"):
        read_rules(file)
    monkeypatch.setenv("SERVICEDAY_SMTP_PASSWORD", "hush-hush")
    monkeypatch.setenv("SERVICEDAY_WECOM_URL", "https://example.org/send?key=hush-hush")
    assert read_rules(file).channels


def test_both_first_files_say_the_same() -> None:
    def bare(language: str) -> list[str]:
        words = (ROOT / f"serviceday/notification/first.{language}.toml").read_text()
        return [
            line.partition("#")[0].rstrip()
            for line in words.splitlines()
            if "title" not in line and "language" not in line
        ]

    assert bare("zh") == bare("en")


CASES = {
    "a channel that nobody has": ('to = ["roster:duty", "channel:group"]', 'to = ["channel:grup"]', "is it 'group'?"),
    "a person that nobody is": ('people = ["wang", "li"]', 'people = ["wang", "lee"]', "no person 'lee'"),
    "a roster that there is not": ('roster = "duty"\npeople', 'roster = "dutty"\npeople', "is it 'duty'?"),
    "an address by an unknown channel": ('group = "13800000001"', 'wecom = "138"', "no channel 'wecom'"),
    "an address that is none": ('mail = "li@example.org"', 'mail = "li at example"', "is not an e-mail address"),
    "a severity that there is not": ('severity = ["high"]', 'severity = ["hihg"]', "no severity 'hihg'; is it 'high'?"),
    "a key that nobody knows": ('escalate = [{ after = "15min"', 'escalte = [{ after = "15min"', "is it 'escalate'?"),
    "a key within": ('after = "15min"', 'afer = "15min", after = "15min"', "is it 'after'?"),
    "a length that is none": ('after = "15min"', 'after = "15 minutes"', "write it as 90s, 15min, 2h or 7d"),
    "hours that are none": ('quiet = "22:00-07:00"', 'quiet = "22-7"', "write it as 08:00-20:00"),
    "a kind of channel": ('kind = "wecom"', 'kind = "wecon"', "is it 'wecom'?"),
    "a secret in the open": ('url = { env = "SERVICEDAY_WECOM_URL" }', 'url = "https://x/?key=hush"', "is a secret"),
    "a password in the clear": ('tls = "starttls"', 'tls = "none"', "would travel in the clear"),
    "a zone that there is not": ('timezone = "Asia/Shanghai"', 'timezone = "Asia/Shangai"', "write for example"),
    "a name twice": ('name = "li"', 'name = "wang"', "'wang' stands there twice"),
    "escalations out of order": (
        'escalate = [{ after = "15min", to = ["person:chief"] }]',
        'escalate = [{ after = "15min", to = ["person:chief"] }, { after = "5min", to = ["person:li"] }]',
        "each step comes later",
    ),
    "a digest that escalates": (
        'digest = ["08:30", "16:30"]',
        'digest = ["08:30"]\nescalate = [{ after = "1h", to = ["person:li"] }]',
        "is not escalated",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, case: str) -> None:
    was, becomes, words = CASES[case]
    assert was in GOOD
    changed, position = GOOD.replace(was, becomes, 1), GOOD.index(was)
    found = problems(tmp_path, changed)
    assert [each for each in found if words in each], found
    lines = range(changed[: changed.rindex("\n[", 0, position)].count("\n") + 2, changed[:position].count("\n") + 3)
    if case != "a name twice":  # the second is told, and stands further down
        assert any(f"line {number}: " in each and words in each for number in lines for each in found), found
    assert "hush" not in "".join(found)


ROSTER = """
[[shift]]
roster = "duty"
people = ["li"]
starts = 2026-11-30
days = ["mon", "tue"]
hours = "HOURS"
"""


def test_a_roster_with_a_hole_or_two_at_once_is_refused(tmp_path: Path) -> None:
    hole = GOOD.replace('people = ["wang", "li"]\nstarts', 'people = ["wang"]\nhours = "08:00-20:00"\nstarts')
    found = problems(tmp_path, hole)
    assert len(found) == 7
    assert "nobody has roster 'duty' from mon 20:00 to tue 08:00" in found[0]
    overlap = GOOD + ROSTER.replace("HOURS", "06:00-10:00")
    assert "overlaps the shift of line" in problems(tmp_path, overlap)[0]
    assert problems(
        tmp_path, GOOD.replace('[[shift]]\nroster = "duty"\npeople = ["wang", "li"]\nstarts = 2026-11-30', "")
    )


WINDOW = """
[[window]]
name = "NAME"
match = { site = ["south"] }
begins = 2026-12-05T09:00:00
ends = ENDS
reason = "works"
"""


def test_windows_that_contradict_are_refused(tmp_path: Path) -> None:
    first = WINDOW.replace("NAME", "a").replace("ENDS", "2026-12-05T12:00:00")
    assert not problems(tmp_path, GOOD + first)
    twice = first + first.replace('"a"', '"b"').replace("T09", "T11").replace("T12", "T15")
    assert "overlaps the window of line" in problems(tmp_path, GOOD + twice)[0]
    assert "ends before it begins" in problems(tmp_path, GOOD + first.replace("T12", "T08"))[0]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{titel} {reason}", "no field 'titel'; is it 'title'?"),
        ("{title", "the template cannot be filled"),
        ("{title!r}", "fields are written plainly"),
        ("{title.zh}", "no field 'title.zh'"),
        ("{place}", "does not say what is wrong"),
    ],
)
def test_a_bad_template_is_refused(tmp_path: Path, template: str, words: str) -> None:
    changed = GOOD.replace("flood = 10", f'templates = {{ en = "{template}" }}\nflood = 10')
    found = problems(tmp_path, changed)
    assert [each for each in found if words in each and f"line {line_of(changed, 'templates')}:" in each], found


def test_all_problems_come_at_once_and_in_chinese(tmp_path: Path) -> None:
    changed = (
        GOOD.replace("channel:group", "channel:grup")
        .replace('"roster:duty"', '"roster:dutz"')
        .replace('"wang", "li"', '"wang"')
    )
    assert len(problems(tmp_path, changed)) >= 4
    with pytest.raises(Problems) as raised:
        read_rules(tmp_path / "notifications.toml", secrets=False)
    dictionary = Dictionary(ROOT / "serviceday/zh.toml", ROOT / "commands/zh.toml")
    told = dictionary.say(raised.value, "zh")
    assert "没有通道“grup”；是不是“group”？" in told
    assert "行：" in told


def test_no_file_and_no_toml(tmp_path: Path) -> None:
    with pytest.raises(CannotDo, match="notify init"):
        read_rules(tmp_path / "notifications.toml")
    (tmp_path / "notifications.toml").write_text("[[channel]\n")
    with pytest.raises(CannotParse, match="is not TOML"):
        read_rules(tmp_path / "notifications.toml")


LINES = GOOD.splitlines(keepends=True)
VALUES = ['""', "0", "-1", "[]", "{}", "true", '"x"', "2026-01-01", '["person:x"]', "nan", "99999-01-01", "07:00:00"]


@given(data=st.data())
def test_any_file_is_in_order_or_refused_with_lines(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Lines dropped, doubled, exchanged and overwritten: never a traceback, and a refusal has a line of the file."""
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["drop", "double", "swap", "value"])):
            case "drop":
                del lines[place]
            case "double":
                lines.insert(place, lines[place])
            case "swap":
                other = data.draw(st.integers(0, len(lines) - 1))
                lines[place], lines[other] = lines[other], lines[place]
            case _:
                key, equals, _ = lines[place].partition("=")
                value = data.draw(
                    st.sampled_from(['""', "0", "-1", "[]", "{}", "true", '"x"', "2026-01-01", '["person:x"]', "nan"])
                )
                lines[place] = f"{key}{equals}{value}\n" if equals else lines[place]
    file = tmp_path_factory.mktemp("rules") / "notifications.toml"
    file.write_text("".join(lines))
    refusal: ServicedayError | None = None
    try:
        list(advice(read_rules(file, secrets=False), NOW))
    except ServicedayError as error:
        refusal = error
    if isinstance(refusal, Problems):
        assert refusal.problems
        for problem in refusal.problems:
            assert 1 <= int(problem.removeprefix("line ").partition(":")[0]) <= len(lines)
    elif refusal is not None:
        assert "is not TOML" in str(refusal)

import errno
import os
import pickle
from pathlib import Path

import pytest

from facility.errors import CannotCommunicate, CannotDo, CannotParse, Problems, ServicedayError
from facility.i18n.messages import Dictionary, Sentence, foreign
from facility.i18n.phrases import Text


@pytest.fixture
def dictionary(tmp_path: Path) -> Dictionary:
    file = tmp_path / "zh.toml"
    file.write_text(
        '"no {thing!r} stands at {place}" = "{place} 没有{thing!r}"\n'
        '"Take one of {choices}" = "请用 {choices}"\n'
        '"is it there?" = "在那里吗？"\n'
        '"{name} has \\"{{}}\\" in {count:,} rows" = "{name} 有 {count:,} 行含“{{}}”"\n'
    )
    return Dictionary(file)


def test_an_error_is_english_by_itself_and_chinese_by_the_dictionary(dictionary: Dictionary) -> None:
    error = CannotDo(
        "no {thing!r} stands at {place}", "Take one of {choices}", thing="灯", place=Path("/x"), choices=["a", "b"]
    )
    assert str(error) == "no '灯' stands at /x. Take one of a, b"
    assert dictionary.say(error, "en") == str(error)
    assert dictionary.say(error, "zh") == "/x 没有“灯”。请用 a、b"
    assert dictionary.say(error.do, "zh") == "请用 a、b"
    assert dictionary.say(CannotDo("is it there?", "Take one of {choices}", choices=[1]), "zh") == "在那里吗？请用 1"
    assert str(CannotDo("is it there?", "Take it")) == "is it there? Take it"


def test_words_without_values_stand_as_they_are() -> None:
    assert str(CannotParse('write {"format": 2}')) == 'write {"format": 2}'
    assert str(CannotParse("said {words}", words="{0} {} %s")) == "said {0} {} %s"


def test_what_is_nested_is_told_in_the_language_of_the_whole(dictionary: Dictionary) -> None:
    inner = CannotDo("no {thing!r} stands at {place}", thing="x", place="y")
    outer = CannotDo("Take one of {choices}", choices=inner)
    assert str(outer) == "Take one of no 'x' stands at y"
    assert dictionary.say(outer, "zh") == "请用 y 没有“x”"
    assert dictionary.say(CannotDo("Take one of {choices}", choices=Text(zh="好", en="good")), "zh") == "请用 好"
    problems = Problems("f.csv", [Sentence("line {line}: {what}", line=n, what=inner.what) for n in (2, 3)])
    assert problems.problems == ("line 2: no 'x' stands at y", "line 3: no 'x' stands at y")
    assert dictionary.say(problems, "zh") == (
        "f.csv 有 2 处问题：第 2 行：y 没有“x”；第 3 行：y 没有“x”。请改正文件后重新运行"
    )
    assert str(Problems("f.csv", problems.sentences[:1])).startswith("f.csv: 1 problem: line 2")


def test_words_of_others_are_recognised(dictionary: Dictionary) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x/y")
    error = CannotDo("{path} cannot be written: {error}", path="/x/y", error=full)
    assert str(error) == "/x/y cannot be written: No space left on device"
    assert dictionary.say(error, "zh") == "无法写入 /x/y：磁盘已满"
    assert dictionary.say(foreign("Connection refused"), "zh") == "连接被拒绝"
    assert dictionary.say(foreign("Oops, the flux is off"), "zh") == "Oops, the flux is off"
    assert dictionary.say("[Errno 13] Permission denied: '/x'", "zh") == "'/x'：没有权限"
    assert dictionary.say("Invalid value (at line 2, column 6)", "zh") == "第 2 行第 6 列，值无效"


def test_a_line_kept_in_english_is_recognised_later(dictionary: Dictionary) -> None:
    error = CannotCommunicate(
        "no {thing!r} stands at {place}", "Take one of {choices}", thing="a b", place="c", choices=["d", "e"]
    )
    assert dictionary.say(str(error), "zh") == "c 没有“a b”。请用 d, e"
    assert dictionary.say('f has "{}" in 1,200 rows', "zh") == "f 有 1,200 行含“{}”"
    assert dictionary.say("x" * 10_000, "zh") == "x" * 10_000
    assert dictionary.say("", "zh") == ""


def test_errors_come_back_whole_from_another_process() -> None:
    class_of = {type(one): one for one in (CannotDo("no {x}", "do", x=1), Problems("f", [Sentence("line {n}", n=1)]))}
    for kind, error in class_of.items():
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        assert isinstance(again, ServicedayError)
        assert type(again) is kind
        assert str(again) == str(error)
        assert again.what == error.what

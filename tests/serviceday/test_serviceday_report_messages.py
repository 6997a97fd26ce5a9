"""What residents write is understood, on voices nobody tuned for; and one message may hold several."""

from __future__ import annotations

from report_messages import NOW, REPORTED, messages, score

from serviceday.reports import Said, unpacked


def _texts(words: str) -> list[str]:
    return [part.text for part in unpacked(Said(text=words, at=NOW))]


def test_voices_that_were_not_tuned_on_are_understood() -> None:
    scores = [score(author) for author in REPORTED]
    assert sum(part.categories[0] for part in scores) >= 0.85 * sum(part.categories[1] for part in scores)
    assert sum(part.dangers[0] for part in scores) >= 0.95 * sum(part.dangers[1] for part in scores)
    assert sum(part.false_dangers[0] for part in scores) <= 0.03 * sum(part.false_dangers[1] for part in scores)
    assert sum(part.buildings_wrong for part in scores) <= 0.01 * sum(part.messages for part in scores)
    assert sum(part.merged_wrong for part in scores) == 0


def test_three_problems_are_three_and_a_chat_is_every_speaker_s() -> None:
    assert len(_texts("3号楼电梯异响，5楼灯不亮，楼道垃圾没人收")) == 3
    assert _texts("[10:21] 王姐: 2号楼漏水\n[10:22] 老李: 门禁坏了") == ["2号楼漏水", "门禁坏了"]
    for author in REPORTED:
        assert all(len(_texts(message.text)) == 1 for message in messages(author))

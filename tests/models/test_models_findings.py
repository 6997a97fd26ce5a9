"""Learning from inspections: corrections that are drawn to nothing, judged on later answers, and kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from facility.assessments import Assessment
from facility.errors import CannotDo, CannotParse
from facility.i18n.phrases import Text
from facility.inspections import Finding, Outcome
from models.feedback import FOLDER, adopted, cases, kept, learn

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
BEIJING = ZoneInfo("Asia/Shanghai")
UNTIL = FIRST + timedelta(days=200)


def belief(asset, at, odds):
    p = float(1 / (1 + np.exp(-odds)))
    return Assessment(
        asset=asset, as_of=at, horizon_days=7, probability=p, sensor_probability=0.02, flagged=p >= 0.5, score=odds,
        mode="", reason=Text(zh="因", en="why"), coverage=1.0, model="fleet-1",
    )  # fmt: skip


def world(count, bias, seed=0):
    """Inspections every day whose truth is the belief's odds plus a bias."""
    random = np.random.default_rng(seed)
    outcomes, history = [], {}
    for i in range(count):
        asset, at, odds = f"A-{i:03d}", FIRST + timedelta(days=i * 150 / count, hours=9), float(random.normal(0, 1.5))
        there = random.random() < 1 / (1 + np.exp(-(odds + bias)))
        history[asset] = [belief(asset, at - timedelta(days=2), odds), belief(asset, at + timedelta(hours=1), 9.0)]
        finding = Finding.CONFIRMED if there else Finding.NOT_FOUND
        outcomes.append(Outcome(asset=asset, at=at, finding=finding))
    return outcomes, history


class TestCases:
    def test_only_what_was_believed_before(self):
        outcomes, history = world(5, 0.0)
        assert all(c.belief.as_of < c.at for c in cases(outcomes, history, until=UNTIL))

    def test_what_was_found_later_or_without_a_fresh_belief_teaches_nothing(self):
        outcomes, history = world(5, 0.0)
        assert cases(outcomes, history, until=FIRST) == []
        assert cases(outcomes, {}, until=UNTIL) == []
        old = {a: [replace(h[0], as_of=FIRST - timedelta(days=99))] for a, h in history.items()}
        assert cases(outcomes, old, until=UNTIL) == []

    def test_another_fault_is_a_fault(self):
        outcomes, history = world(1, -9.0)
        other = [replace(outcomes[0], finding=Finding.OTHER)]
        assert cases(other, history, until=UNTIL)[0].confirmed


class TestLearning:
    def test_models_that_cry_wolf_are_brought_down(self, tmp_path):
        made = learn(cases(*world(200, -2.0), until=UNTIL), until=UNTIL, timezone=BEIJING, folder=tmp_path)
        assert made.card["adopted"]
        assert made.card["comparison"]["new"] < made.card["comparison"]["of_rival"]
        loud = belief("A", FIRST, 1.0)
        (quiet,) = made.corrected([loud])
        assert loud.flagged
        assert not quiet.flagged
        assert quiet.probability == pytest.approx(1 / (1 + np.exp(1.0)), abs=0.12)
        assert quiet.model.endswith(made.version)

    def test_few_answers_move_little_and_say_so(self, tmp_path):
        made = learn(cases(*world(8, -2.0), until=UNTIL), until=UNTIL, timezone=BEIJING, folder=tmp_path)
        assert made.card["comparison"]["why"] == "few"
        (one,) = made.corrected([belief("A", FIRST, 1.0)])
        assert 0.3 < one.probability < 0.73

    def test_too_few_are_refused(self, tmp_path):
        with pytest.raises(CannotDo, match="too few"):
            learn(cases(*world(7, 0.0), until=UNTIL), until=UNTIL, timezone=BEIJING, folder=tmp_path)
        assert kept(tmp_path) == []

    def test_nothing_to_correct_is_not_adopted_over_nothing(self, tmp_path):
        """Where the beliefs are right, no correction is better than chance: over many worlds few are adopted."""
        taken = [
            learn(cases(*world(60, 0.0, s), until=UNTIL), until=UNTIL, timezone=BEIJING, folder=tmp_path / str(s))
            for s in range(10)
        ]
        assert all(abs(one.corrected([belief("A", FIRST, 0.0)])[0].probability - 0.5) < 0.25 for one in taken)

    def test_kept_with_a_card_in_both_languages(self, tmp_path):
        made = learn(cases(*world(100, -2.0), until=UNTIL), until=UNTIL, timezone=BEIJING, folder=tmp_path)
        assert kept(tmp_path) == [made]
        for language, word in (("zh", "局限"), ("en", "Limits")):
            card = (tmp_path / FOLDER / made.version / f"card.{language}.md").read_text(encoding="utf-8")
            assert word in card
            assert "{" not in card.replace(str(made.card["weights"]), "")

    def test_a_past_is_never_judged_by_what_was_found_later(self, tmp_path):
        made = learn(cases(*world(100, -2.0), until=UNTIL), until=UNTIL, timezone=BEIJING, folder=tmp_path)
        until = date.fromisoformat(made.card["until"])
        assert adopted(tmp_path, before=until - timedelta(days=1)) is None
        assert adopted(tmp_path, before=until) == made

    def test_a_damaged_file_is_told_of(self, tmp_path):
        made = learn(cases(*world(20, 0.0), until=UNTIL), until=UNTIL, timezone=BEIJING, folder=tmp_path)
        (tmp_path / FOLDER / made.version / "correction.json").write_text("{}")
        with pytest.raises(CannotParse, match="cannot be read"):
            kept(tmp_path)

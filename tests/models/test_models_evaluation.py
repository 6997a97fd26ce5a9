"""Figures against a truth file, and the file itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from facility.assessments import Assessment
from facility.errors import CannotDo, CannotParse
from facility.i18n.phrases import Text
from models.evaluation.ranking_metrics import TrueFault, evaluate, read_truth
from models.wording import PHRASES, number, quantity

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def believed(asset, score, *, sensor=0.0, mode=""):
    return Assessment(
        asset=asset, as_of=NOW, horizon_days=7, probability=1 / (1 + 2.718**-score), sensor_probability=sensor,
        flagged=score > 0, score=score, mode=mode, reason=Text(zh="", en=""), coverage=1.0, model="t",
    )  # fmt: skip


def fault(asset, *, trouble="equipment", mode="zone_leak", seen=3, repaired=None):
    return TrueFault(
        asset=asset, mode=mode, trouble=trouble, onset=NOW - timedelta(days=5),
        detectable_from=None if seen is None else NOW - timedelta(days=seen),
        repaired_at=None if repaired is None else NOW - timedelta(days=repaired),
    )  # fmt: skip


def test_only_what_can_be_seen_and_is_still_there_counts():
    found = [believed("A", 3, mode="zone_leak"), believed("B", 2), believed("C", -1), believed("D", -2, sensor=0.9)]
    truth = [
        fault("A"),
        fault("C"),
        fault("B", repaired=1),
        fault("B", seen=None),
        fault("D", trouble="sensor", mode="sensor_stuck"),
        fault("elsewhere"),
    ]
    figures = evaluate(found, truth, as_of=NOW)
    assert (figures.assets, figures.faulty, figures.hits, figures.precision) == (4, 2, 1, 0.5)
    assert (figures.flagged, figures.recall, figures.false_flags) == (2, 0.5, 0)
    assert (figures.sensor_faulty, figures.sensor_hits, figures.sensor_taken_for_machine) == (1, 1, 0)
    assert [(m.mode, m.faulty, m.hits, m.named) for m in figures.modes] == [
        ("zone_leak", 2, 1, 1),
        ("sensor_stuck", 1, 1, 0),
    ]


def test_no_faults_at_all():
    figures = evaluate([believed("A", 1)], [], as_of=NOW)
    assert (figures.precision, figures.recall, figures.false_flags) == (1.0, 1.0, 1)


HEADER = "asset,mode,trouble,onset,detectable_from,failure_time,confirmed_at,severity,repaired_at\n"


def test_the_file(tmp_path):
    file = tmp_path / "faults.csv"
    file.write_text(HEADER + "A,zone_leak,equipment,2026-05-01T00:00:00+00:00,2026-05-03T00:00:00Z,,,1.2,\n")
    (one,) = read_truth(file)
    assert one.present(NOW)
    assert not one.present(datetime(2026, 5, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("asset,mode\nA,b\n", "no column"),
        (HEADER + "A,b,equipment,yesterday,,,,1,\n", "line 2"),
        (HEADER + "A,b,equipment,,,,,1,\n", "no onset"),
    ],
)
def test_what_is_no_truth_file(tmp_path, text, says):
    file = tmp_path / "faults.csv"
    file.write_text(text)
    with pytest.raises(CannotParse, match=says):
        read_truth(file)


def test_no_file(tmp_path):
    with pytest.raises(CannotDo, match="no truth file"):
        read_truth(tmp_path / "none.csv")


def test_every_phrase_exists_in_both_languages_with_the_same_placeholders():
    from string import Formatter

    for key in PHRASES:
        words = PHRASES[key]
        zh, en = ({field for _, field, _, _ in Formatter().parse(text) if field} for text in (words.zh, words.en))
        assert zh == en, key


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0312, "0.0312"),
        (3.1234, "3.12"),
        (312.4, "312"),
        (3120, "3120"),
        (0, "0"),
        (-2.5, "-2.5"),
        (1e-9, "0"),
        (float("nan"), "?"),
    ],
)
def test_numbers_read_like_numbers(value, shown):
    assert number(value) == shown


def test_units_read_like_units():
    assert quantity(21.345, "Cel") == Text(zh="21.3 °C", en="21.3 °C")
    assert quantity(4.0, "1") == Text(zh="4", en="4")

"""Recordings: files as people have them, trouble found in made-up machines, thresholds that keep their budget."""

from __future__ import annotations

import contextlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from facility.errors import CannotDo, CannotParse, ServicedayError
from models.recordings import Recording
from models.recordings.alarms import Manner, Span, alarms, flags, threshold
from models.recordings.behaviour import Behaviour
from models.recordings.detecting import detect, healthy_rows, matched
from models.recordings.files import read_recording
from simulators.testbeds import TESTBEDS


def recording(values, step=1.0):
    values = np.asarray(values, dtype=np.float64)
    names = tuple(f"c{i}" for i in range(values.shape[1]))
    return Recording(channels=names, values=values, seconds=step * np.arange(len(values)), times=None)


def shifted(seed=0, rows=900, channels=4, by=2.0):
    """White noise; channel 1 is off by `by` from row 600 to 750."""
    values = np.random.default_rng(seed).standard_normal((rows, channels))
    values[600:750, 1] += by
    return values


class TestFiles:
    def written(self, tmp_path, text, encoding="utf-8"):
        path = tmp_path / "r.csv"
        path.write_bytes(text.encode(encoding))
        return path

    @pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
    def test_any_separator(self, tmp_path, separator):
        rows = [["datetime", "a", "b"], ["2026-03-01 10:00:00", "1.5", "2"], ["2026-03-01 10:00:05", "-3e2", ""]]
        found = read_recording(self.written(tmp_path, "\n".join(separator.join(r) for r in rows)))
        assert found.channels == ("a", "b")
        assert found.seconds.tolist() == [0, 5]
        assert found.values[0].tolist() == [1.5, 2]
        assert np.isnan(found.values[1, 1])

    @pytest.mark.parametrize(
        "moments",
        [
            ("2026-03-01T10:00:00Z", "2026-03-01T10:01:00Z"),
            ("2026-03-01T10:00:00.000+08:00", "2026-03-01T10:01:00.000+08:00"),
            ("2026-03-01 10:00", "2026-03-01 10:01"),
            ("01.03.2026 10:00:00", "01.03.2026 10:01:00"),
            ("2026/03/01 10:00:00", "2026/03/01 10:01:00"),
            ("1772330400", "1772330460"),
            ("1772330400000", "1772330460000"),
        ],
    )
    def test_ways_to_write_a_time(self, tmp_path, moments):
        found = read_recording(self.written(tmp_path, f"x,time\n1,{moments[0]}\n2,{moments[1]}\n"))
        assert found.seconds.tolist() == [0, 60]
        assert found.channels == ("x",)

    def test_decimal_commas_yes_and_no_a_bom_and_text(self, tmp_path):
        text = "\ufeffZeit;druck;an;ort\n2026-03-01 10:00:00;1,5;True;Köln\n2026-03-01 10:00:01;2,25;False;Bonn\n"
        found = read_recording(self.written(tmp_path, text))
        assert found.channels == ("druck", "an")
        assert found.values.tolist() == [[1.5, 1], [2.25, 0]]

    def test_labels_are_left_out(self, tmp_path):
        path = self.written(tmp_path, "a,anomaly\n1,0\n2,1\n")
        assert read_recording(path, ignore=["anomaly"]).channels == ("a",)
        with pytest.raises(CannotParse, match="no column 'anomly'"):
            read_recording(path, ignore=["anomly"])

    @pytest.mark.parametrize(
        ("text", "what"),
        [("", "empty"), ("a,b\n", "no rows"), ("a,b\nx,y\n", "no column of numbers"), ("a\0b", "no text file")],
    )
    def test_what_is_no_recording_is_told(self, tmp_path, text, what):
        with pytest.raises(CannotParse, match=what):
            read_recording(self.written(tmp_path, text))
        with pytest.raises(CannotDo, match="cannot be read"):
            read_recording(tmp_path / "none.csv")

    def test_a_bad_time_is_named(self, tmp_path):
        with pytest.raises(CannotParse, match="'yesterday'"):
            read_recording(self.written(tmp_path, "t,a\n2026-03-01 10:00:00,1\nyesterday,2\n"), time="t")

    def test_a_word_among_the_numbers_is_missing_and_a_column_of_words_is_left_out(self, tmp_path):
        text = "time,a,b,c\n" + "".join(f"2026-03-01 {h:02}:00,{h}.5,ok,{h}\n" for h in range(20))
        found = read_recording(self.written(tmp_path, text.replace("7.5,", "Bad Input,")))
        assert found.channels == ("a", "c")
        assert np.isnan(found.values[:, 0]).tolist() == [h in (7, 17) for h in range(20)]
        assert [str(one) for one in found.notes] == [
            "column 'a': 2 cells are no numbers and count as missing, 'Bad Input' in line 9 first"
        ]
        assert [(one.column, str(one.why)) for one in found.left_out] == [("b", "it holds words, 'ok' first")]

    def test_newest_first_is_sorted_and_told(self, tmp_path):
        rows = [f"2026-03-01 {h:02}:00;{h},5" for h in range(20)]
        there = read_recording(self.written(tmp_path, "\n".join(["time;a", *rows])))
        back = read_recording(self.written(tmp_path, "\n".join(["time;a", *rows[::-1]])))
        assert back.values.tolist() == there.values.tolist()
        assert back.seconds.tolist() == there.seconds.tolist()
        assert back.times == there.times
        assert back.file_rows == tuple(range(20, 0, -1))
        assert "order of their times" in str(back.notes[0])

    def test_an_offset_counts(self, tmp_path):
        times = ["2026-10-25 02:30:00+02:00", "2026-10-25 02:30:00+01:00", "2026-10-25T02:30:00Z"]
        found = read_recording(self.written(tmp_path, "time,a\n" + "".join(f"{one},1\n" for one in times)))
        assert found.seconds.tolist() == [0, 3600, 7200]

    @pytest.mark.parametrize(
        ("cells", "asked"),
        [(("5/3/2026", "6/3/2026"), "--date-order"), (("25/3/2026", "6/3/2026"), ""), (("3/25/2026", "6/3/2026"), "")],
    )
    def test_day_and_month_are_asked_for(self, tmp_path, cells, asked):
        path = self.written(tmp_path, "time;a\n" + "".join(f"{one} 10:00;1\n" for one in cells))
        if asked:
            with pytest.raises(CannotParse, match=asked):
                read_recording(path)
        else:
            assert abs(np.diff(read_recording(path).seconds)[0]) > 86_400 * 10

    def test_thousands_are_not_decimals(self, tmp_path):
        found = read_recording(self.written(tmp_path, "a;b\n1.043,5;1.043\n2.000,25;2.000\n"))
        assert found.values.tolist() == [[1043.5, 1.043], [2000.25, 2.0]]
        with pytest.raises(CannotParse, match="--decimal"):
            read_recording(self.written(tmp_path, "a;b\n1,043;1\n2,000;2\n"))

    def test_a_western_code_page_keeps_its_names(self, tmp_path):
        found = read_recording(self.written(tmp_path, "Größe;Höhe\n1,5;2\n2,5;3\n", "cp1252"))
        assert found.channels == ("Größe", "Höhe")

    @settings(max_examples=60, deadline=None)
    @given(st.text(max_size=200))
    def test_no_text_crashes(self, tmp_path_factory, text):
        path = tmp_path_factory.mktemp("any") / "r.csv"
        path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
        with contextlib.suppress(ServicedayError):
            assert read_recording(path).rows >= 1


class TestDetecting:
    def test_a_shift_is_one_alarm_with_its_channel(self):
        found = detect(recording(shifted()), train_rows=400)
        assert len(found.alarms) == 1
        alarm = found.alarms[0]
        assert 600 <= alarm.first <= 620
        assert 749 <= alarm.last <= 790
        assert alarm.channels[0].channel == "c1"
        assert alarm.channels[0].off > 1

    @pytest.mark.parametrize(("budget", "train"), [(None, 600), (0.05, 400)])
    def test_the_budget_holds_on_healthy_rows_not_seen(self, budget, train):
        """In the mean of eight machines of other noise, and on each of them up to three times the budget."""
        shares = []
        for seed in range(8):
            random = np.random.default_rng(seed)
            values = random.standard_normal((1500, 4)) @ random.standard_normal((4, 4))
            found = detect(recording(values), train_rows=train, budget=budget)
            shares.append(float(found.flag[train:].mean()))
        assert np.mean(shares) <= found.founded.budget
        assert max(shares) <= 3 * found.founded.budget

    def test_it_says_what_the_budget_stands_on(self):
        founded = detect(recording(shifted()), train_rows=400).founded
        assert (founded.rows, founded.blocks, founded.windows) == (400, 5, 40)
        assert founded.budget == founded.provable == 0.025
        assert detect(recording(shifted()), train_rows=400, budget=0.001).founded.budget == 0.001

    @pytest.mark.parametrize("by", [1.5, 3.0, 12.0])
    def test_an_alarm_ends_when_the_event_ends(self, by):
        """Within a long window and the rows that must be quiet, however strong the event was."""
        for seed in range(4):
            found = detect(recording(shifted(seed, by=by)), train_rows=400)
            event = [alarm for alarm in found.alarms if alarm.first < 750 and alarm.last >= 600]
            assert event
            assert event[-1].last <= 750 + 33

    def test_an_event_that_leaves_a_trace_ends_all_the_same(self):
        values = shifted(by=4.0, rows=1100)
        values[750:, 1] += 0.7
        found = detect(recording(values), train_rows=400)
        assert found.flag[610:750].mean() > 0.9
        assert found.flag[800:].mean() < 0.1

    def test_a_common_drift_is_not_under_an_alarm_for_ever(self):
        """Every channel wanders off slowly after the healthy rows and stays there."""
        shares = []
        for seed in range(4):
            values = np.random.default_rng(seed).standard_normal((3000, 6))
            values += 0.4 * np.clip((np.arange(3000) - 400) / 1200, 0, 1)[:, None]
            shares.append(detect(recording(values), train_rows=400).flag[2200:].mean())
        assert np.mean(shares) < 0.05

    def test_a_score_knows_nothing_of_what_comes(self):
        values = shifted()
        whole, part = detect(recording(values), train_rows=400), detect(recording(values[:650]), train_rows=400)
        assert np.allclose(whole.score[:650], part.score)

    def test_the_same_seed_the_same_answer(self):
        bed = TESTBEDS["engine"](1)
        one = recording(bed.values)
        assert np.array_equal(detect(one, train_rows=bed.train).score, detect(one, train_rows=bed.train).score)

    @pytest.mark.parametrize("name", TESTBEDS)
    def test_made_up_machines(self, name):
        """Better than the farthest channel of a static limit, machine by machine, in the mean of two faults."""
        ours, limits = [], []
        for seed in (100, 101):
            bed = TESTBEDS[name](seed)
            after = slice(bed.train, None)
            score = detect(recording(bed.values, bed.step_seconds), train_rows=bed.train).score
            healthy = bed.values[: bed.train]
            width = np.where(healthy.std(axis=0) > 0, healthy.std(axis=0), 1.0)
            far = np.abs((bed.values - healthy.mean(axis=0)) / width).max(axis=1)
            ours.append(roc_auc_score(bed.labels[after], score[after]))
            limits.append(roc_auc_score(bed.labels[after], far[after]))
        assert np.mean(ours) > np.mean(limits)

    def test_a_machine_that_warms_up_goes_on_warming_up(self):
        values = shifted(by=0.0, rows=1000)
        values[:, 0] += 0.01 * np.arange(1000)
        assert detect(recording(values), train_rows=400).flag.mean() < 0.1

    def test_operating_points_are_told_from_rounding(self):
        random = np.random.default_rng(0)
        on = (np.arange(600) // 40 % 2)[:, None]
        modes = 10.0 * on * np.array([1, -1, 2]) + 0.3 * random.standard_normal((600, 3))
        assert Behaviour().fit(modes, np.arange(600.0)).points == 2
        rounded = np.round(random.standard_normal((600, 3)))
        assert Behaviour().fit(rounded, np.arange(600.0)).points == 1

    def test_silence_constants_and_nonsense(self):
        values = shifted(by=3.0)
        values[100:130] = np.nan
        values[:, 2] = np.nan
        values[:, 3] = 7.0
        values[700, 0] = 1e30
        found = detect(recording(values), train_rows=400)
        assert np.isfinite(found.score).all()
        assert found.still == ("c3",)
        assert found.flag[620:750].mean() > 0.9

    def test_a_channel_that_never_moved_moves(self):
        values = np.random.default_rng(0).standard_normal((800, 3))
        values[:, 2] = 1.0
        values[600:, 2] = 0.0
        found = detect(recording(values), train_rows=400)
        assert found.flag[600:].mean() > 0.9
        assert found.alarms[0].channels[0].channel == "c2"

    @pytest.mark.parametrize("rows", [0, 5, 901])
    def test_too_little_to_learn(self, rows):
        with pytest.raises(CannotDo, match="--train-rows"):
            detect(recording(shifted()), train_rows=rows)

    def test_healthy_rows_unless_told(self):
        assert healthy_rows(recording(np.zeros((10_000, 2)))) == 1500
        assert healthy_rows(recording(np.zeros((10_000, 1)))) == 750
        assert healthy_rows(recording(np.zeros((300, 1)))) == 100
        assert healthy_rows(recording(np.zeros((60, 1)))) == 30

    @settings(max_examples=25, deadline=None)
    @given(st.integers(20, 60), st.integers(1, 4), st.integers(0, 2**32 - 1))
    def test_no_table_crashes(self, rows, channels, seed):
        random = np.random.default_rng(seed)
        values = random.choice([0.0, 1.0, np.nan, 1e9, -3.5], (rows, channels))
        values[0] = 0.0
        found = detect(recording(values), train_rows=20)
        assert np.isfinite(found.score).all()
        assert (found.score >= 0).all()


class TestAlarms:
    def test_short_bursts_are_no_alarm_and_short_gaps_no_end(self):
        score = np.array([0, 2, 0, 0, 2, 2, 2, 0, 2, 2, 0, 0, 0, 0, 2], dtype=float)
        assert alarms(score, Manner(on_delay=2, off_delay=3))[0] == (Span(first=5, last=9),)

    def test_an_alarm_may_last_to_the_end(self):
        spans, limits = alarms(np.array([0.0, 2, 2, 2]), Manner(on_delay=2, off_delay=5))
        assert spans == (Span(first=2, last=3),)
        assert flags(spans, 4).tolist() == [False, False, True, True]
        assert limits.tolist() == [1, 1, 1, 1]

    @given(
        st.lists(st.floats(0, 5), max_size=120),
        st.integers(1, 5),
        st.integers(1, 9),
        st.sampled_from([0, 10, 60]),
        st.integers(0, 40),
    )
    def test_alarms_are_apart_in_order_and_begin_above(self, values, on, off, memory, learned):
        score = np.array(values)
        manner = Manner(on_delay=on, off_delay=off, memory=memory, usual=0.2, mean=0.3, learned=learned)
        spans, limits = alarms(score, manner)
        assert ((limits >= 1) & (limits <= 5)).all()
        assert (limits[: learned if not spans else 0] == 1).all()
        for span in spans:
            assert score[span.first] >= limits[span.first] >= 1
            assert span.first <= span.last < len(score)
        assert all(a.last + off < b.first for a, b in itertools.pairwise(spans))

    @given(st.floats(1.2, 40), st.integers(0, 200), st.floats(0, 0.4))
    def test_an_alarm_ends_within_its_delay_when_the_score_is_usual_again(self, height, length, usual):
        score = np.concatenate([np.full(50, usual), np.full(20 + length, height), np.full(100, usual)])
        spans, _ = alarms(score, Manner(on_delay=3, off_delay=15, memory=400, usual=usual, mean=usual, learned=0))
        assert spans == (Span(first=52, last=69 + length),)

    @pytest.mark.parametrize("budget", [0.2, 0.05, 0.01])
    def test_the_budget_is_kept_by_the_threshold(self, budget):
        random = np.random.default_rng(0)
        limit = threshold(random.exponential(size=2000), budget, 2000)
        assert (random.exponential(size=200_000) >= limit).mean() <= 1.1 * budget

    def test_a_smaller_budget_a_higher_threshold(self):
        held = np.random.default_rng(0).exponential(size=300)
        limits = [threshold(held, b, 20) for b in (0.2, 0.1, 0.05, 0.01, 0.001)]
        assert limits == sorted(limits)

    def test_a_heavier_tail_a_higher_threshold(self):
        random = np.random.default_rng(1)
        light = threshold(random.uniform(size=4000), 0.001, 4000)
        heavy = threshold(random.pareto(4, size=4000), 0.001, 4000)
        assert light < 1.2
        assert heavy > 3


class TestHealthyFile:
    def test_columns_are_matched_by_name(self):
        values = shifted()
        whole = detect(recording(values), train_rows=400)
        rest = recording(values[400:])
        healthy = recording(values[:400])
        turned = Recording(
            channels=(*healthy.channels[::-1], "more"),
            values=np.hstack([healthy.values[:, ::-1], np.zeros((400, 1))]),
            seconds=healthy.seconds,
            times=None,
        )
        found = detect(rest, healthy=matched(rest, turned, "h.csv"))
        assert found.healthy_rows == 0
        assert found.founded == whole.founded
        assert [alarm.channels[0].channel for alarm in found.alarms] == ["c1"]
        assert abs(found.alarms[0].first + 400 - whole.alarms[0].first) <= 3

    def test_a_channel_that_nothing_is_known_of_is_refused(self):
        rest, healthy = recording(shifted()), recording(shifted(channels=2))
        with pytest.raises(CannotParse, match=r"h.csv has no channel 'c2', 'c3'"):
            matched(rest, healthy, "h.csv")

    def test_too_few_healthy_rows(self):
        with pytest.raises(CannotDo, match="--healthy"):
            detect(recording(shifted()), healthy=recording(shifted()[:10]))

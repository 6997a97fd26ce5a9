"""The commands of those who try, teach and question the models: detect, outcome, train --outcomes, models."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from commands.app.program import app
from facility.assessments import Assessment
from facility.errors import CannotConvert, CannotDo, CannotParse
from facility.estate import Asset, Estate, Site
from facility.folder import DataFolder
from facility.i18n.phrases import Text
from facility.records import Records

RUN = CliRunner()


def said(*arguments: str) -> str:
    done = RUN.invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def pump(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).standard_normal((700, 3))
    values[500:600, 1] += 3
    path = tmp_path / "pump.csv"
    lines = ["datetime;flow;current;shake;anomaly"]
    for i, row in enumerate(values):
        moment = datetime(2026, 3, 1) + timedelta(seconds=i)
        lines.append(";".join([f"{moment}", *(f"{v:.4f}" for v in row), str(int(500 <= i < 600))]))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


class TestDetect:
    def test_score_and_flag_a_row_and_a_summary(self, pump: Path) -> None:
        out = pump.with_name("out.csv")
        told = json.loads(
            said("detect", str(pump), "--train-rows", "300", "--ignore", "anomaly", "-o", str(out), "--json")
        )
        assert told["channels"] == ["flow", "current", "shake"]
        strongest = max(told["alarms"], key=lambda alarm: alarm["peak"])
        assert strongest["channels"][0]["channel"] == "current"
        assert told["founded_on"] == {"rows": 300, "windows": 42.9, "held_out_blocks": 5}
        with out.open() as stream:
            rows = list(csv.DictReader(stream))
        assert len(rows) == 700
        assert rows[0]["time"] == "2026-03-01 00:00:00"
        flagged = [int(r["row"]) for r in rows if r["flag"] == "1"]
        assert min(alarm["first_row"] for alarm in told["alarms"]) == flagged[0]
        assert set(range(520, 600)) <= set(flagged)
        assert len(flagged) < 150

    def test_train_until_says_the_same_as_rows(self, pump: Path) -> None:
        by_time = said("detect", str(pump), "--train-until", "2026-03-01T00:05:00", "--ignore", "anomaly", "--json")
        by_rows = said("detect", str(pump), "--train-rows", "300", "--ignore", "anomaly", "--json")
        assert json.loads(by_time) == json.loads(by_rows)

    def test_rows_go_to_standard_output_if_no_file_is_named(self, pump: Path) -> None:
        assert said("detect", str(pump), "--train-rows", "300").splitlines()[0] == "row,time,score,flag"

    @pytest.mark.parametrize(
        ("more", "what"),
        [
            (["--train-rows", "5"], "cannot learn"),
            (["--train-rows", "300", "--train-until", "2026-03-01"], "both say"),
            (["--train-until", "2026-02-01"], "no row lies before"),
            (["--train-until", "soon"], "not a time"),
            (["--ignore", "label"], "no column 'label'"),
        ],
    )
    def test_what_is_wrong_is_said(self, pump: Path, more: list[str], what: str) -> None:
        with pytest.raises((CannotDo, CannotParse), match=what):
            RUN.invoke(app, ["detect", str(pump), *more], catch_exceptions=False)


class TestOutcomes:
    @pytest.fixture
    def data(self, tmp_path: Path) -> str:
        """Twenty lifts that were believed to be ill with even odds, on 2026-03-01."""
        folder = DataFolder(tmp_path / "data").prepare()
        assets = tuple(Asset(id=f"L-{i}", kind="lift") for i in range(20))
        belief = [
            Assessment(
                asset=a.id, as_of=datetime(2026, 3, 1, tzinfo=UTC), horizon_days=7, probability=0.5, score=0.0,
                sensor_probability=0.0, flagged=True, mode="", reason=Text(zh="因", en="why"), coverage=1.0, model="m",
            )
            for a in assets
        ]  # fmt: skip
        with Records(folder.records) as records:
            records.estate.put(Estate(sites=(Site(id="default"),), assets=assets))
            records.assessments.put(belief)
        return str(folder.path)

    def test_recorded_listed_and_learned_from(self, data: str) -> None:
        for i in range(20):
            finding = "confirmed" if i % 5 == 0 else "not_found"
            said(
                "outcome",
                "add",
                f"L-{i}",
                finding,
                "--at",
                f"2026-03-{2 + i:02d}T09:00",
                "--by",
                "Wang",
                "--data",
                data,
            )
        listed = json.loads(said("outcome", "list", "--data", data, "--json"))
        assert [one["finding"] for one in listed].count("confirmed") == 4
        card = json.loads(said("train", "--outcomes", "--until", "2026-04-01", "--data", data, "--json"))
        assert (card["cases"], card["confirmed"]) == (20, 4)
        assert card["comparison"]["new"] < card["comparison"]["of_rival"]
        assert card["adopted"]
        assert [one["version"] for one in json.loads(said("models", "--data", data, "--json"))] == [card["version"]]
        assert card["version"] in said("models", "--data", data)

    def test_too_few_say_how_many_are_needed(self, data: str) -> None:
        said("outcome", "add", "L-0", "other", "--data", data)
        with pytest.raises(CannotDo, match="At least 8"):
            RUN.invoke(app, ["train", "--outcomes", "--until", "2030-01-01", "--data", data], catch_exceptions=False)

    @pytest.mark.parametrize(
        ("arguments", "what"),
        [
            (["L-99", "confirmed"], "no asset 'L-99'"),
            (["L-0", "broken"], "not a finding"),
            (["L-0", "confirmed", "--mode", "haunted"], "no failure mode"),
            (["L-0", "confirmed", "--at", "noon"], "not a time"),
        ],
    )
    def test_nonsense_is_refused(self, data: str, arguments: list[str], what: str) -> None:
        with pytest.raises((CannotConvert, CannotParse), match=what):
            RUN.invoke(app, ["outcome", "add", *arguments, "--data", data], catch_exceptions=False)

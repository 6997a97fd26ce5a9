"""`detect` beside T2+Q, a static limit, an isolation forest and a rolling z-score: on made-up machines and series, and
on two real series of NAB.

The made-up machines are `simulators.testbeds`, the series `simulators.single_series`; their seeds here were not used to
build the detector. False alarms are compared at equal recall: each peer's threshold is set so that it finds as many of
the bad rows as our flags do. Series are scored as NAB scores them (standard profile, 0..100). The NAB series are read
from ../shared/data/nab if they are there. SERVICEDAY_PARTS (machines, series, nab) chooses some of the tables.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from models.evaluation.window_score import learned_rows, standard_score
from models.recordings import Recording
from models.recordings.alarms import Manner, alarms, threshold
from models.recordings.detecting import detect
from models.recordings.files import read_recording
from models.recordings.reference import window_widths
from models.statistics import FloatArray
from simulators.single_series import LOOKS, single_series
from simulators.testbeds import TESTBEDS, Testbed

SEEDS = range(100, 112)
SERIES_SEEDS = range(100, 106)
Z_WIDTHS, Z_LIMITS, Z_QUIET = (288, 600, 1000), (3.0, 4.0, 5.0), (50, 150)
NAB = Path(__file__).parents[2] / "shared/data/nab"
HEALTHY_UNTIL = {
    "machine_temperature_system_failure.csv": "2013-12-10",
    "ambient_temperature_system_failure.csv": "2013-09-01",
}


def main() -> None:
    parts = os.environ.get("SERVICEDAY_PARTS", "machines,series,nab").split(",")
    for name in TESTBEDS if "machines" in parts else ():
        print(json.dumps(_machines(name)), flush=True)
    if "series" in parts:
        for table in _series():
            print(json.dumps(table), flush=True)
    if "nab" not in parts:
        return
    if not NAB.is_dir():
        print(f"skipped NAB: no {NAB.parent.name}/{NAB.name} beside the repository", flush=True)
        return
    for file, until in HEALTHY_UNTIL.items():
        print(json.dumps(_nab(NAB / file, until)), flush=True)


def _machines(name: str) -> dict[str, object]:
    aurocs: dict[str, list[float]] = {}
    false: dict[str, list[float]] = {}
    recalls, alarm_counts, ours_seconds, forest_seconds = [], [], 0.0, 0.0
    after_events: list[float] = []
    silent = hits = misses = wrong = 0
    for seed in SEEDS:
        bed = TESTBEDS[name](seed)
        recording = Recording(
            channels=bed.columns,
            values=bed.values,
            seconds=np.arange(len(bed.values), dtype=np.float64) * bed.step_seconds,
            times=None,
        )
        begun = time.process_time()
        found = detect(recording, train_rows=bed.train)
        ours_seconds += time.process_time() - begun
        begun = time.process_time()
        forest = _forest(bed.values, bed.train)
        forest_seconds += time.process_time() - begun
        scores = {"T2+Q": _t2q(bed), "static limit": _static(bed), "isolation forest": forest}
        after = slice(bed.train, None)
        bad = bed.labels[after] == 1
        flagged = found.flag[after]
        recall = float(flagged[bad].mean())
        recalls.append(recall)
        alarm_counts.append(len(found.alarms))
        silent += not flagged[bad].any()
        hits, misses, wrong = hits + flagged[bad].sum(), misses + (~flagged)[bad].sum(), wrong + flagged[~bad].sum()
        over = int(np.flatnonzero(bad)[-1]) + 1
        if over < len(bad):
            after_events.append(float(flagged[over:].mean()))
        aurocs.setdefault("detect", []).append(float(roc_auc_score(bad, found.score[after])))
        false.setdefault("detect", []).append(float(flagged[~bad].mean()))
        for peer, score in scores.items():
            aurocs.setdefault(peer, []).append(float(roc_auc_score(bad, score[after])))
            limit = np.quantile(score[after][bad], 1 - recall)
            false.setdefault(peer, []).append(float((score[after][~bad] >= limit).mean()) if recall > 0 else 0.0)
    return {
        "benchmark": "detect",
        "machine": name,
        "runs": len(SEEDS),
        "auroc": {k: round(float(np.mean(v)), 3) for k, v in aurocs.items()},
        "recall_of_rows": round(float(np.mean(recalls)), 3),
        "false_alarm_share_at_that_recall": {k: round(float(np.mean(v)), 4) for k, v in false.items()},
        "f1_of_rows": round(2 * int(hits) / (2 * int(hits) + int(misses) + int(wrong)), 3),
        "events_without_an_alarm": silent,
        "flagged_after_the_event": round(float(np.mean(after_events)), 3) if after_events else None,
        "alarms_a_run": round(float(np.mean(alarm_counts)), 2),
        "processor_seconds": round(ours_seconds, 1),
        "isolation_forest_processor_seconds": round(forest_seconds, 1),
    }


def _series() -> list[dict[str, object]]:
    """Alarms of `detect` without a word said, and of the rolling z-score whose setting is best over all looks."""
    drawn = {look: [single_series(look, seed) for seed in SERIES_SEEDS] for look in LOOKS}
    ours: dict[str, list[list[int]]] = {}
    begun = time.process_time()
    for look, several in drawn.items():
        ours[look] = []
        for series in several:
            recording = Recording(
                channels=("value",), values=series.values[:, None], seconds=series.seconds, times=None
            )
            found = detect(recording, train_rows=learned_rows(len(series.values)))
            ours[look].append([alarm.first for alarm in found.alarms])
    seconds = time.process_time() - begun
    settings = [(w, k, q) for w in Z_WIDTHS for k in Z_LIMITS for q in Z_QUIET]
    peers = {
        chosen: {
            look: [_rolling_alarms(series.values, *chosen) for series in several] for look, several in drawn.items()
        }
        for chosen in settings
    }

    def score(raised: dict[str, list[list[int]]], looks: Sequence[str]) -> float:
        return standard_score(
            (len(series.values), series.windows, rows)
            for look in looks
            for series, rows in zip(drawn[look], raised[look], strict=True)
        )

    every = list(drawn)
    best = max(peers, key=lambda chosen: score(peers[chosen], every))
    tables: list[dict[str, object]] = [
        {
            "benchmark": "detect",
            "look": look,
            "series": len(drawn[look]),
            "score": {"detect": round(score(ours, [look]), 1), "rolling z-score": round(score(peers[best], [look]), 1)},
            "alarms_a_series": {
                "detect": round(float(np.mean([len(rows) for rows in ours[look]])), 1),
                "rolling z-score": round(float(np.mean([len(rows) for rows in peers[best][look]])), 1),
            },
        }
        for look in every
    ]
    total = {"detect": round(score(ours, every), 1), "rolling z-score": round(score(peers[best], every), 1)}
    return [
        *tables,
        {
            "benchmark": "detect",
            "look": "all",
            "score": total,
            "rolling_z_score_setting": dict(zip(("width", "limit", "quiet"), best, strict=True)),
            "processor_seconds": round(seconds, 1),
        },
    ]


def _rolling_alarms(values: FloatArray, width: int, limit: float, quiet: int) -> list[int]:
    found: list[int] = []
    score = _rolling(values, width)
    for row in np.flatnonzero(score > limit):
        if row >= learned_rows(len(values)) and (not found or row - found[-1] >= quiet):
            found.append(int(row))
    return found


def _t2q(bed: Testbed) -> FloatArray:
    healthy = bed.values[: bed.train]
    width = np.where(healthy.std(axis=0) > 0, healthy.std(axis=0), 1.0)
    z = (bed.values - healthy.mean(axis=0)) / width
    pca = PCA(0.95).fit(z[: bed.train])
    scores = pca.transform(z)
    t2 = (scores**2 / pca.explained_variance_).sum(axis=1)
    q = ((z - pca.inverse_transform(scores)) ** 2).sum(axis=1)
    limits = [max(float(np.quantile(one[: bed.train], 0.99)), 1e-9) for one in (t2, q)]
    return np.asarray(np.maximum(t2 / limits[0], q / limits[1]))


def _static(bed: Testbed) -> FloatArray:
    """How many standard deviations the farthest channel is off: an alarm limit a channel, all equally wide."""
    healthy = bed.values[: bed.train]
    width = np.where(healthy.std(axis=0) > 0, healthy.std(axis=0), 1.0)
    return np.asarray(np.abs((bed.values - healthy.mean(axis=0)) / width).max(axis=1))


def _forest(values: FloatArray, train: int) -> FloatArray:
    return np.asarray(-IsolationForest(random_state=0).fit(values[:train]).score_samples(values))


def _nab(path: Path, until: str) -> dict[str, object]:
    recording = read_recording(path)
    assert recording.first is not None
    train = int(
        (
            recording.seconds < (datetime.fromisoformat(until).replace(tzinfo=UTC) - recording.first).total_seconds()
        ).sum()
    )
    windows = json.loads((NAB / "windows.json").read_text())[path.name]
    spans = [
        [
            int(
                np.searchsorted(
                    recording.seconds,
                    (datetime.fromisoformat(at).replace(tzinfo=UTC) - recording.first).total_seconds(),
                )
            )
            for at in window
        ]
        for window in windows
    ]
    short, _ = window_widths(train)
    ours = detect(recording, train_rows=train)
    raised = {"detect": [(one.first, one.last) for one in ours.alarms]}
    values = recording.values[:, 0]
    for peer, score in (("rolling z-score", _rolling(values)), ("isolation forest", _forest(values[:, None], train))):
        limit = threshold(score[:train], 0.01, train / short)
        found, _ = alarms(score / limit, Manner(on_delay=1, off_delay=2 * short))
        raised[peer] = [(one.first, one.last) for one in found]
    return {
        "benchmark": "detect",
        "series": path.stem,
        "rows": recording.rows,
        "healthy_rows": train,
        "windows": len(spans),
        "found": {k: sum(any(a <= e and b >= s for a, b in v) for s, e in spans) for k, v in raised.items()},
        "false_alarms": {
            k: sum(b >= train and not any(a <= e and b >= s for s, e in spans) for a, b in v) for k, v in raised.items()
        },
    }


def _rolling(values: FloatArray, width: int = 288) -> FloatArray:
    """Distance from the mean of the last `width` values, in their standard deviations."""
    total = np.cumsum(np.concatenate([[0.0], values]))
    square = np.cumsum(np.concatenate([[0.0], values**2]))
    at = np.arange(len(values))
    first = np.maximum(at - width, 0)
    count = np.maximum(at - first, 1)
    mean = (total[at] - total[first]) / count
    width_sd = np.sqrt(np.maximum((square[at] - square[first]) / count - mean**2, 1e-12))
    score = np.abs(values - mean) / width_sd
    score[:width] = 0.0
    return np.asarray(score)


if __name__ == "__main__":
    main()

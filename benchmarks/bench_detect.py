"""`detect` beside T2+Q, a static limit and an isolation forest: on made-up machines, and on two real series of NAB.

The made-up machines are `simulators.testbeds`; their seeds here were not used to build the detector. False alarms are
compared at equal recall: each peer's threshold is set so that it finds as many of the bad rows as our flags do.
The NAB series are read from ../shared/data/nab if they are there.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from models.recordings import Recording
from models.recordings.alarms import alarms, threshold
from models.recordings.detecting import detect, window_widths
from models.recordings.files import read_recording
from models.statistics import FloatArray
from simulators.testbeds import TESTBEDS, Testbed

SEEDS = range(100, 112)
NAB = Path(__file__).parents[2] / "shared/data/nab"
HEALTHY_UNTIL = {
    "machine_temperature_system_failure.csv": "2013-12-10",
    "ambient_temperature_system_failure.csv": "2013-09-01",
}


def main() -> None:
    for name in TESTBEDS:
        print(json.dumps(_machines(name)), flush=True)
    if not NAB.is_dir():
        print(f"skipped NAB: no {NAB.parent.name}/{NAB.name} beside the repository", flush=True)
        return
    for file, until in HEALTHY_UNTIL.items():
        print(json.dumps(_nab(NAB / file, until)), flush=True)


def _machines(name: str) -> dict[str, object]:
    aurocs: dict[str, list[float]] = {}
    false: dict[str, list[float]] = {}
    recalls, alarm_counts, ours_seconds, forest_seconds = [], [], 0.0, 0.0
    for seed in SEEDS:
        bed = TESTBEDS[name](seed)
        recording = Recording(
            channels=bed.columns,
            values=bed.values,
            seconds=float(bed.step_seconds) * np.arange(len(bed.values)),
            times=None,
        )
        begun = time.perf_counter()
        found = detect(recording, train_rows=bed.train)
        ours_seconds += time.perf_counter() - begun
        begun = time.perf_counter()
        forest = _forest(bed.values, bed.train)
        forest_seconds += time.perf_counter() - begun
        scores = {"T2+Q": _t2q(bed), "static limit": _static(bed), "isolation forest": forest}
        after = slice(bed.train, None)
        bad = bed.labels[after] == 1
        flagged = found.flag[after]
        recall = float(flagged[bad].mean())
        recalls.append(recall)
        alarm_counts.append(len(found.alarms))
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
        "alarms_a_run": round(float(np.mean(alarm_counts)), 2),
        "seconds": round(ours_seconds, 1),
        "isolation_forest_seconds": round(forest_seconds, 1),
    }


def _t2q(bed: Testbed) -> FloatArray:
    healthy = bed.values[: bed.train]
    width = np.where(healthy.std(axis=0) > 0, healthy.std(axis=0), 1.0)
    z = (bed.values - healthy.mean(axis=0)) / width
    pca = PCA(0.95).fit(z[: bed.train])
    scores = pca.transform(z)
    t2 = (scores**2 / pca.explained_variance_).sum(axis=1)
    q = ((z - pca.inverse_transform(scores)) ** 2).sum(axis=1)
    limits = [max(float(np.quantile(one[: bed.train], 0.99)), 1e-9) for one in (t2, q)]
    return np.maximum(t2 / limits[0], q / limits[1])


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
        found = alarms(score, limit, on_delay=1, off_delay=2 * short)
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
    width_sd = np.sqrt(np.maximum((square[at] - square[first]) / count - mean**2, 1e-6))
    score = np.abs(values - mean) / width_sd
    score[:width] = 0.0
    return np.asarray(score)


if __name__ == "__main__":
    main()

"""A trained model on disk: estimators as skops files, all else as JSON. Nothing here can run code when loaded.

Every version stays in the folder with its card; one that lost the comparison is kept too, and never asked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from skops import io as skops_io

from facility.errors import CannotDo, CannotParse
from facility.i18n.messages import Sentence
from facility.i18n.phrases import LANGUAGES
from models.calibration import Calibration
from models.cards import model_card
from models.outages.asset_features import Traits
from models.outages.features import features
from models.outages.history import Outages
from models.outages.label import Label, parse_label
from models.statistics import FloatArray

FORMAT = 2  # of model.json and of the features: models of another one are listed and never asked
TRUSTED = frozenset({"sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """Foresees a label within its horizon from outage histories."""

    version: str
    label: Label
    horizon_days: int
    features: tuple[str, ...]
    traits: Traits
    estimators: tuple[Any, ...]  # scikit-learn classifiers; their log odds are averaged
    weights: tuple[float, ...]  # in that average
    calibration: Calibration
    card: dict[str, Any]  # what it was trained on, how it was chosen, how good it was on held-out days

    def probability(self, table: FloatArray) -> FloatArray:
        """One a row of a feature table (columns as `features`)."""
        if table.shape[1] != len(self.features):
            raise CannotDo(
                "model {version} wants {count} features, there are {found}",
                "Train it again with `serviceday train`",
                version=self.version,
                count=len(self.features),
                found=table.shape[1],
            )
        odds = [_log_odds(e.predict_proba(table)[:, 1]) for e in self.estimators]
        return self.calibration.probability(np.average(odds, axis=0, weights=self.weights))

    def table(self, outages: Outages, day: int) -> FloatArray:
        """The feature table of a day, of any assets: whoever was not there at training is seen like all others."""
        return np.asarray(features(outages.until(day), [day], self.traits)[0][0])

    def summary(self) -> dict[str, Any]:
        """What a person or a script wants to know of it: version, label, dates, held-out figures."""
        return {"version": self.version, "label": str(self.label), "horizon_days": self.horizon_days, **self.card}


def _log_odds(p: FloatArray) -> FloatArray:
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p / (1 - p)))


def save(model: TrainedModel, folder: Path) -> Path:
    """Write `folder/<version>/` and make it the current one. Returns its path."""
    target = folder / model.version
    target.mkdir(parents=True, exist_ok=True)
    for number, estimator in enumerate(model.estimators):
        skops_io.dump(estimator, target / f"estimator-{number}.skops")
    about = {
        "format": FORMAT,
        "version": model.version,
        "label": str(model.label),
        "channel": model.label.channel,
        "comparison": model.label.comparison,
        "limit": model.label.limit,
        "horizon_days": model.horizon_days,
        "features": list(model.features),
        "traits": model.traits.as_dict(),
        "calibration": [model.calibration.intercept, model.calibration.slope],
        "weights": list(model.weights),
        "card": model.card,
    }
    for language in LANGUAGES:
        (target / f"card.{language}.md").write_text(model_card(model.summary(), language), encoding="utf-8")
    (target / "model.json").write_text(json.dumps(about, indent=2, ensure_ascii=False), encoding="utf-8")
    if model.card.get("adopted", True):
        pointer = folder / "current.tmp"
        pointer.write_text(model.version, encoding="utf-8")
        pointer.replace(folder / "current")
    return target


def load(folder: Path, version: str = "") -> TrainedModel | None:
    """The current model of a folder, or the version named; None where nothing was trained yet.

    Raises `CannotParse` if a file is damaged or holds a type that is not on the list of trusted ones.
    """
    try:
        chosen = version or (folder / "current").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    target = folder / chosen
    try:
        about = json.loads((target / "model.json").read_text(encoding="utf-8"))
        weights = tuple(float(weight) for weight in about["weights"])
        estimators = tuple(_estimator(target / f"estimator-{i}.skops") for i in range(len(weights)))
        return TrainedModel(
            version=about["version"],
            label=Label(about["channel"], about["comparison"], float(about["limit"])),
            horizon_days=int(about["horizon_days"]),
            features=tuple(about["features"]),
            traits=Traits.from_dict(about["traits"]),
            estimators=estimators,
            weights=weights,
            calibration=Calibration(intercept=float(about["calibration"][0]), slope=float(about["calibration"][1])),
            card=about["card"],
        )
    except (OSError, KeyError, ValueError, TypeError, BadZipFile, RecursionError) as error:
        raise CannotParse(
            "model {chosen} in {folder} cannot be read: {error}",
            "Train again with `serviceday train`",
            chosen=chosen,
            folder=folder,
            error=error,
        ) from None


def newest_before(folder: Path, day: date) -> TrainedModel | None:
    """The newest adopted model that learned only from days before `day`; None if there is none.

    A ranking of the past must not ask a model that has seen what came after.
    """
    return adopted_before(folder, day)


def adopted_before(folder: Path, day: date, label: Label | None = None, horizon_days: int = 0) -> TrainedModel | None:
    """The same, of one label and horizon if they are named."""
    suited = [
        card
        for card in kept(folder)
        if date.fromisoformat(card["until"]) <= day
        and card.get("adopted", True)
        and card.get("comparison", {}).get("why") != "short"  # versions before adopted what nothing had proven
        and card["format"] == FORMAT
        and (label is None or (card["label"], card["horizon_days"]) == (str(label), horizon_days))
    ]
    return load(folder, max(suited, key=lambda card: str(card["until"]))["version"]) if suited else None


def newest_of(folder: Path, day: date, label: str) -> TrainedModel | None:
    """The newest adopted model of a label, whatever its horizon, that learned only from days before `day`."""
    horizons = {
        card["horizon_days"]: card["label"]
        for card in kept(folder)
        if card["label"] == label and date.fromisoformat(card["until"]) <= day
    }
    models = [adopted_before(folder, day, parse_label(label), days) for days in horizons]
    suited = [model for model in models if model is not None]
    return max(suited, key=lambda model: str(model.card["until"]), default=None)


def kept(folder: Path) -> list[dict[str, Any]]:
    """What the cards of all models in a folder say, oldest first. Raises `CannotParse` if one is damaged."""
    cards = []
    for file in sorted(folder.glob("*/model.json")):
        try:
            about = json.loads(file.read_text(encoding="utf-8"))
            date.fromisoformat(about["card"]["until"])
            common = {name: about[name] for name in ("version", "label", "horizon_days")}
            cards.append(common | {"format": about.get("format", 1)} | about["card"])
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise CannotParse(
                "{file} is no model card: {error}", "Train again with `serviceday train`", file=file, error=error
            ) from None
    return sorted(cards, key=lambda card: (card["until"], card["version"]))


def _estimator(file: Path) -> Any:
    unknown = sorted(set(skops_io.get_untrusted_types(file=file)) - TRUSTED)
    if unknown:
        raise ValueError(Sentence("{name} holds types that are not trusted: {types}", name=file.name, types=unknown))
    return skops_io.load(file, trusted=sorted(TRUSTED))

"""A label's model on disk: estimators as skops files, all else as JSON; nothing here can run code when loaded.

DATA/models/labels/VERSION/ holds it with its card. A version that is trained again is replaced; every other one stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from skops import io as skops_io

from facility.errors import CannotParse
from facility.i18n.messages import Sentence
from facility.i18n.phrases import LANGUAGES
from models.calibration import Calibration
from models.cards.label_card import label_card
from models.labels.lessons import Rows
from models.labels.target import Target
from models.labels.voices import LEARNED, SIMPLE, log_odds
from models.outages.asset_features import Traits
from models.statistics import FloatArray
from models.wear.wear import WearModel

FOLDER = "labels"
FORMAT = 1
TRUSTED = frozenset({"sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelModel:
    """Foresees one label of one class within its horizon.

    `voice` is who speaks: one of the learned, "wear" or "count". Without estimators wear alone ranks and nothing has
    said how likely anything is.
    """

    version: str
    target: Target
    kind: str
    horizon_days: int
    voice: str
    estimators: Mapping[str, Any]
    calibration: Calibration
    wear: WearModel | None
    traits: Traits
    repeats: bool
    channels: tuple[str, ...]  # features come of these
    card: Mapping[str, Any]

    def probability(self, rows: Rows) -> FloatArray | None:
        """One a row; None where nothing has taught how likely it is."""
        names = LEARNED.get(self.voice, (self.voice,))
        if not self.estimators:
            return None
        return self.calibration.probability(log_odds(dict(self.estimators), names, rows))

    def summary(self) -> dict[str, Any]:
        """What a person or a script wants to know of it."""
        return {
            "version": self.version,
            "label": str(self.target),
            "kind": self.kind,
            "horizon_days": self.horizon_days,
            "voice": self.voice,
            **self.card,
        }


def save(model: LabelModel, models: Path) -> Path:
    """Write the model under the folder of models; returns its own folder."""
    target = models / FOLDER / model.version
    target.mkdir(parents=True, exist_ok=True)
    for name, estimator in model.estimators.items():
        skops_io.dump(estimator, target / f"{name}.skops")
    about = {
        "format": FORMAT,
        "version": model.version,
        "target": model.target.as_dict(),
        "kind": model.kind,
        "horizon_days": model.horizon_days,
        "voice": model.voice,
        "estimators": sorted(model.estimators),
        "calibration": [model.calibration.intercept, model.calibration.slope],
        "wear": model.wear.as_dict() if model.wear is not None else None,
        "traits": model.traits.as_dict(),
        "repeats": model.repeats,
        "channels": list(model.channels),
        "card": dict(model.card),
    }
    for language in LANGUAGES:
        (target / f"card.{language}.md").write_text(label_card(model.summary(), language), encoding="utf-8")
    partial = target / "label.partial"
    partial.write_text(json.dumps(about, ensure_ascii=False, allow_nan=False), encoding="utf-8")
    partial.replace(target / "label.json")
    return target


def load(folder: Path) -> LabelModel:
    """The model in a folder. Raises `CannotParse` if it is damaged or holds a type that is not trusted."""
    try:
        about = json.loads((folder / "label.json").read_text(encoding="utf-8"))
        if about["format"] != FORMAT:
            raise ValueError(Sentence("format {format}", format=about["format"]))
        voice = str(about["voice"])
        if voice not in (*LEARNED, *SIMPLE):
            raise ValueError(voice)
        return LabelModel(
            version=str(about["version"]),
            target=Target.from_dict(about["target"]),
            kind=str(about["kind"]),
            horizon_days=int(about["horizon_days"]),
            voice=voice,
            estimators={
                name: _estimator(folder / f"{name}.skops")
                for name in about["estimators"]
                if name in ("straight", "boosted", *SIMPLE)
            },
            calibration=Calibration(intercept=float(about["calibration"][0]), slope=float(about["calibration"][1])),
            wear=WearModel.from_dict(about["wear"]) if about["wear"] is not None else None,
            traits=Traits.from_dict(about["traits"]),
            repeats=bool(about["repeats"]),
            channels=tuple(about["channels"]),
            card=about["card"],
        )
    except (OSError, KeyError, ValueError, TypeError, BadZipFile, RecursionError) as error:
        raise CannotParse(
            "model {chosen} in {folder} cannot be read: {error}",
            "Train again with `serviceday train`",
            chosen=folder.name,
            folder=folder.parent,
            error=error,
        ) from None


def kept(models: Path) -> list[dict[str, Any]]:
    """What the cards of all label models say, oldest first. Raises `CannotParse` if one is damaged."""
    cards = []
    for file in sorted((models / FOLDER).glob("*/label.json")):
        try:
            about = json.loads(file.read_text(encoding="utf-8"))
            date.fromisoformat(about["card"]["until"])
            target = Target.from_dict(about["target"])
            common = {name: about[name] for name in ("version", "kind", "horizon_days", "voice", "format")}
            cards.append(common | {"label": str(target)} | about["card"])
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise CannotParse(
                "{file} is no model card: {error}", "Train again with `serviceday train`", file=file, error=error
            ) from None
    return sorted(cards, key=lambda card: (card["until"], card["version"]))


def newest(models: Path, target: Target, horizon_days: int, before: date, kinds: Sequence[str]) -> list[LabelModel]:
    """Of each class the newest model of a label and horizon that learned only from days before; horizons that are
    nearest where that one was not trained."""
    out = []
    cards = [
        card
        for card in kept(models)
        if card["label"] == str(target) and date.fromisoformat(card["until"]) <= before and card["format"] == FORMAT
    ]
    for kind in kinds:
        suited = [card for card in cards if card["kind"] == kind]
        if suited:
            best = min(suited, key=lambda card: (abs(card["horizon_days"] - horizon_days), _ago(card)))
            out.append(load(models / FOLDER / best["version"]))
    return out


def _ago(card: Mapping[str, Any]) -> int:
    return -date.fromisoformat(card["until"]).toordinal()


def _estimator(file: Path) -> Any:
    unknown = sorted(set(skops_io.get_untrusted_types(file=file)) - TRUSTED)
    if unknown:
        raise ValueError(Sentence("{name} holds types that are not trusted: {types}", name=file.name, types=unknown))
    return skops_io.load(file, trusted=sorted(TRUSTED))


def over(probability: FloatArray, trained_days: int, days: float) -> FloatArray:
    """The same hazard over another horizon."""
    return np.asarray(-np.expm1(np.log1p(-np.clip(probability, 0, 1 - 1e-9)) * days / trained_days))

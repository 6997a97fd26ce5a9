"""电梯维护保养记录, 消防设施检查记录, 巡查记录: for each visit every item, two signatures and a seal (PDF)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facility.catalogue.qualifications import qualification
from facility.errors import CannotDo
from facility.estate import Asset
from facility.i18n.phrases import Language
from facility.inspections import InspectionList, Item
from serviceday.documents.branding import PHRASES, Names, Paper, who
from serviceday.documents.checklists import Line, answer_words, lines_of
from serviceday.documents.fonts import typefaces
from serviceday.documents.inspection_list.summary import clock
from serviceday.documents.inspection_list.writer import write_together
from serviceday.documents.typesetting import as_pdf

LIFTS = frozenset({"lift", "hydraulic_lift", "service_lift", "escalator"})
FIRE = frozenset(
    {"fire_panel", "smoke_detector", "hydrant_zone", "pump_set", "tank", "fire_door", "emergency_lighting",
     "extinguisher", "electrical_fire"}
)  # fmt: skip
_REGISTERED = (
    "使用登记证编号",
    "使用登记编号",
    "使用登记证",
    "登记编号",
    "registration",
    "registration_number",
    "use_registration",
)
_WORDS = (
    "number", "item", "criterion", "answer", "result", "measured", "note", "asset", "place", "registration", "day",
    "plan", "people", "certificates", "begin", "end", "duties", "parts", "handling", "deadline", "signature_first",
    "signature_second", "signature_user", "seal", "state_choice", "photo_choice", "text_choice",
)  # fmt: skip


def as_records(
    plan: InspectionList, assets: Mapping[str, Asset], *, language: Language, paper: Paper, names: Names
) -> bytes:
    """The records of a kept plan. Raises `CannotDo` where no font serves."""
    names = names.over(plan)
    visits: dict[tuple[str, tuple[int, ...]], list[Item]] = {}
    for item in plan.items:
        visits.setdefault((item.asset, item.people), []).append(item)
    pages = [_page(plan, items, assets.get(asset), language, names) for (asset, _), items in visits.items()]
    data = {
        "words": {key: PHRASES[f"record_{key}"][language] for key in _WORDS},
        "company": paper.company,
        "day": str(plan.service_day),
        "plan": str(plan.number or ""),
        "none": PHRASES["record_none"][language],
        "pages": pages,
    }
    return as_pdf(
        "record.typ", data, language=language, faces=typefaces(paper.font), created=plan.created_at, tagged=False
    )


def write_records(
    plan: InspectionList,
    paths: Sequence[Path],
    assets: Mapping[str, Asset],
    *,
    language: Language,
    paper: Paper,
    names: Names,
) -> list[Path]:
    """Write the records, all files or none. Raises `CannotDo` for what is no PDF."""
    if wrong := [path.name for path in paths if path.suffix.lower() != ".pdf"]:
        raise CannotDo("records can't be written to {names}", "Name a PDF, for example -o records.pdf", names=wrong)
    content = as_records(plan, assets, language=language, paper=paper, names=names)
    return write_together([(path, content) for path in paths])


def title_of(kind: str, language: Language) -> str:
    """What the trade calls the record of a class."""
    key = "lift" if kind in LIFTS else "fire" if kind in FIRE else "round"
    return PHRASES[f"record_title_{key}"][language]


def _page(
    plan: InspectionList, items: Sequence[Item], asset: Asset | None, language: Language, names: Names
) -> dict[str, Any]:
    first, between = items[0], "、" if language == "zh" else ", "
    asked = dict.fromkeys(qualification(item.qualification)[language] for item in items if item.qualification)
    registered = next((asset.attributes[key] for key in _REGISTERED if asset and asset.attributes.get(key)), "")
    return {
        "title": title_of(first.kind, language),
        "asset": " ".join(dict.fromkeys(filter(None, (first.asset, first.asset_name)))),
        "place": names.place(first),
        "registration": registered,
        "people": between.join(who(plan, number, language) for number in first.people),
        "certificates": between.join(asked),
        "begin": clock(first.start),
        "end": clock(items[-1].end),
        "duties": between.join(item.what[language] for item in items),
        "rows": [_row(line, language) for line in lines_of(items)],
    }


def _row(line: Line, language: Language) -> dict[str, str]:
    return {
        "number": line.number,
        "item": line.what[language],
        "criterion": " · ".join(dict.fromkeys(filter(None, (line.passes[language], line.band[language])))),
        "answer": answer_words(line)[language],
        "kind": line.answer.value,
    }

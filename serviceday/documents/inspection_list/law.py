"""For how many duties of the law a list can speak: said wherever somebody might take silence for good news."""

from __future__ import annotations

from facility.i18n.phrases import Language
from facility.inspections import InspectionList, LawRecord
from serviceday.documents.branding import PHRASES


def law_words(law: LawRecord | None, language: Language) -> str:
    """How many duties of the law have no date on record, and that nothing can be said of them."""
    if law is None:
        return PHRASES["law_unknown"][language]
    if law.duties == 0:
        return PHRASES["law_no_duties"][language]
    key = "law_all_dated" if law.undated == 0 else "law_some_dated" if law.dated else "law_none_dated"
    return PHRASES.say(
        key, language, duties=law.duties, dated=law.dated, undated=law.undated, assets=law.undated_assets
    )


def assurance(plan: InspectionList, language: Language) -> str:
    """The sentence in the box where no breach is known: never more than the dates on record bear out."""
    law = plan.law
    if law is None or law.duties == 0 or law.dated == 0:
        return law_words(law, language)
    listed = PHRASES.say("breaches_none" if law.undated == 0 else "breaches_none_dated", language, dated=law.dated)
    return PHRASES.say("two_sentences", language, first=listed, second=law_words(law, language))


def reassures(plan: InspectionList) -> bool:
    """Whether the list can speak for every duty of the law."""
    return plan.law is not None and plan.law.undated == 0

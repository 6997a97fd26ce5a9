"""`python -m facility.catalogue.law_table > docs/law.md`: every duty of every law, with where its text was read."""

from __future__ import annotations

from collections.abc import Iterator

from facility.catalogue.catalogue import of_law
from facility.catalogue.duties import SETS, Duty, Verified

_TITLES = {"cn": "China", "eu": "Europe", "uk": "United Kingdom", "us": "United States"}
_HEAD = """# The law, duty by duty

Made from the data by `python -m facility.catalogue.law_table > docs/law.md`; a test holds the two together. What is
asked for, by whom, how often, and how far we have read the text it stands on. Nobody should sign a list on our word
alone: what is not marked `text` wants comparing with the standard.

| verified | means |
|---|---|
| text | the standard itself was read |
| copy | a copy of its text that somebody else made was read |
| cited | others who cite it were read |
| no | nothing was read: held to be so by the trade, or our own design (D) |

`kept apart` marks what is done and recorded in books of its own (daily checks, accompanied inspections): it comes on
lists only where its dates are on record. *Good practice* is never called law and never a breach. `contains` names the
duties that are done on the same visit. Which law holds is chosen in `catalogue/law.toml` of the data folder or by
SERVICEDAY_LAW ([catalogue](catalogue.md)).
"""
_ROW = "| {kind} | {name} | {asks} | {clause} | {interval} | {items} | {verified} | {read} |"


def law_table() -> str:
    """The document, as it stands in docs/law.md."""
    return "\n".join([_HEAD, *_sections()]) + "\n"


def _sections() -> Iterator[str]:
    for name in SETS:
        classes = of_law(name)
        duties = [duty for one in classes.values() for duty in one.duties.values()]
        law = [duty for duty in duties if duty.statutory]
        read = sum(duty.verified in (Verified.TEXT, Verified.COPY) for duty in law)
        items = sum(len(duty.items) for duty in duties)
        yield f"\n## {_TITLES[name]} (`{name}`)\n"
        yield f"{len(law)} duties of the law, {len(duties) - len(law)} of good practice, {items} items."
        yield f"Of the law {read} were read in the text or a copy of it.\n"
        yield "| equipment | duty | standard | clause | every | items | verified | read where, and what was not |"
        yield "|---|---|---|---|---|---|---|---|"
        for one in classes.values():
            for duty in one.duties.values():
                yield _row(one.name.en, duty)


def _row(kind: str, duty: Duty) -> str:
    standard = "-".join(filter(None, (duty.standard, duty.edition))) or duty.source
    interval = str(duty.interval)
    if duty.ages:
        interval += f"; older than {duty.ages[0]} years {duty.ages[1]}"
    if duty.grace:
        interval += f", {duty.grace} days of grace"
    if duty.routine:
        interval += ", kept apart"
    clause = duty.clause or duty.interval_source
    if duty.includes:
        clause += f"; contains {', '.join(duty.includes)}"
    return _ROW.format(
        kind=kind,
        name=f"{duty.name.en} / {duty.name.zh} (`{duty.key}`)",
        asks=standard if duty.statutory else f"*good practice*: {standard}",
        clause=clause,
        interval=interval,
        items=len(duty.items) or "",
        verified=duty.verified.value,
        read=duty.read.en if duty.read else "our own design" if not duty.statutory else "",
    )


if __name__ == "__main__":
    print(law_table(), end="")

"""How a day's list stands, in words and as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from commands.app.messages import say
from commands.app.output import printable, tell

if TYPE_CHECKING:
    from facility.inspections import InspectionList
    from facility.results import Result, Standing
    from serviceday.execution.results import Taken


def plain(plan_list: InspectionList, taken: Taken) -> dict[str, object]:
    """What answers came to, as plain values for JSON."""
    return {
        "plan": plan_list.number,
        "new": len(taken.new),
        "known": taken.known,
        "late": sum(entry.late for entry in taken.new),
        "answered": sum(state.result is not None for state in taken.standing.values()),
        "conflicts": list(taken.conflicts),
        "findings_opened": list(taken.opened),
        "findings_repeated": list(taken.joined),
    }


def refused_places(refused: Sequence[tuple[str, object]]) -> list[dict[str, str]]:
    """What was refused, where and why, as plain values for JSON."""
    return [{"where": where, "why": str(what)} for where, what in refused]


def tell_taken(plan_list: InspectionList, taken: Taken) -> None:
    """Say what answers came to: how many items are answered, findings opened, conflicts."""
    answered = sum(state.result is not None for state in taken.standing.values())
    tell(say("day.answered", answered=answered, items=len(plan_list.items)))
    if taken.opened or taken.joined:
        numbers = " ".join(f"F{number}" for number in taken.opened) or "-"
        tell(say("day.findings", opened=numbers, joined=" ".join(f"F{number}" for number in taken.joined) or "-"))
    tell_conflicts(taken.standing)


def tell_conflicts(standing: Mapping[int, Standing]) -> None:
    """Say where people disagree."""
    for item, state in sorted(standing.items()):
        if state.conflict:
            tell(say("day.conflict", item=item, voices="; ".join(map(_voice, state.conflict))))


def _voice(result: Result) -> str:
    words = (say(f"day.answer_{result.answer}"), result.measured, result.mode, result.note)
    return printable(f"{result.by}: {' '.join(filter(None, words))}")


def progress(plan_list: InspectionList, standing: Mapping[int, Standing]) -> dict[str, object]:
    """How far a list is carried out, as plain values for JSON."""
    done = sum(state.result is not None and state.result.answer.done for state in standing.values())
    answered = sum(state.result is not None for state in standing.values())
    conflicts = sorted(item for item, state in standing.items() if state.conflict)
    unanswered = [entry.number for entry in plan_list.items if entry.number not in standing]
    return {
        "items": len(plan_list.items),
        "done": done,
        "not_done": answered - done,
        "conflicts": conflicts,
        "unanswered": unanswered,
    }

"""What was found on the day: answers to the items of a kept list, checked, kept, and what follows from them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotDo
from facility.i18n.messages import Sentence
from facility.inspections import InspectionList, Item
from facility.records import Records
from facility.results import BY_HAND, OTHER_FAULT, Answer, Entry, Result, Standing, is_late, standings
from serviceday.execution.effects import Consequences
from serviceday.execution.grades import Grades

_LONGEST = 500
_NOON = time(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What somebody says of an item, not yet checked."""

    item: int
    answer: Answer
    by: str
    measured: str = ""
    mode: str = ""
    mended: bool = False
    note: str = ""
    done_at: datetime | None = None  # None = when the list says so
    where: str = ""  # sheet and line; "" = said at the command line
    device: str = ""  # the phone it was typed on, with its number there and when; "" = none
    seq: int = 0
    typed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What taking answers in did."""

    new: tuple[Result, ...]
    known: int
    refused: tuple[tuple[str, Sentence], ...]
    standing: dict[int, Standing]  # of every item that has been answered, by number
    opened: tuple[int, ...]  # findings
    joined: tuple[int, ...]  # findings that were found again

    @property
    def conflicts(self) -> tuple[int, ...]:
        return tuple(sorted(item for item, state in self.standing.items() if state.conflict))


class Results:
    """The answers to one kept list, at one moment and place."""

    def __init__(
        self, records: Records, plan: InspectionList, *, now: datetime, timezone: ZoneInfo, grades: Grades
    ) -> None:
        self._records, self._plan, self._now, self._timezone = records, plan, now, timezone
        self._items = {item.number: item for item in plan.items}
        self._consequences = Consequences(records, plan, now=now, timezone=timezone, grades=grades)

    def standing(self) -> dict[int, Standing]:
        """What the answers come to, by item."""
        return {item: state for (_, item), state in standings(self._records.results.of(self._plan.number)).items()}

    def take(
        self,
        replies: Sequence[Reply],
        *,
        who: str = "",
        source: str = BY_HAND,
        within: Collection[int] | None = None,
        sheet: str = "",
    ) -> Taken:
        """Keep what can be kept and do what follows; what can't be is told. Taking again does nothing.

        `within` are the items that the replies can be about, where they are not all of the list. `sheet` is the digest
        of the file that they were read from.
        """
        entries, refused = [], []
        for reply in replies:
            checked = self._checked(reply, who or reply.by, source)
            if isinstance(checked, Sentence):
                refused.append((reply.where, checked))
            else:
                entries.append(checked)
        new = self._records.results.add(entries, sheet=sheet)
        return self._settled(new, len(entries) - len(new), refused, within)

    def decide(self, reply: Reply, *, who: str) -> Taken:
        """A person says what holds of an item on which others disagree. Raises `CannotDo` where nobody does."""
        now = self.standing().get(reply.item)
        if now is None or not now.conflict:
            raise CannotDo(
                "nobody disagrees on item {item} of list {plan}",
                "See `serviceday day show`",
                item=reply.item,
                plan=self._plan.number,
            )
        checked = self._checked(reply, who, BY_HAND)
        if isinstance(checked, Sentence):
            raise CannotDo("{reason}", "Mend it and say it again", reason=checked)
        voices = sorted(now.conflict, key=lambda voice: voice.done_at)
        values = {name: getattr(checked, name) for name in Result.__dataclass_fields__}
        done_at = reply.done_at.astimezone(UTC) if reply.done_at else voices[0].done_at
        decided = Result(**values | {"entry": Entry.DECIDED, "done_at": done_at, "late": False})
        return self._settled(self._records.results.add([decided]), 0, [])

    def _settled(
        self,
        new: Sequence[Result],
        repeated: int,
        refused: Sequence[tuple[str, Sentence]],
        within: Collection[int] | None = None,
    ) -> Taken:
        now = self.standing()
        opened, joined = self._consequences.settle(now, {entry.item for entry in new}, within)
        return Taken(tuple(new), repeated, tuple(refused), now, tuple(opened), tuple(joined))

    def _checked(self, reply: Reply, who: str, source: str) -> Result | Sentence:
        item = self._items.get(reply.item)
        if item is None:
            return Sentence("list {plan} has no item {item}", plan=self._plan.number, item=reply.item)
        if not reply.by.strip():
            return Sentence("nobody is named who did it; fill in who, or give --by")
        longest = max(len(reply.by), len(reply.note), len(reply.measured))
        if longest > _LONGEST:
            return Sentence("a text of {count} characters; at most {most}", count=longest, most=_LONGEST)
        wrong = _fault(item, reply)
        if wrong is not None:
            return wrong
        today = self._now.astimezone(self._timezone).date()
        if reply.done_at is None and self._plan.service_day > today:
            return Sentence("the service day {day} is still to come", day=self._plan.service_day)
        done_at = reply.done_at or self._usual(item)
        if done_at > self._now:
            moment = f"{done_at.astimezone(self._timezone):%Y-%m-%d %H:%M}"
            return Sentence("{moment} is still to come", moment=moment)
        done = done_at.astimezone(self._timezone).date()
        return Result(
            plan=self._plan.number,
            item=item.number,
            asset="" if item.asset == item.request else item.asset,
            task=item.task,
            answer=reply.answer,
            by=reply.by.strip(),
            measured=reply.measured,
            mode=reply.mode,
            mended=reply.mended,
            note=reply.note,
            done_at=done_at.astimezone(UTC),
            at=self._now,
            who=who,
            source=source,
            late=is_late(done, today),
            device=reply.device,
            seq=reply.seq,
            typed_at=reply.typed_at.astimezone(UTC) if reply.typed_at else None,
        )

    def _usual(self, item: Item) -> datetime:
        """When the list says that it is done; on the day itself not later than now."""
        clock = item.end or _NOON
        return min(datetime.combine(self._plan.service_day, clock, self._timezone).astimezone(UTC), self._now)


def _fault(item: Item, reply: Reply) -> Sentence | None:
    if reply.answer is not Answer.ABNORMAL and (reply.mode or reply.mended):
        return Sentence("a fault or a repair beside the answer {answer!r}", answer=reply.answer.value)
    modes = catalogue()[item.kind].modes if item.kind in catalogue() else {}
    if reply.mode and reply.mode != OTHER_FAULT and reply.mode not in modes:
        return Sentence(
            "no fault {mode!r} is known there; known: {known}", mode=reply.mode, known=[*modes, OTHER_FAULT]
        )
    return None

"""What a phone sends, over the network or as a file: answers, residents' requests and photos, each with its number.

A phone numbers what it sends; whatever comes again under its number is known and changes nothing. What can't be taken
is refused by itself, with the reason, and never stops the rest.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from facility.errors import CannotParse, ServicedayError
from facility.i18n.messages import Sentence, foreign
from facility.inspections import InspectionList, Item
from facility.records import Records
from facility.results import Standing
from facility.rounds import Photo
from serviceday.documents.row_key import parts, row_key
from serviceday.execution.grades import Grades
from serviceday.execution.phone.links import name_of
from serviceday.execution.phone.photos import PhotoFolder, checked_picture
from serviceday.execution.phone.round_data import FORM, VERSION, items_of
from serviceday.execution.phone.wire import (
    FILE_FORM,
    AnswerSent,
    Device,
    Moment,
    PhotoSent,
    RequestSent,
    RoundFile,
    Submission,
    decoded,
    unreadable,
)
from serviceday.execution.results import Reply, Results, Taken
from serviceday.reports import Gazetteer, Intake, Said

LARGEST = 1 << 20  # bytes of one sending over the network, photos apart
LARGEST_FILE = 512 << 20  # bytes of a file with photos
MOST_ENTRIES = 2_000  # answers that are kept of one person's round, corrections included
MOST_PHOTOS = 400  # of one person's round
LONGEST_REQUEST = 2_000  # characters
_CLOCK_AGREES = timedelta(seconds=90)  # less is the network's delay
_OTHER_CLOCK = timedelta(minutes=5)  # what a photo may lie in the future


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of each thing sent: by its number, nothing where it is kept, else why it is refused."""

    answers: dict[int, Sentence | None]
    requests: dict[int, Sentence | None]
    photos: dict[int, Sentence | None]
    taken: Taken
    reports: tuple[int, ...] = ()  # numbers of reports that were new
    new_photos: int = 0

    @property
    def refused(self) -> list[tuple[str, Sentence]]:
        """Everything refused, with where it stood."""
        groups = (("answer", self.answers), ("request", self.requests), ("photo", self.photos))
        return [(f"{name} {seq}", why) for name, group in groups for seq, why in group.items() if why is not None]


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose round on which device something comes from, and how far that clock is from ours."""

    person: int
    device: str
    ahead: timedelta = timedelta(0)  # to be added to its times


class RoundIntake:
    """Takes in what phones send for one kept list, at one moment."""

    def __init__(
        self, records: Records, plan: InspectionList, photos: PhotoFolder, *, now: datetime, timezone: ZoneInfo,
        grades: Grades,
    ) -> None:  # fmt: skip
        self._records, self._plan, self._photos, self._now = records, plan, photos, now
        self._results = Results(records, plan, now=now, timezone=timezone, grades=grades)

    def take(self, body: bytes, person: int) -> Receipt:
        """What came through a person's link. Raises `CannotParse` where it is nothing of this round."""
        if len(body) > LARGEST:
            raise CannotParse(
                "{size} MB at once; at most {most} MB are taken", "Send less at a time",
                size=len(body) >> 20, most=LARGEST >> 20,
            )  # fmt: skip
        sent = self._read(body)
        if sent.person != person:
            raise CannotParse("what was sent is of another person's round", "Open that person's link")
        return self._taken(sent, Sender(person, sent.device, self._ahead(sent.sent_at)), source="round")

    def import_file(self, path: Path) -> Receipt:
        """What a phone exported as a file. Raises `CannotParse` where it is none, or of another list."""
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise CannotParse(
                    "{name} has more than {most} MB",
                    "Send it over the network",
                    name=path.name,
                    most=LARGEST_FILE >> 20,
                )
            file = msgspec.json.decode(path.read_bytes(), type=RoundFile)
        except OSError as error:
            raise CannotParse(
                "{path} cannot be read: {error}", "Check the name of the file", path=path, error=error
            ) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise CannotParse(
                "{name} is no file that a round's page exported: {error}", "Export it again on the phone",
                name=path.name, error=foreign(str(error)[:200]),
            ) from None  # fmt: skip
        if file.form != FILE_FORM or not file.parts:
            raise CannotParse(
                "{name} is no file that a round's page exported: {error}", "Export it again on the phone",
                name=path.name, error=Sentence("nothing is in it"),
            )  # fmt: skip
        parts = [self._read(part) for part in file.parts]
        walking = {number for item in self._plan.items for number in item.people}
        if strangers := {part.person for part in parts} - walking:
            raise CannotParse("nobody of number {number} walks list {plan}", "Name the list it is of",
                              number=min(strangers), plan=self._plan.number)  # fmt: skip
        receipts = [self._taken(part, Sender(part.person, part.device), source=path.name) for part in parts]
        return _joined(receipts)

    def take_photo(self, data: bytes, about: dict[str, str], person: int) -> bool:
        """A photo that came through a link, with what is said of it; False where it is known.

        Raises `CannotConvert` or `CannotParse`, saying why it is refused.
        """
        try:
            device = msgspec.convert(about.get("device", ""), Device)
            sent_at = msgspec.convert(about.get("sent_at", ""), Moment)
            photo = msgspec.convert(about, PhotoSent, strict=False)
        except msgspec.ValidationError as error:
            raise unreadable(error) from None
        return self._keep_photo(photo, data, Sender(person, device, self._ahead(sent_at)))

    def _ahead(self, sent_at: datetime) -> timedelta:
        """What makes a device's clock ours, by when it says it sent."""
        offset = self._now - sent_at
        return offset if abs(offset) > _CLOCK_AGREES else timedelta(0)

    def _read(self, body: bytes | msgspec.Raw) -> Submission:
        try:
            sent = msgspec.json.decode(body, type=Submission)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise unreadable(error) from None
        if sent.form != FORM or sent.version > VERSION:
            raise CannotParse("this comes from a newer page than this server has", "Update serviceday")
        if sent.plan != self._plan.number:
            raise CannotParse(
                "what was sent is of list {other}, not of list {plan}", "Open the link of that list",
                other=sent.plan, plan=self._plan.number,
            )  # fmt: skip
        return sent

    def _taken(self, sent: Submission, sender: Sender, *, source: str) -> Receipt:
        answers, taken = self._take_answers(sent.answers, sender, source)
        requests, reports = self._take_requests(sent.requests, sender)
        photos, new_photos = self._take_photos(sent.photos, sender)
        return Receipt(answers, requests, photos, taken, reports, new_photos)

    # --- answers ------------------------------------------------------------------------------------------------------

    def _take_answers(
        self, raw: Sequence[msgspec.Raw], sender: Sender, source: str
    ) -> tuple[dict[int, Sentence | None], Taken]:
        answers: dict[int, Sentence | None] = {}
        replies = []
        items = {item.number: item for item in items_of(self._plan, sender.person)}
        by = name_of(self._plan, sender.person)
        room = MOST_ENTRIES - sum(entry.by == by for entry in self._records.results.of(self._plan.number))
        for part in raw:
            seq, answer = decoded(part, AnswerSent)
            if isinstance(answer, Sentence):
                answers[seq] = answer
                continue
            item = self._item(answer.key, items)
            if isinstance(item, Sentence):
                answers[seq] = item
            elif room <= 0:
                answers[seq] = Sentence("more than {most} answers of one round", most=MOST_ENTRIES)
            else:
                room -= 1
                answers[seq] = None
                replies.append(self._reply(answer, item, by, sender))
        taken = self._results.take(replies, who=by, source=source, within=items)
        return answers | {int(where): why for where, why in taken.refused}, taken

    def _item(self, key: str, items: dict[int, Item]) -> Item | Sentence:
        named = parts(key)
        if named is None:
            return Sentence("the row's key is missing or was changed: {key!r}", key=key[:60])
        if named[0] != self._plan.number:
            return Sentence("the row is of list {other}, not of list {plan}", other=named[0], plan=self._plan.number)
        item = items.get(named[1])
        if item is None:
            return Sentence("item {item} is not on this person's round", item=named[1])
        if row_key(self._plan, item) != key.strip():
            return Sentence("the row's key is missing or was changed: {key!r}", key=key[:60])
        return item

    def _reply(self, sent: AnswerSent, item: Item, by: str, sender: Sender) -> Reply:
        ours = self._clock(sender)
        return Reply(
            item=item.number, answer=sent.answer, by=by, measured=_plain(sent.measured), mode=sent.mode,
            mended=sent.mended, note=_plain(sent.note), done_at=ours(sent.done_at), where=str(sent.seq),
            device=sender.device, seq=sent.seq, typed_at=ours(sent.typed_at),
        )  # fmt: skip

    def _clock(self, sender: Sender) -> Callable[[datetime], datetime]:
        """Turns a device's times into ours; what a clock that is nearly right has in the future is now."""

        def ours(moment: datetime) -> datetime:
            moment = moment.astimezone(UTC) + sender.ahead
            return self._now if self._now < moment <= self._now + _OTHER_CLOCK else moment

        return ours

    # --- residents' requests ------------------------------------------------------------------------------------------

    def _take_requests(
        self, raw: Sequence[msgspec.Raw], sender: Sender
    ) -> tuple[dict[int, Sentence | None], tuple[int, ...]]:
        answers: dict[int, Sentence | None] = {}
        saids: dict[str, Said] = {}
        for part in raw:
            seq, request = decoded(part, RequestSent)
            answers[seq] = request if isinstance(request, Sentence) else _request_wrong(request)
            if isinstance(request, RequestSent) and answers[seq] is None:
                said = Said(
                    text=request.text, at=min(self._clock(sender)(request.at), self._now), place=request.place,
                    name=request.name, phone=request.phone,
                )  # fmt: skip
                saids[f"round-{self._plan.number}-{sender.device}-{seq}"] = said
        sent = self._records.reports.known(saids) if saids else set()
        new = {key: report for key, report in saids.items() if key not in sent}
        if not new:
            return answers, ()
        estate = self._records.estate
        places = Gazetteer(estate.sites(), estate.buildings(), estate.assets())
        intake = Intake(places, self._records.reports.all(closed=False), decided=self._records.reports.all(merged=True))
        by = name_of(self._plan, sender.person)
        reports = [(key, *intake.take(report, source="round")) for key, report in new.items()]
        added = self._records.reports.add(reports, now=self._now, by=by)
        return answers, tuple(report.id for report in added)

    # --- photos -------------------------------------------------------------------------------------------------------

    def _take_photos(self, raw: Sequence[msgspec.Raw], sender: Sender) -> tuple[dict[int, Sentence | None], int]:
        answers: dict[int, Sentence | None] = {}
        new = 0
        for part in raw:
            seq, photo = decoded(part, PhotoSent)
            if isinstance(photo, Sentence):
                answers[seq] = photo
                continue
            try:
                new += self._keep_photo(photo, base64.b64decode(photo.data, validate=True), sender)
                answers[seq] = None
            except binascii.Error as error:
                answers[seq] = unreadable(error).what
            except ServicedayError as error:
                answers[seq] = error.sentence
        return answers, new

    def _keep_photo(self, sent: PhotoSent, data: bytes, sender: Sender) -> bool:
        if sent.item and sent.item not in {item.number for item in items_of(self._plan, sender.person)}:
            raise CannotParse("item {item} is not on this person's round", "Open that person's link", item=sent.item)
        by = name_of(self._plan, sender.person)
        if self._records.rounds.has_photo(self._plan.number, sender.device, sent.seq):
            return False
        if self._records.rounds.count_photos(self._plan.number, by) >= MOST_PHOTOS:
            raise CannotParse(
                "more than {most} photos of one round", "Send only what shows something", most=MOST_PHOTOS
            )
        picture = checked_picture(data)
        self._photos.keep(self._plan.number, picture)
        photo = Photo(
            plan=self._plan.number, item=sent.item, kind=sent.kind, person=by, device=sender.device, seq=sent.seq,
            taken_at=min(self._clock(sender)(sent.taken_at), self._now), at=self._now, digest=picture.digest,
            width=picture.width, height=picture.height,
        )  # fmt: skip
        return self._records.rounds.add_photo(photo)

    def standing(self, person: int) -> dict[int, Standing]:
        """What the answers to a person's items come to."""
        own = {item.number for item in items_of(self._plan, person)}
        return {item: state for item, state in self._results.standing().items() if item in own}


def _joined(receipts: Sequence[Receipt]) -> Receipt:
    """What became of several sendings to one list."""
    taken = [receipt.taken for receipt in receipts]
    last = taken[-1]
    together = replace(
        last,
        new=tuple(result for intake in taken for result in intake.new),
        known=sum(intake.known for intake in taken),
        opened=tuple(number for intake in taken for number in intake.opened),
        joined=tuple(number for intake in taken for number in intake.joined),
    )
    return Receipt(
        {seq: why for receipt in receipts for seq, why in receipt.answers.items()},
        {seq: why for receipt in receipts for seq, why in receipt.requests.items()},
        {seq: why for receipt in receipts for seq, why in receipt.photos.items()},
        together,
        tuple(number for receipt in receipts for number in receipt.reports),
        sum(receipt.new_photos for receipt in receipts),
    )


def _request_wrong(request: RequestSent) -> Sentence | None:
    if not request.text.strip():
        return Sentence("a report without words")
    longest = max(map(len, (request.text, request.place, request.name, request.phone)))
    if longest > LONGEST_REQUEST:
        return Sentence("a text of {count} characters; at most {most}", count=longest, most=LONGEST_REQUEST)
    return None


def _plain(words: str) -> str:
    """Without control characters, which nobody types."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in words).split())

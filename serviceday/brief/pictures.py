"""Photos in a brief: only those that somebody chose, since a photo may show more than the fault.

They are named by their number and their digest; the picture itself is read, and written anew, when a form is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from facility.deficiencies import Deficiency
from facility.errors import CannotDo
from facility.i18n.phrases import Language, Text
from facility.records import Records
from serviceday.brief.facts import fault_of
from serviceday.brief.figures import masked
from serviceday.brief.phrases import PHRASES
from serviceday.documents.branding import PHRASES as PAPER_PHRASES
from serviceday.documents.pictures import PrintedPicture
from serviceday.execution.evidence import PRINTED, Stage, evidence
from serviceday.execution.phone.photos import PhotoFolder

MOST = 6  # photos of one brief


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefPicture:
    """A photo that was chosen for a brief."""

    id: int  # of the photo
    record: str  # the finding that it shows, as in the annex
    plan: int  # the list at which it was taken; with the digest its file
    digest: str
    on: date
    what: Text
    afterwards: bool = False

    @property
    def file(self) -> str:
        """Its place in the folder of photos."""
        return f"{self.plan}/{self.digest}.jpg"

    def caption(self, language: Language) -> str:
        key = "picture_afterwards" if self.afterwards else "picture_found"
        return PHRASES.say(key, language, record=self.record, what=self.what[language], day=self.on)


def chosen_pictures(
    records: Records,
    numbers: Sequence[int],
    shown: Sequence[Deficiency],
    subjects: Mapping[str, Text],
    timezone: ZoneInfo,
) -> tuple[BriefPicture, ...]:
    """The photos of these numbers, all of findings that the brief shows.

    Raises `CannotDo` for too many, and for a number that is none of theirs.
    """
    if len(set(numbers)) > MOST:
        raise CannotDo("{count} photos for one brief; at most {most}", "Choose fewer", count=len(numbers), most=MOST)
    by_number = {deficiency.id: deficiency for deficiency in shown}
    trails = records.deficiencies.trails() if numbers else {}
    there: dict[int, BriefPicture] = {}
    for number, entries in evidence(records, {key: trails[key] for key in by_number if key in trails}).items():
        deficiency = by_number[number]
        fault = fault_of(deficiency, subjects)
        for entry in entries:
            there.setdefault(
                entry.photo.id,
                BriefPicture(
                    id=entry.photo.id,
                    record=deficiency.number,
                    plan=entry.photo.plan,
                    digest=entry.photo.digest,
                    on=entry.photo.taken_at.astimezone(timezone).date(),
                    what=Text(zh=masked(fault.zh), en=masked(fault.en)),
                    afterwards=entry.stage is Stage.AFTERWARDS,
                ),
            )
    for number in numbers:
        if number not in there:
            raise CannotDo(
                "photo {number} shows no finding of this service day",
                "Choose among {known}; `serviceday finding show` names the photos of a finding",
                number=number,
                known=sorted(there) or "-",
            )
    return tuple(there[number] for number in dict.fromkeys(numbers))


def printed(picture: BriefPicture, folder: PhotoFolder | None, language: Language) -> PrintedPicture:
    """A chosen photo with its words; without a picture where its file is gone, which the words then say."""
    caption = picture.caption(language)
    data = folder.read(picture, longest=PRINTED) if folder else None
    if data is None:
        return PrintedPicture(PAPER_PHRASES.say("picture_gone", language, caption=caption))
    return PrintedPicture(caption, data.data, data.width, data.height)

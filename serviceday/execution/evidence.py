"""The photos of a finding: those taken at the items of lists that its trail names.

A photo taken where the fault was found, or found again, shows it; one taken at an item that followed it up shows what
became of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from facility.deficiencies import DeficiencyStep, Move
from facility.i18n.phrases import Language
from facility.records import Records
from facility.rounds import Photo
from serviceday.documents.branding import PHRASES
from serviceday.documents.pictures import FindingPictures, PrintedPicture
from serviceday.execution.phone.photos import PhotoFolder

PRINTED = 900  # pixels of the longest side on paper
MOST_PRINTED = 4  # of one finding, of the fault and afterwards together


class Stage(StrEnum):
    """What a photo of a finding shows."""

    FOUND = "found"  # the fault
    AFTERWARDS = "afterwards"  # what became of it


@dataclass(frozen=True, slots=True)
class Evidence:
    """A photo with what it shows of a finding."""

    photo: Photo
    stage: Stage


def evidence(records: Records, trails: Mapping[int, Sequence[DeficiencyStep]]) -> dict[int, tuple[Evidence, ...]]:
    """By the number of each finding, its photos, the first taken first; () where there are none."""
    sources = {number: _sources(trail) for number, trail in trails.items()}
    by_item: dict[tuple[int, int], list[Photo]] = {}
    for photo in records.rounds.photos_of_items({key for keys in sources.values() for key in keys}):
        by_item.setdefault((photo.plan, photo.item), []).append(photo)
    return {
        number: tuple(
            sorted(
                (Evidence(photo, stage) for key, stage in keys.items() for photo in by_item.get(key, ())),
                key=lambda shown: (shown.photo.taken_at, shown.photo.id),
            )
        )
        for number, keys in sources.items()
    }


def evidence_of(records: Records, number: int) -> tuple[Evidence, ...]:
    """The photos of one finding. Raises `CannotDo` if there is none of that number."""
    records.deficiencies.get(number)
    return evidence(records, {number: records.deficiencies.trail(number)})[number]


def _sources(trail: Sequence[DeficiencyStep]) -> dict[tuple[int, int], Stage]:
    """The items that a trail names: what was found there first decides what their photos show."""
    stages: dict[tuple[int, int], Stage] = {}
    for step in trail:
        if step.plan and step.item:
            stage = Stage.FOUND if step.move in (Move.OPENED, Move.RECURRED) else Stage.AFTERWARDS
            stages.setdefault((step.plan, step.item), stage)
    return stages


@dataclass(frozen=True, slots=True)
class PictureBook:
    """Turns evidence into pictures for papers, in one language."""

    folder: PhotoFolder
    timezone: ZoneInfo
    language: Language

    def of(self, shown: Sequence[Evidence]) -> FindingPictures:
        """The newest of both stages, as many as a paper has room for; at least one of each where there are any."""
        found = [entry for entry in shown if entry.stage is Stage.FOUND]
        afterwards = [entry for entry in shown if entry.stage is Stage.AFTERWARDS]
        half = MOST_PRINTED // 2
        later = afterwards[-max(half, MOST_PRINTED - len(found)) :]
        sooner = found[-(MOST_PRINTED - len(later)) :]
        return FindingPictures(
            tuple(map(self.picture, sooner)), tuple(map(self.picture, later)), len(shown) - len(sooner) - len(later)
        )

    def caption(self, shown: Evidence) -> str:
        """What a photo shows, when it was taken and by whom."""
        moment = f"{shown.photo.taken_at.astimezone(self.timezone):%Y-%m-%d %H:%M}"
        return PHRASES.say(f"picture_{shown.stage}", self.language, moment=moment, who=shown.photo.person)

    def picture(self, shown: Evidence) -> PrintedPicture:
        caption, picture = self.caption(shown), self.folder.read(shown.photo, longest=PRINTED)
        if picture is None:
            return PrintedPicture(PHRASES.say("picture_gone", self.language, caption=caption))
        return PrintedPicture(caption, picture.data, picture.width, picture.height)

"""Takes reports in: what they are about, where they point, whether somebody reported it before, and who did.

What says who somebody is (`privacy`) goes to the reporter's record, not into the work record.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from facility.reports import Category, Report, Reporter
from serviceday.reports.classification import PHRASES, decided, suggest
from serviceday.reports.duplicates import same_as
from serviceday.reports.learning import classifier, corrections
from serviceday.reports.location_resolver import Gazetteer
from serviceday.reports.message import Said
from serviceday.reports.privacy import without_contacts, without_names_of
from serviceday.reports.taxonomy import folded, taxonomy


def keys(saids: Iterable[Said]) -> list[str]:
    """What each report is known by when it comes again: a digest of its words, place, time (if said) and reference.

    No name and no phone goes into it: a digest of a phone number can be turned back into the number. Rows that are
    alike but for who reported are told apart by their order.
    """
    counts: Counter[str] = Counter()
    reports = []
    for message in saids:
        words = "\0".join(
            (
                without_contacts(message.text)[0],
                without_contacts(message.place)[0],
                message.at.isoformat() if message.timed else "",
                message.reference,
            )
        )
        digest = hashlib.sha256(words.encode()).hexdigest()[:32]
        counts[digest] += 1
        reports.append(f"{digest}-{counts[digest]}")
    return reports


def _about(report: Report) -> tuple[str, ...]:
    return report.category.kind, report.category.subject, report.place.site, report.place.building


class Intake:
    """Makes reports of what was said, knowing the places and what was reported before."""

    def __init__(self, places: Gazetteer, earlier: Sequence[Report], *, decided: Sequence[Report] = ()) -> None:
        """`earlier` are the open reports; from `decided`, whose category a person set, the model learns."""
        self._places = places
        self._model = classifier(corrections(decided))
        self._earlier = defaultdict[tuple[str, ...], list[Report]](list)  # a repetition is about the same, there
        for report in earlier:
            if report.merged_into is None:
                self._earlier[_about(report)].append(report)
        self._taken = 0

    def take(self, message: Said, *, source: str) -> tuple[Report, Reporter]:
        """The report, not kept yet, and who made it.

        `merged_into` names an earlier report that it repeats; one taken in the same run by its place, -1 the first.
        """
        self._taken += 1
        names = [message.name] if message.name else []
        text, in_text = without_contacts(without_names_of(message.text, names))
        place_words, in_place = without_contacts(without_names_of(message.place, names))
        category = self._category(text, message.category, source)
        place = self._places.find(place_words, text, subject=category.subject)
        report = Report(at=message.at, text=text, said_place=place_words, category=category, place=place, source=source)
        earlier = self._earlier[_about(report)]
        repeated = same_as(report, earlier)
        if repeated is None:
            earlier.append(replace(report, id=-self._taken))
        else:
            report = replace(report, merged_into=repeated.id)
        phones = dict.fromkeys(filter(None, (message.phone.strip(), *in_text, *in_place)))
        return report, Reporter(name=message.name.strip(), phone=", ".join(phones))

    def _category(self, text: str, given: str, source: str) -> Category:
        suggested = suggest(f"{text} {given}" if given else text, learned=self._model)
        if not given:
            return suggested
        vocabulary, words = taxonomy(), folded(given)
        kinds = [k for k, (name, _) in vocabulary.kinds.items() if words in (k.value, folded(name.zh), folded(name.en))]
        subjects = [
            s.key for s in vocabulary.subjects.values() if words in (s.key, folded(s.name.zh), folded(s.name.en))
        ]
        if not (kinds or subjects):
            return suggested
        return decided(
            kinds[0] if kinds else suggested.kind,
            subjects[0] if subjects else suggested.subject,
            by=source or PHRASES["the_file"]["en"],
            urgent=suggested.urgent,
        )

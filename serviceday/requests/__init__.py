"""Residents' reports: what they are about, where they point, which are the same; and what they ask of a service day."""

from serviceday.requests.category import decided, named, suggest
from serviceday.requests.demand import equipment, requests
from serviceday.requests.intake import Intake, Said, keys
from serviceday.requests.places import Gazetteer
from serviceday.requests.places import decided as decided_place
from serviceday.requests.reading import FIELDS, read_reports
from serviceday.requests.taxonomy import taxonomy

__all__ = [
    "FIELDS",
    "Gazetteer",
    "Intake",
    "Said",
    "decided",
    "decided_place",
    "equipment",
    "keys",
    "named",
    "read_reports",
    "requests",
    "suggest",
    "taxonomy",
]

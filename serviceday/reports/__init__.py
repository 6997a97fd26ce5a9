"""Residents' reports: what they are about, where they point, which are the same; and what they ask of a service day."""

from serviceday.reports.classification import decided, named, suggest, unclear
from serviceday.reports.demand import equipment, requests
from serviceday.reports.importer import FIELDS, ReportFile, read_report_file, read_reports
from serviceday.reports.intake import Intake, keys
from serviceday.reports.location_resolver import Gazetteer
from serviceday.reports.location_resolver import decided as decided_place
from serviceday.reports.message import Said
from serviceday.reports.splitting import unpacked
from serviceday.reports.taxonomy import taxonomy

__all__ = [
    "FIELDS",
    "Gazetteer",
    "Intake",
    "ReportFile",
    "Said",
    "decided",
    "decided_place",
    "equipment",
    "keys",
    "named",
    "read_report_file",
    "read_reports",
    "requests",
    "suggest",
    "taxonomy",
    "unclear",
    "unpacked",
]

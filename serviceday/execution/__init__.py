"""What was done and found: duties with their dates, answers to lists, findings and how they are put right."""

from serviceday.execution.checking import Given, checked, told
from serviceday.execution.columns import last_dates
from serviceday.execution.dates import day_of
from serviceday.execution.naming import duty_named, last_date_column, nearest
from serviceday.execution.reading import Reading, read_duties

__all__ = [
    "Given",
    "Reading",
    "checked",
    "day_of",
    "duty_named",
    "last_date_column",
    "last_dates",
    "nearest",
    "read_duties",
    "told",
]

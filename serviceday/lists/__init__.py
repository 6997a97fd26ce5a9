"""Inspection lists on paper, in calendars and on screens; and the announcement for residents."""

from serviceday.lists.paper import Names, Paper
from serviceday.lists.writing import FORMS, check_form, content, write_list

__all__ = ["FORMS", "Names", "Paper", "check_form", "content", "write_list"]

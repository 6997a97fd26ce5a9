"""Inspection lists on paper and on screens: XLSX, CSV, JSON."""

from serviceday.lists.writing import FORMS, check_form, write_list

__all__ = ["FORMS", "check_form", "write_list"]

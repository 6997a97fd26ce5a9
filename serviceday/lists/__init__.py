"""Inspection lists on paper and on screens: XLSX, CSV, JSON."""

from serviceday.lists.writing import check_form, write_list

__all__ = ["check_form", "write_list"]

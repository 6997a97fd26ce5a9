"""The register of findings (整改台账) and the notices by which they are handed over (整改通知单)."""

from serviceday.documents.rectification.content import Register
from serviceday.documents.rectification.writer import check_register_form, write_register

__all__ = ["Register", "check_register_form", "write_register"]

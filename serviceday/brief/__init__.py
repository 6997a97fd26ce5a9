"""The brief of a service day (工作简报): counted, and every figure with the records behind it."""

from serviceday.brief.content import Brief, brief
from serviceday.brief.figures import Figure
from serviceday.brief.writer import check_brief_form, decoded, encoded, write_brief

__all__ = ["Brief", "Figure", "brief", "check_brief_form", "decoded", "encoded", "write_brief"]

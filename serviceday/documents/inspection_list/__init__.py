"""Inspection lists on paper, in calendars and on screens; and the announcement for residents."""

from serviceday.documents.announcement.writer import (
    NOTICE_FORMS,
    beside,
    check_notice_form,
    notice_text,
    notices,
    save_notice_template,
    write_announcement,
)
from serviceday.documents.branding import Names, Paper
from serviceday.documents.inspection_list.law import assurance, law_words
from serviceday.documents.inspection_list.writer import FORMS, check_form, content, write_list, write_lists

__all__ = [
    "FORMS",
    "NOTICE_FORMS",
    "Names",
    "Paper",
    "assurance",
    "beside",
    "check_form",
    "check_notice_form",
    "content",
    "law_words",
    "notice_text",
    "notices",
    "save_notice_template",
    "write_announcement",
    "write_list",
    "write_lists",
]

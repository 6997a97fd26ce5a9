"""One hierarchy of errors for every room.

Three kinds matter to a caller, as in xknx: what came in could not be *parsed*, it was parsed but could not be
*converted* into something the facility knows, or the other side could not be *reached*. A fourth is ours alone: what
the operator *asked* for cannot be done. Each carries what was wrong, where, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence


class ServicedayError(Exception):
    """Something a user can mend. `what` says what is wrong and where; `do` says what to do about it."""

    def __init__(self, what: str, do: str = "") -> None:
        self.what = what
        self.do = do
        super().__init__(f"{what}. {do}" if do else what)


class CannotParse(ServicedayError):
    """Bytes or text that do not have the form they should have."""


class CannotConvert(ServicedayError):
    """Well-formed input that names something unknown, or holds a value that cannot be."""


class CannotCommunicate(ServicedayError):
    """A broker, store or port that does not answer or refuses."""


class CannotDo(ServicedayError):
    """A request that cannot be carried out as asked: a folder in use, no model yet, a disk too small."""


class Problems(CannotParse):
    """Every problem of one file at once, each with its line."""

    def __init__(self, file: str, problems: Sequence[str]) -> None:
        self.file = file
        self.problems = tuple(problems)
        listed = "; ".join(self.problems)
        count = len(self.problems)
        super().__init__(
            f"{file}: {count} problem{'s' if count != 1 else ''}: {listed}", "Mend the file and run it again"
        )

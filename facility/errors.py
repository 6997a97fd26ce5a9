"""One hierarchy of errors for every room.

Three kinds matter to a caller, as in xknx: what came in could not be *parsed*, it was parsed but could not be
*converted* into something the facility knows, or the other side could not be *reached*. A fourth is ours alone: what
the operator *asked* for cannot be done. Each carries what was wrong, where, and what to do, as English templates and
the values that fill them, so that it can be told in the user's language (`facility.i18n.messages`, docs/languages.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from facility.i18n.messages import Sentence


class ServicedayError(Exception):
    """Something a user can mend. `what` says what is wrong and where; `do` says what to do about it."""

    def __init__(self, what: str | Sentence, do: str | Sentence = "", /, **values: object) -> None:
        self.what = what if isinstance(what, Sentence) else Sentence(what, **values)
        self.do = do if isinstance(do, Sentence) else Sentence(do, **values)
        super().__init__(self.what, self.do)

    def __str__(self) -> str:
        return str(self.sentence)

    @property
    def sentence(self) -> Sentence:
        """Both in one."""
        if not self.do:
            return self.what
        asked = str(self.what).endswith("?")
        return Sentence("{what} {do}" if asked else "{what}. {do}", what=self.what, do=self.do)

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (type(self), self.__dict__)


def _again(kind: type[ServicedayError], state: dict[str, object]) -> ServicedayError:
    """An error as it came from another process, whatever its `__init__` asks for."""
    error = kind.__new__(kind)
    error.__dict__.update(state)
    error.args = (error.what, error.do)
    return error


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

    def __init__(self, file: str, problems: Sequence[Sentence]) -> None:
        self.file = file
        self.sentences = tuple(problems)
        super().__init__(
            "{file}: 1 problem: {problems}" if len(problems) == 1 else "{file}: {count} problems: {problems}",
            "Mend the file and run it again",
            file=file,
            count=len(problems),
            problems=list(problems),
        )

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(map(str, self.sentences))

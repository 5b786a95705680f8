"""Every error that rtmd raises on purpose, in one tree.

An error says whose fault it is and where: file, line, key, problem, nearest valid name. Programming mistakes
are not in here: those stay `AssertionError`, `TypeError` and the like, and end in a traceback.
"""

from __future__ import annotations

from msgspec import Struct


class RtmdError(Exception):
    """Root of the tree."""


class Located(Struct, frozen=True, order=True):
    """One problem at one place of one file; its text is the `file:line: problem` line people see.

    `line` and `column` count from 1; 0 says that the place is not known that exactly.
    """

    file: str
    line: int
    column: int
    problem: str

    def __str__(self) -> str:
        place = self.file
        if self.line:
            place += f":{self.line}"
            if self.column:
                place += f":{self.column}"
        return f"{place}: {self.problem}"


class FileErrors(RtmdError):  # noqa: N818  # it carries many
    """A file cannot be used; `problems` has every reason found, in the order of the file."""

    def __init__(self, problems: tuple[Located, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


class PromqlError(RtmdError):
    """An expression is wrong or not supported. `offset` counts characters from 0 within the expression."""

    def __init__(self, problem: str, offset: int = 0) -> None:
        self.problem = problem
        self.offset = offset
        super().__init__(problem)


class QueryLimitError(RtmdError):
    """A query reads, or gives, more than one may."""


class FormatError(RtmdError):
    """Bytes from outside are not what their format says. `reason` is a short stable word for the counter."""

    def __init__(self, reason: str, problem: str) -> None:
        self.reason = reason
        super().__init__(problem)


class MatcherError(RtmdError):
    """A label matcher is malformed or its pattern does not compile."""


class RefusedError(RtmdError):
    """A person's request cannot be carried out; the text says why and who was first."""


class ConflictError(RefusedError):
    """The request was made on a version that is no longer current."""


class UnconfirmedError(RefusedError):
    """The request does more than people may expect; `reasons` say what. It has to be confirmed."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        super().__init__(f"this {'; '.join(reasons)}: it has to be confirmed")


class NotFoundError(RefusedError):
    """The request names something that does not exist."""


class StoreError(RtmdError):
    """The state folder cannot be used: locked, full, damaged, or written by a newer rtmd.

    `fatal`: nothing written from here on could be trusted, so the daemon has to start anew (exit 75).
    """

    def __init__(self, problem: str, *, fatal: bool = False) -> None:
        self.fatal = fatal
        super().__init__(problem)


class ListenError(RtmdError):
    """An address cannot be listened on; the text names it and says why."""


class DeliveryError(RtmdError):
    """A receiver did not take a notification."""


class RetryableError(DeliveryError):
    """It may take it later; `retry_after` is in ms, or None where the receiver did not say."""

    def __init__(self, problem: str, retry_after: int | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(problem)


class UnreachedError(RetryableError):
    """It was not even asked, or refused to look at it: trying again repeats nothing."""


class PermanentError(DeliveryError):
    """It will never take it: trying again is pointless."""

"""Silences as Alertmanager's clients send and read them: pure translation, its refusals in Alertmanager's words.

Alertmanager asks twice: whether a body has the shape of its OpenAPI document (400 what is no JSON of that shape, 422
what misses a field), then whether it makes sense (400). What a person may not do for reasons of rtmd's own is refused
by the step, in its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from rtmd.api.requests import FARTHEST, MOST_MATCHERS, MOST_TEXT
from rtmd.errors import ConflictError, MatcherError, RefusedError
from rtmd.formats.query_json import show_moment
from rtmd.matching import check_pattern, is_wildcard
from rtmd.model.inputs import SilenceSet
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.model.silence import Lift, Silence, SilenceState
from rtmd.wire.alertmanager import GettableSilence, PostedMatcher, PostedSilence, SilenceMatcher, SilenceStatus

MOST_AUTHOR = 200  # characters
CONFIRMED = "confirmed"  # how a comment begins that means it: clients of Alertmanager have nothing else to say so

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BAD_TYPE, _MISSING, _TOO_FEW = 400, 602, 612
_OPS = {  # by isEqual and isRegex
    (True, False): MatchOp.EQUAL,
    (False, False): MatchOp.NOT_EQUAL,
    (True, True): MatchOp.REGEX,
    (False, True): MatchOp.NOT_REGEX,
}
_SIGNS = {op: signs for signs, op in _OPS.items()}
_ORDER = (SilenceState.ACTIVE, SilenceState.PENDING, SilenceState.EXPIRED)


class BadShapeError(Exception):
    """A body is not what the OpenAPI document says; `code` is go-swagger's."""

    def __init__(self, code: int, problem: str) -> None:
        self.code = code
        super().__init__(problem)

    @property
    def status(self) -> int:
        """Of the answer."""
        return 400 if self.code == _BAD_TYPE else 422


def read_silence(body: bytes) -> PostedSilence:
    """The silence in this JSON, with all the fields that must be there. Raises BadShapeError."""
    try:
        posted = msgspec.json.decode(body, type=PostedSilence)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unparsed(error) from None
    for name, time in (("startsAt", posted.starts_at), ("endsAt", posted.ends_at), ("updatedAt", posted.updated_at)):
        if time is not None:
            _moment(name, time)
    fields: list[tuple[str, object]] = [
        ("comment", posted.comment),
        ("createdBy", posted.created_by),
        ("endsAt", posted.ends_at),
        ("matchers", posted.matchers),
        ("startsAt", posted.starts_at),
    ]
    for number, matcher in enumerate(posted.matchers or ()):
        place = f"matchers.{number}"
        parts = (("isRegex", matcher.is_regex), ("name", matcher.name), ("value", matcher.value))
        fields += [(f"{place}.{name}", part) for name, part in parts]
    for name, field in fields:
        if field is None:
            raise BadShapeError(_MISSING, f"{name} in body is required")
    if not posted.matchers:
        raise BadShapeError(_TOO_FEW, "matchers in body should have at least 1 items")
    return posted


def silence_input(
    posted: PostedSilence, *, by: str, author: str, wall: int, existing: Silence | None = None
) -> SilenceSet:
    """The silence to set; `existing` is the one with its id. Raises RefusedError."""
    starts_at, ends_at = _moment("startsAt", posted.starts_at or ""), _moment("endsAt", posted.ends_at or "")
    comment = posted.comment or ""
    if starts_at >= ends_at:
        raise RefusedError("Failed to create silence: start time must be before end time")
    if ends_at < wall:
        raise RefusedError("Failed to create silence: end time can't be in the past")
    if starts_at > wall + FARTHEST:
        raise RefusedError("a silence may start at most a year ahead")
    if len(comment) > MOST_TEXT:
        raise RefusedError(f"the comment has more than {MOST_TEXT} characters")
    if len(author) > MOST_AUTHOR:
        raise RefusedError(f"createdBy has more than {MOST_AUTHOR} characters")
    # The start of a running silence is the same start within its second: clients that know no milliseconds may edit.
    if posted.updated_at and existing is not None and not _same(posted.updated_at, existing.updated_at):
        who = existing.updated_by or existing.created_by
        raise ConflictError(f"{who} was first and changed the silence {existing.id}")
    running = existing is not None and existing.state(wall) is SilenceState.ACTIVE
    if running and existing is not None and existing.starts_at // 1000 == starts_at // 1000:
        starts_at = existing.starts_at
    return SilenceSet(
        request=0,
        by=by,
        matchers=_matchers(posted.matchers or []),
        starts_at=starts_at or 1,  # 0 would mean: as it is
        ends_at=ends_at,
        comment=comment,
        id=posted.id or "",
        author=author,
        lift=existing.lift if existing else Lift.END,
        version=existing.version if existing else 0,  # what was read a moment ago is what is changed
        confirmed=comment.lower().startswith(CONFIRMED),
    )


def gettable_silence(silence: Silence, wall: int) -> GettableSilence:
    """The silence as it is read."""
    return GettableSilence(
        id=silence.id,
        status=SilenceStatus(str(silence.state(wall))),
        updated_at=show_moment(silence.updated_at),
        matchers=[_gettable(matcher) for matcher in silence.matchers],
        starts_at=show_moment(silence.starts_at),
        ends_at=show_moment(silence.ends_at),
        created_by=silence.created_by,
        comment=silence.comment,
    )


def in_order(silences: Iterable[Silence], wall: int) -> list[Silence]:
    """Active ones by their end, pending ones by their start, then expired ones, the latest first."""

    def place(silence: Silence) -> tuple[int, int, str]:
        state = silence.state(wall)
        times = {SilenceState.ACTIVE: silence.ends_at, SilenceState.PENDING: silence.starts_at}
        return _ORDER.index(state), times.get(state, -silence.ends_at), silence.id

    return sorted(silences, key=place)


def mentions(silence: Silence, wanted: Iterable[Matcher]) -> bool:
    """Whether each of these matchers is one of the silence's own."""
    return all(matcher in silence.matchers for matcher in wanted)


def _matchers(posted: Sequence[PostedMatcher]) -> tuple[Matcher, ...]:
    if len(posted) > MOST_MATCHERS:
        raise RefusedError(f"silence invalid: more than {MOST_MATCHERS} matchers")
    found = tuple(_matcher(number, matcher) for number, matcher in enumerate(posted))
    if all(map(is_wildcard, found)):
        raise RefusedError("silence invalid: at least one matcher must not match the empty string")
    return found


def _matcher(number: int, posted: PostedMatcher) -> Matcher:
    op = _OPS[posted.is_equal is not False, bool(posted.is_regex)]
    matcher = Matcher(posted.name or "", op, posted.value or "")
    if not matcher.name:
        raise RefusedError(f'silence invalid: invalid label matcher {number}: invalid label name ""')
    try:
        if posted.is_regex:
            check_pattern(matcher.value)
    except MatcherError as error:
        raise RefusedError(f"silence invalid: invalid label matcher {number}: {error}") from None
    return matcher


def _gettable(matcher: Matcher) -> SilenceMatcher:
    is_equal, is_regex = _SIGNS[matcher.op]
    return SilenceMatcher(matcher.name, matcher.value, is_regex, is_equal)


def _moment(name: str, text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
        return ((when if when.tzinfo else when.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        raise _unparsed(f'{name}: cannot parse "{text[:60]}" as a time') from None


def _same(text: str, moment: int) -> bool:
    """Whether that time is the moment, within its second where the client knows no milliseconds."""
    told = _moment("updatedAt", text)
    return told == moment or (told % 1000 == 0 and told == moment // 1000 * 1000)


def _unparsed(why: object) -> BadShapeError:
    return BadShapeError(_BAD_TYPE, f'parsing silence body from "" failed, because {why}')

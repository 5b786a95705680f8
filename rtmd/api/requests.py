"""What people ask for over HTTP, as inputs of the pipeline: pure translation, all of its refusals are 400.

A silence made from a firing covers what the person looked at and no more (`wire.scope`). Its default length fits the
stage; of one that lifts by itself that is the cap.

The request number is not known here: it is 0, and whoever sends the input fills it in.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from rtmd.errors import MatcherError, RefusedError
from rtmd.matching import is_wildcard, parse_matcher
from rtmd.model import mark
from rtmd.model.firing import Firing
from rtmd.model.inputs import AckSet, MarkMade, MissReported, SilenceSet, VerdictGiven
from rtmd.model.labels import labels_of
from rtmd.model.mark import MarkKind
from rtmd.model.matcher import Matcher
from rtmd.model.rule import HOUR, MINUTE
from rtmd.model.silence import Lift, SilenceState
from rtmd.wire import AckRequest, FiringView
from rtmd.wire.acks import AcksRequest
from rtmd.wire.marks import MarkRequest
from rtmd.wire.noise import MissedRequest, VerdictRequest
from rtmd.wire.scope import OWN_LABELS, firing_matchers
from rtmd.wire.silences import SilenceRequest, SilenceView

DAY = 24 * HOUR
LONGEST = 30 * DAY  # of a silence
FARTHEST = 366 * DAY  # ahead that a silence may start

_LENGTHS = {"seconds": 5 * MINUTE, "minutes": 15 * MINUTE, "hours": 4 * HOUR}
_CAPS = {"seconds": HOUR, "minutes": 8 * HOUR, "hours": DAY}  # of those that lift by themselves
_WITHOUT_FIRING = {Lift.END: HOUR, Lift.RESOLVED: DAY}
MOST_MATCHERS = 32
MOST_ACKS = 1_000  # in one request
MOST_TEXT = 2_000  # characters of a comment

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")

_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)

Request = TypeVar("Request", bound=msgspec.Struct)


def decode_request(body: bytes, kind: type[Request]) -> Request:
    """The request in this JSON; RefusedError names a wrong or unknown field and the nearest known one."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(_explain(str(error), kind.__struct_fields__)) from None


def _explain(text: str, fields: Iterable[str]) -> str:
    unknown = _UNKNOWN_FIELD.match(text)
    if unknown is None:
        return text
    known = list(fields)
    nearest = difflib.get_close_matches(unknown["name"], known, n=1)
    advice = f'did you mean "{nearest[0]}"?' if nearest else f"known are {', '.join(known)}"
    return f'unknown field "{unknown["name"][:64]}": {advice}'


def silence_input(
    request: SilenceRequest,
    *,
    by: str,
    wall: int,
    firing: FiringView | None = None,
    existing: SilenceView | None = None,
) -> SilenceSet:
    """The silence to set: `firing` is the one `request.firing` names, `existing` the silence with `request.id`.

    Raises RefusedError.
    """
    _check(request)
    start = _start(request.starts_at, wall, existing)
    lift = request.lift or (Lift(existing.lift) if existing else Lift.END)
    if existing is not None and not request.length and existing.state != SilenceState.EXPIRED:
        ends = existing.ends_at
    else:
        ends = max(start, wall) + (request.length or _usual_length(lift, firing))
    if firing is not None:
        matchers = firing_matchers(firing, rule_wide=request.rule_wide)
    else:
        texts = request.matchers or (existing.matchers if existing else [])
        matchers = tuple(_matcher(text) for text in texts)
    if all(map(is_wildcard, matchers)):
        raise RefusedError("at least one matcher must not match the empty string: this would silence everything")
    return SilenceSet(
        request=0,
        by=by,
        matchers=matchers,
        starts_at=start,
        ends_at=ends,
        comment=request.comment or (existing.comment if existing else ""),
        id=request.id,
        lift=lift,
        version=request.version or (existing.version if existing else 0),  # compare and set, seen or not
        confirmed=request.confirm,
    )


def _usual_length(lift: Lift, firing: FiringView | None) -> int:
    if firing is None:
        return _WITHOUT_FIRING[lift]
    if lift is Lift.RESOLVED and firing.state == "resolved":
        raise RefusedError(f"{firing.id} has resolved: there is nothing to wait for")
    return (_LENGTHS if lift is Lift.END else _CAPS)[firing.stage]


def _check(request: SilenceRequest) -> None:
    if request.firing and request.matchers:
        raise RefusedError("give matchers or a firing, not both")
    if request.rule_wide and not request.firing:
        raise RefusedError("rule_wide needs a firing")
    if not (request.firing or request.matchers or request.id):
        raise RefusedError("give at least one matcher, or a firing")
    if len(request.matchers) > MOST_MATCHERS:
        raise RefusedError(f"more than {MOST_MATCHERS} matchers")
    if len(request.comment) > MOST_TEXT:
        raise RefusedError(f"the comment has more than {MOST_TEXT} characters")
    if request.length < 0:
        raise RefusedError("the silence ends before it starts")
    if request.length > LONGEST:
        raise RefusedError("a silence may last 30 days at most")


def _start(asked: int, wall: int, existing: SilenceView | None) -> int:
    """A start in the past becomes now, except where it is that of the running silence being edited."""
    if asked > wall + FARTHEST:
        raise RefusedError("a silence may start at most a year ahead")
    if existing is not None and existing.state != SilenceState.EXPIRED and asked in (0, existing.starts_at):
        return existing.starts_at
    return max(asked, wall)


def _matcher(text: str) -> Matcher:
    try:
        return parse_matcher(text)
    except MatcherError as error:
        raise RefusedError(f"matcher {text[:200]}: {error}") from None


def verdict_input(request: VerdictRequest, *, by: str, past: Firing | None = None) -> VerdictGiven:
    """What somebody says of a firing; `past` is that firing where only the store remembers it. Raises RefusedError."""
    if not request.firing:
        raise RefusedError("name the firing")
    if request.verdict not in ("noise", "real"):
        raise RefusedError(f'a verdict is noise or real, not "{request.verdict[:64]}"')
    return VerdictGiven(0, by, request.firing, real=request.verdict == "real", past=past)


def missed_input(request: MissedRequest, *, by: str) -> MissReported:
    """What somebody saw and a rule did not. Raises RefusedError."""
    if not request.rule:
        raise RefusedError("name the rule")
    if not request.text.strip():
        raise RefusedError("say what was missed")
    if len(request.text) > MOST_TEXT:
        raise RefusedError(f"the text has more than {MOST_TEXT} characters")
    return MissReported(0, by, request.rule, request.text)


def ack_input(request: AckRequest, *, by: str) -> AckSet:
    """The ack to set; a length of 0 stays 0, the stage's default. Raises RefusedError."""
    [ack] = acks_input(AcksRequest({request.firing: request.version}, request.length, request.note), by=by)
    return ack


def acks_input(request: AcksRequest, *, by: str) -> list[AckSet]:
    """The acks to set, all of one length. Raises RefusedError."""
    if not request.firings or not all(request.firings):
        raise RefusedError("name the firing")
    if len(request.firings) > MOST_ACKS:
        raise RefusedError(f"more than {MOST_ACKS} firings at once")
    if not 0 <= request.length <= LONGEST:
        raise RefusedError("an ack lasts between 0 (the stage's default) and 30 days")
    if len(request.note) > MOST_TEXT:
        raise RefusedError(f"the note has more than {MOST_TEXT} characters")
    return [
        AckSet(0, by, firing, version=version, length=request.length, note=request.note)
        for firing, version in request.firings.items()
    ]


def mark_input(request: MarkRequest, *, by: str) -> MarkMade:
    """The mark to make. Raises RefusedError."""
    if request.kind not in list(MarkKind):
        close = difflib.get_close_matches(request.kind[:64], list(MarkKind), n=1)
        advice = f': did you mean "{close[0]}"?' if close else ""
        raise RefusedError(f'kind is one of {", ".join(MarkKind)}, not "{request.kind[:64]}"{advice}')
    if not 0 < len(request.text) <= mark.MOST_TEXT:
        raise RefusedError(f"say what happened, in at most {mark.MOST_TEXT} characters")
    if len(request.labels) > mark.MOST_LABELS:
        raise RefusedError(f"more than {mark.MOST_LABELS} labels")
    for name, value in request.labels.items():
        if not _LABEL.fullmatch(name):
            raise RefusedError(f'"{name[:64]}" is no label: labels are named with letters, digits and "_"')
        if name in OWN_LABELS:
            raise RefusedError(f"a mark cannot have the label {name}: rtmd sets it")
        if not 0 < len(value) <= mark.MOST_TEXT:
            raise RefusedError(f"the value of {name} is empty, or longer than {mark.MOST_TEXT} characters")
    if not 0 <= request.time < 1 << 53:
        raise RefusedError("time is in ms since the epoch")
    kind = MarkKind(request.kind)
    return MarkMade(0, by, kind, text=request.text, labels=labels_of(request.labels), time=request.time)

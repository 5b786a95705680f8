"""Silences (semantics S4): made, edited and expired as Alertmanager does, judged by wall time.

A silence mutes a firing while it is active and all its matchers match the firing's exposed labels. What rtmd says
about itself (rules `rtmd.*`, semantics S13) has to be meant: one of the matchers must name such rules, as
`rule="rtmd.limits"` and `rule=~"rtmd.*"` do; `rule=~".+"` and `severity!=""` leave them alone. Nothing here deletes a
firing or forgets one: muting is asked for when something is to be said or run, and for display.

A silence is kept under one of its equalities, `name="value"`, the one that the fewest others stand under. So judging a
firing costs a look-up for each of its labels, however many silences there are; only those without an equality are held
against every firing.

One that is to be lifted when all it matched has resolved looks past the virtual labels: what it covered at `seconds`
and has risen since keeps it, so that it is there again when that falls back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

from rtmd.errors import ConflictError, NotFoundError, RefusedError
from rtmd.matching import Matches, compile_matchers, is_wildcard
from rtmd.model.inputs import SilenceSet
from rtmd.model.labels import Labels, get
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.model.replace import replace
from rtmd.model.rule import HOUR
from rtmd.model.silence import Lift, Silence, SilenceState

KEPT = 120 * HOUR  # after expiry
OWN = "rtmd."  # how the names of built-in rules begin
LONGEST = 30 * 24 * HOUR

_ANYWHERE = ("", "")  # the place of those without an equality: no firing has such a label
_VIRTUAL = frozenset({"stage", "severity"})


class Silences:
    """All silences that are remembered, by id and by what to look for in a firing.

    `changed` has the ids of those that want saving.
    """

    def __init__(self) -> None:
        self.changed: dict[str, None] = {}
        self._by_id: dict[str, Silence] = {}
        self._matches: dict[str, Matches] = {}
        self._lifting: dict[str, Matches] = {}
        self._places: dict[str, tuple[str, str]] = {}
        self._at: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)  # ids by place

    def __repr__(self) -> str:
        return f"<Silences {len(self._by_id)}>"

    def __contains__(self, silence_id: str) -> bool:
        return silence_id in self._by_id

    def __iter__(self) -> Iterator[Silence]:
        return iter(self._by_id.values())

    def restore(self, silences: Iterable[Silence]) -> None:
        """Take in what the store kept."""
        for silence in silences:
            self._enter(silence)

    def get(self, silence_id: str) -> Silence:
        """One of them; NotFoundError when there is none."""
        try:
            return self._by_id[silence_id]
        except KeyError:
            raise NotFoundError(f"there is no silence {silence_id[:64]}") from None

    def check(self, wanted: SilenceSet, wall: int) -> Silence | None:
        """Refuse what makes no sense or comes too late; gives the silence that it edits, if any.

        Raises RefusedError (400), NotFoundError or ConflictError.
        """
        old = self.get(wanted.id) if wanted.id else None
        if old is not None:
            _refuse_overtaken(old, wanted.version, wall)
        _refuse_nonsense(wanted, max(wanted.starts_at, wall))
        return old

    def put(self, wanted: SilenceSet, wall: int) -> list[Silence]:
        """Create a silence, or edit the one with `wanted.id`; gives what changed, the silence in force last.

        An edit keeps its id when the matchers stay and the start is not rewritten: an active one may move its end to
        no earlier than now, a pending one anything to no earlier than now. Every other edit expires the old silence
        and makes a new one. Raises RefusedError (400) or NotFoundError.
        """
        old = self.check(wanted, wall)
        starts_at = max(wanted.starts_at, wall)
        changed: list[Silence] = []
        if old is not None:
            if _editable(old, wanted, wall):
                return [self._keep(_edited(old, wanted, starts_at, wall))]
            if old.state(wall) is not SilenceState.EXPIRED:
                changed.append(self.expire(old.id, wall, by=wanted.by))
        fresh = Silence(
            id=self._new_id(wanted, wall),
            matchers=tuple(sorted(wanted.matchers)),
            starts_at=starts_at,
            ends_at=wanted.ends_at,
            created_by=wanted.author or wanted.by,
            comment=wanted.comment,
            updated_at=wall,
            lift=wanted.lift,
            updated_by=wanted.author or wanted.by,
        )
        return [*changed, self._keep(fresh)]

    def expire(self, silence_id: str, wall: int, *, by: str = "", version: int = 0) -> Silence:
        """End a silence now; one that has ended already stays as it is. Raises NotFoundError or ConflictError."""
        silence = self.get(silence_id)
        _refuse_overtaken(silence, version, wall)
        ended = replace(silence, ends_at=wall - 1, updated_at=wall, updated_by=by, version=silence.version + 1)
        match silence.state(wall):
            case SilenceState.ACTIVE:
                return self._keep(ended)
            case SilenceState.PENDING:
                return self._keep(replace(ended, starts_at=wall - 1))
            case SilenceState.EXPIRED:
                return silence

    def note(self, silence: Silence, **became: Any) -> Silence:
        """Remember what became of a silence; nobody changed it."""
        return self._keep(replace(silence, **became))

    def count(self, silence_id: str) -> None:
        """It withheld a message."""
        silence = self.get(silence_id)
        self.note(silence, suppressed=silence.suppressed + 1)

    def lifting(self) -> Iterator[tuple[Silence, Matches]]:
        """Those that are lifted when what they matched has resolved, with what that is."""
        yield from ((self._by_id[each], matches) for each, matches in self._lifting.items())

    def muting(self, labels: Labels, wall: int) -> list[Silence]:
        """The active silences that match these exposed labels, the one that lasts longest first."""
        return self.covering(labels, wall, wall)

    def mutes(self, labels: Labels, wall: int) -> bool:
        """Whether any active silence matches these exposed labels."""
        return any(
            silence.starts_at <= wall <= silence.ends_at and self._matches[silence_id](labels)
            for place in (_ANYWHERE, *labels)
            if place in self._at
            for silence_id in self._at[place]
            for silence in (self._by_id[silence_id],)
        )

    def covering(self, labels: Labels, since: int, until: int) -> list[Silence]:
        """The same for silences that were active at any time from `since` to `until`."""
        ids = (each for place in (_ANYWHERE, *labels) if place in self._at for each in self._at[place])
        found = [
            silence
            for silence in map(self._by_id.__getitem__, ids)
            if silence.starts_at <= until and silence.ends_at >= since and self._matches[silence.id](labels)
        ]
        return sorted(found, key=lambda silence: (-silence.ends_at, silence.id))

    def covered_by(self, silence: Silence, firings: Iterable[Labels]) -> int:
        """How many of these label sets the silence is about."""
        return sum(map(self._matches[silence.id], firings))

    def forget(self, wall: int) -> list[str]:
        """Drop those that expired long ago; gives their ids."""
        gone = [silence.id for silence in self._by_id.values() if silence.ends_at + KEPT < wall]
        for silence_id in gone:
            self._drop(silence_id)
        return gone

    def _keep(self, silence: Silence) -> Silence:
        self.changed[silence.id] = None
        return self._enter(silence)

    def _enter(self, silence: Silence) -> Silence:
        """Remember it, or what an edit made of it: that leaves its matchers as they are."""
        if silence.id not in self._by_id:
            equalities = [
                (each.name, each.value) for each in silence.matchers if each.op is MatchOp.EQUAL and each.value
            ]
            place = min(equalities, key=lambda pair: len(self._at.get(pair, ())), default=_ANYWHERE)
            self._places[silence.id] = place
            self._at[place][silence.id] = None
            self._matches[silence.id] = about(silence.matchers)
        if silence.lift is Lift.RESOLVED:
            self._lifting[silence.id] = about(_lasting(silence.matchers))
        else:
            self._lifting.pop(silence.id, None)
        self._by_id[silence.id] = silence
        return silence

    def _drop(self, silence_id: str) -> None:
        del self._by_id[silence_id], self._matches[silence_id]
        self._lifting.pop(silence_id, None)
        self.changed.pop(silence_id, None)
        place = self._places.pop(silence_id)
        del self._at[place][silence_id]
        if not self._at[place]:
            del self._at[place]

    def _new_id(self, wanted: SilenceSet, wall: int) -> str:
        """Ten hex digits, the same in every replay, unlike any id in use."""
        for attempt in range(1 << 16):
            seed = f"{wanted.by}|{wanted.matchers!r}|{wall}|{attempt}".encode("utf-8", "surrogatepass")
            candidate = blake2b(seed, digest_size=5).hexdigest()
            if candidate not in self._by_id:
                return candidate
        raise ConflictError("no free silence id")


def about(matchers: tuple[Matcher, ...]) -> Matches:
    """What says whether a silence with these matchers is about exposed labels, whenever it is active."""
    matches = compile_matchers(matchers)
    if any(map(_names_own, matchers)):
        return matches
    return lambda labels: not get(labels, "rule").startswith(OWN) and matches(labels)


def _names_own(matcher: Matcher) -> bool:
    positive = matcher.op in (MatchOp.EQUAL, MatchOp.REGEX)
    return positive and matcher.name in ("rule", "alertname") and OWN.rstrip(".") in matcher.value


def _lasting(matchers: tuple[Matcher, ...]) -> tuple[Matcher, ...]:
    """Those that a firing satisfies from its beginning to its end, or never; all, where there are none such."""
    return tuple(matcher for matcher in matchers if matcher.name not in _VIRTUAL) or matchers


def _edited(old: Silence, wanted: SilenceSet, starts_at: int, wall: int) -> Silence:
    """The same silence, as it is wanted now; its end is to be announced again where it is another one."""
    return replace(
        old,
        starts_at=old.starts_at if old.state(wall) is SilenceState.ACTIVE else starts_at,
        ends_at=wanted.ends_at,
        comment=wanted.comment,
        updated_at=wall,
        lift=wanted.lift,
        version=old.version + 1,
        updated_by=wanted.author or wanted.by,
        announced=old.announced and wanted.ends_at == old.ends_at,
    )


def _refuse_overtaken(silence: Silence, version: int, wall: int) -> None:
    if version and version != silence.version:
        did = "ended" if silence.state(wall) is SilenceState.EXPIRED else "changed"
        who = silence.updated_by or silence.created_by
        raise ConflictError(f"{who} was first and {did} the silence {silence.id} (version {silence.version})")


def _editable(old: Silence, wanted: SilenceSet, wall: int) -> bool:
    if tuple(sorted(wanted.matchers)) != old.matchers:
        return False
    match old.state(wall):
        case SilenceState.ACTIVE:
            return wanted.starts_at in (0, old.starts_at) and wanted.ends_at >= wall
        case SilenceState.PENDING:
            return wanted.starts_at >= wall
        case SilenceState.EXPIRED:
            return False


def _refuse_nonsense(wanted: SilenceSet, starts_at: int) -> None:
    if not wanted.matchers:
        raise RefusedError("a silence needs at least one matcher")
    if all(map(is_wildcard, wanted.matchers)):
        raise RefusedError("at least one matcher must not match the empty string: this would silence everything")
    if wanted.ends_at < starts_at:
        raise RefusedError("the end of the silence is before its start")
    if wanted.ends_at - starts_at > LONGEST:
        raise RefusedError("a silence lasts at most 30 days")

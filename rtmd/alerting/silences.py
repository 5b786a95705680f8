"""Silences (semantics S4): made, edited and expired as Alertmanager does, judged by wall time.

A silence mutes a firing while it is active and all its matchers match the firing's exposed labels. What rtmd says
about itself (rules `rtmd.*`, semantics S13) has to be meant: one of the matchers must name such rules, as
`rule="rtmd.limits"` and `rule=~"rtmd.*"` do; `rule=~".+"` and `severity!=""` leave them alone. Nothing here deletes a
firing or forgets one: muting is asked for when something is to be said or run, and for display.

A silence is kept under one of its equalities, `name="value"`, the one that the fewest others stand under. So judging a
firing costs a look-up for each of its labels, however many silences there are; only those without an equality are held
against every firing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b

from rtmd.errors import ConflictError, NotFoundError, RefusedError
from rtmd.matching import Matches, compile_matchers, is_wildcard
from rtmd.model.inputs import SilenceSet
from rtmd.model.labels import Labels, get
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.model.rule import HOUR
from rtmd.model.silence import Silence, SilenceState

KEPT = 120 * HOUR  # after expiry
OWN = "rtmd."  # how the names of built-in rules begin
LONGEST = 30 * 24 * HOUR

_ANYWHERE = ("", "")  # the place of those without an equality: no firing has such a label


class Silences:
    """All silences that are remembered, by id and by what to look for in a firing."""

    def __init__(self) -> None:
        self._by_id: dict[str, Silence] = {}
        self._matches: dict[str, Matches] = {}
        self._places: dict[str, tuple[str, str]] = {}
        self._at: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)  # ids by place

    def __repr__(self) -> str:
        return f"<Silences {len(self._by_id)}>"

    def __iter__(self) -> Iterator[Silence]:
        return iter(self._by_id.values())

    def restore(self, silences: Iterable[Silence]) -> None:
        """Take in what the store kept."""
        for silence in silences:
            self._keep(silence)

    def put(self, wanted: SilenceSet, wall: int) -> list[Silence]:
        """Create a silence, or edit the one with `wanted.id`; gives what changed, the silence in force last.

        An edit keeps its id when the matchers stay and the start is not rewritten: an active one may move its end to
        no earlier than now, a pending one anything to no earlier than now. Every other edit expires the old silence
        and makes a new one. Raises RefusedError (400) or NotFoundError.
        """
        starts_at = max(wanted.starts_at, wall)
        _refuse_nonsense(wanted, starts_at, wall)
        changed: list[Silence] = []
        if wanted.id:
            old = self._get(wanted.id)
            if _editable(old, wanted, wall):
                if old.state(wall) is SilenceState.ACTIVE:
                    starts_at = old.starts_at
                edited = replace(
                    old, starts_at=starts_at, ends_at=wanted.ends_at, comment=wanted.comment, updated_at=wall
                )
                return [self._keep(edited)]
            if old.state(wall) is not SilenceState.EXPIRED:
                changed.append(self.expire(old.id, wall))
        fresh = Silence(
            id=self._new_id(wanted, wall),
            matchers=tuple(sorted(wanted.matchers)),
            starts_at=starts_at,
            ends_at=wanted.ends_at,
            created_by=wanted.author or wanted.by,
            comment=wanted.comment,
            updated_at=wall,
        )
        return [*changed, self._keep(fresh)]

    def expire(self, silence_id: str, wall: int) -> Silence:
        """End a silence now; one that has ended already stays as it is. Raises NotFoundError."""
        silence = self._get(silence_id)
        match silence.state(wall):
            case SilenceState.ACTIVE:
                return self._keep(replace(silence, ends_at=wall - 1, updated_at=wall))
            case SilenceState.PENDING:
                return self._keep(replace(silence, starts_at=wall - 1, ends_at=wall - 1, updated_at=wall))
            case SilenceState.EXPIRED:
                return silence

    def muting(self, labels: Labels, wall: int) -> list[Silence]:
        """The active silences that match these exposed labels, the one that lasts longest first."""
        return self.covering(labels, wall, wall)

    def covering(self, labels: Labels, since: int, until: int) -> list[Silence]:
        """The same for silences that were active at any time from `since` to `until`."""
        ids = (each for place in (_ANYWHERE, *labels) if place in self._at for each in self._at[place])
        found = [
            silence
            for silence in map(self._by_id.__getitem__, ids)
            if silence.starts_at <= until and silence.ends_at >= since and self._matches[silence.id](labels)
        ]
        return sorted(found, key=lambda silence: (-silence.ends_at, silence.id))

    def forget(self, wall: int) -> list[str]:
        """Drop those that expired long ago; gives their ids."""
        gone = [silence.id for silence in self._by_id.values() if silence.ends_at + KEPT < wall]
        for silence_id in gone:
            self._drop(silence_id)
        return gone

    def _get(self, silence_id: str) -> Silence:
        try:
            return self._by_id[silence_id]
        except KeyError:
            raise NotFoundError(f"there is no silence {silence_id}") from None

    def _keep(self, silence: Silence) -> Silence:
        """Remember it, or what an edit made of it: that leaves its matchers as they are."""
        if silence.id not in self._by_id:
            equalities = [
                (each.name, each.value) for each in silence.matchers if each.op is MatchOp.EQUAL and each.value
            ]
            place = min(equalities, key=lambda pair: len(self._at.get(pair, ())), default=_ANYWHERE)
            self._places[silence.id] = place
            self._at[place][silence.id] = None
            self._matches[silence.id] = about(silence)
        self._by_id[silence.id] = silence
        return silence

    def _drop(self, silence_id: str) -> None:
        del self._by_id[silence_id], self._matches[silence_id]
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


def about(silence: Silence) -> Matches:
    """What says whether the silence is about exposed labels, whenever it is active."""
    matches = compile_matchers(silence.matchers)
    if any(map(_names_own, silence.matchers)):
        return matches
    return lambda labels: not get(labels, "rule").startswith(OWN) and matches(labels)


def _names_own(matcher: Matcher) -> bool:
    positive = matcher.op in (MatchOp.EQUAL, MatchOp.REGEX)
    return positive and matcher.name in ("rule", "alertname") and OWN.rstrip(".") in matcher.value


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


def _refuse_nonsense(wanted: SilenceSet, starts_at: int, wall: int) -> None:
    if not wanted.matchers:
        raise RefusedError("a silence needs at least one matcher")
    if all(map(is_wildcard, wanted.matchers)):
        raise RefusedError("at least one matcher must not match the empty string: this would silence everything")
    if wanted.ends_at < starts_at:
        raise RefusedError("the end of the silence is before its start")
    if wanted.ends_at - max(starts_at, wall) > LONGEST:
        raise RefusedError("a silence lasts at most 30 days")

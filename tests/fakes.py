"""Fakes of the ports: each behaves like the real thing as far as the core can see, in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from rtmd.model import effects as fx
from rtmd.model.action import Hold, Proposal
from rtmd.model.firing import Firing, InstanceState
from rtmd.model.group import GroupKey, GroupTimes, Membership
from rtmd.model.inputs import Restored
from rtmd.model.labels import Labels
from rtmd.model.mark import Mark
from rtmd.model.reaction import ActionRun, Escalation, LedgerEntry, Storm
from rtmd.model.silence import Silence

_T = TypeVar("_T")


class Done:
    """An awaitable that has come about already; nobody needs to await it."""

    def __await__(self) -> Generator[None]:
        yield from ()


class FakeStore:
    """`ports.Store` without a disk: rows as bytes, so that nothing comes back that would not come off a disk."""

    def __init__(self) -> None:
        self.instances: dict[tuple[str, Labels], bytes] = {}
        self.firings: dict[str, bytes] = {}
        self.silences: dict[str, bytes] = {}
        self.ledger: dict[tuple[str, str], bytes] = {}
        self.groups: dict[GroupKey, bytes] = {}
        self.memberships: dict[str, bytes] = {}
        self.runs: dict[str, bytes] = {}
        self.marks: dict[str, bytes] = {}
        self.storms: dict[str, bytes] = {}
        self.proposals: dict[str, bytes] = {}
        self.escalations: dict[str, Escalation] = {}
        self.hold: Hold | None = None

    def __repr__(self) -> str:
        return f"<FakeStore {len(self.firings)} firings, {len(self.instances)} instances>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FakeStore) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def commit(self, effects: Sequence[fx.Durable]) -> Awaitable[None]:
        """Take them all."""
        for effect in effects:
            self._take(effect)
        return Done()

    def restore(self) -> Restored:
        """What a daemon that starts now would find; rows come in no particular order."""
        return Restored(
            instances=tuple(reversed(self._rows(self.instances.values(), InstanceState))),
            firings=tuple(reversed(self._rows(self.firings.values(), Firing))),
            silences=tuple(reversed(self._rows(self.silences.values(), Silence))),
            ledger=tuple(reversed(self._rows(self.ledger.values(), LedgerEntry))),
            memberships=tuple(reversed(self._rows(self.memberships.values(), Membership))),
            storms=tuple(reversed(self._rows(self.storms.values(), Storm))),
            groups=tuple(reversed(self._rows(self.groups.values(), GroupTimes))),
            marks=tuple(reversed(self._rows(self.marks.values(), Mark))),
            runs=tuple(reversed(self._rows(self.runs.values(), ActionRun))),
            proposals=tuple(reversed(self._rows(self.proposals.values(), Proposal))),
            escalations=tuple(reversed(self.escalations.values())),
            hold=self.hold,
        )

    def _take(self, effect: fx.Durable) -> None:  # noqa: PLR0912  # one case an effect
        match effect:
            case fx.InstanceSaved(state):
                self.instances[state.rule, state.labels] = msgspec.msgpack.encode(state)
            case fx.InstanceDropped(rule, labels):
                self.instances.pop((rule, labels), None)
            case fx.StormSaved(storm):
                self.storms[storm.receiver] = msgspec.msgpack.encode(storm)
            case fx.FiringSaved(firing):
                self.firings[firing.id] = msgspec.msgpack.encode(firing)
            case fx.SilenceSaved(silence):
                self.silences[silence.id] = msgspec.msgpack.encode(silence)
            case fx.SilenceDropped(silence_id):
                self.silences.pop(silence_id, None)
            case fx.MarkSaved(mark):
                self.marks[mark.id] = msgspec.msgpack.encode(mark)
            case fx.MarkDropped(mark_id):
                self.marks.pop(mark_id, None)
            case fx.LedgerSaved(entry):
                self.ledger[entry.firing_id, entry.receiver] = msgspec.msgpack.encode(entry)
            case fx.GroupSaved(times):
                self.groups[times.key] = msgspec.msgpack.encode(times)
            case fx.MembershipSaved(membership):
                self.memberships[membership.firing_id] = msgspec.msgpack.encode(membership)
                if not membership.groups:
                    del self.memberships[membership.firing_id]
            case fx.GroupDropped(key):
                self.groups.pop(key, None)
            case fx.RunSaved(run):
                self.runs[run.id] = msgspec.msgpack.encode(run)
            case fx.ProposalSaved(proposal):
                self.proposals[proposal.id] = msgspec.msgpack.encode(proposal)
            case fx.EscalationSaved(escalation):
                self.escalations[escalation.firing_id] = escalation
            case fx.EscalationDropped(firing_id):
                self.escalations.pop(firing_id, None)
            case fx.HoldSaved(hold):
                self.hold = hold
            case _:
                pass

    @staticmethod
    def _rows(docs: Iterable[bytes], kind: type[_T]) -> list[_T]:
        return [msgspec.msgpack.decode(doc, type=kind) for doc in docs]


@dataclass
class StillClock:
    """A clock that somebody else moves."""

    at: int = 1_760_000_000_000

    def now(self) -> int:
        return self.at

    def wall(self) -> int:
        return self.at

"""What a look at a group finds to say (semantics S5, S6): pure, and with its reason.

For each member it is asked what the receiver knows (the ledger) and, where that matters, what mutes it now:

1. resolved: told if the receiver knew that it fired, muted or not (unless its route wants silences to swallow that);
   otherwise it never hears of it;
2. news, the receiver does not know that it fires (or not at this stage): told, or withheld while something mutes it;
   what was withheld waits until that has been over for a while, so that a flapping source leaves no echo;
3. flapping, open or not: told once that it does; then it stands, and nothing is said of it before it has calmed;
4. standing: known, and still so.

The group is told iff something is news | everything has resolved | something has resolved | the last message is older
than the repetition and something stands that nobody has and nothing mutes. Suppression gates what fires only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec import Struct, field

from rtmd.model.firing import Firing
from rtmd.model.reaction import NotifyReason, Told

UNAWARE = (None, Told.RESOLVED, Told.WITHHELD)  # the receiver does not know that the firing is open
WITHHELD = (Told.WITHHELD, Told.RISE_WITHHELD)


class Verdict(Struct, frozen=True):
    """Why nothing is said of a firing: by what kind of limiter, and in words."""

    limiter: str  # inhibited | calendar | silenced
    text: str
    by: str = ""  # the id of the firing or silence that does it
    ends_at: int | None = None  # engine time, of a source that only lingers


class Member(Struct, frozen=True):
    """A firing as its receiver sees it: what it was (or would have been) told last, and whether at a lower stage."""

    firing: Firing
    told: Told | None = None
    risen: bool = False
    past: bool = False  # it is below the group's stage again, or nobody is told of it: news of that stage are old
    acked_until: int | None = None  # wall time


class Findings(Struct):
    """What to say of whom, each in the order of the members."""

    reason: NotifyReason | None = None
    says: list[tuple[Firing, Told]] = field(default_factory=list)  # news, and what has resolved
    standing: list[Firing] = field(default_factory=list)  # of what is said, the context: nothing muted
    stands: bool = False  # something does, muted or not
    withheld: list[tuple[Firing, Verdict]] = field(default_factory=list)
    gone: list[Firing] = field(default_factory=list)  # resolved: members no more
    unsaid: list[Firing] = field(default_factory=list)  # of those, which the receiver is not to hear of
    echoing: bool = False  # something waits for its echo to be over
    unattended: bool = False  # something stands that nobody has and nothing mutes
    acked_until: int | None = None  # the first time at which somebody lets go of something that stands


def look(
    members: Iterable[Member],
    muting: Callable[[Firing], Verdict | None],
    was_muted: Callable[[Firing], bool],
    *,
    told_before: bool,
    overdue: bool,
    swallowed: Callable[[Firing], bool] = lambda _: False,
) -> Findings:
    """Judge a group: `muting` says what mutes a firing now, `was_muted` whether something did until lately.

    `swallowed`: nobody is to hear that this one has resolved.
    `told_before`: the group had a message; `overdue`: that one is older than the repetition.
    """
    found = Findings()
    for member in members:
        firing = member.firing
        if firing.flaps:
            _judge_flapping(member, muting, was_muted, found)
        elif not firing.open:
            found.gone.append(firing)
            if member.told not in UNAWARE and swallowed(firing):
                found.unsaid.append(firing)
            elif member.told not in UNAWARE:
                found.says.append((firing, Told.RESOLVED))
        elif member.told is Told.FLAPPING:
            _judge_news(member, muting, was_muted, found)
        elif member.told in UNAWARE or member.risen or member.told is Told.RISE_WITHHELD:
            if not member.past:
                _judge_news(member, muting, was_muted, found)
        else:
            found.standing.append(firing)
            if member.acked_until is not None:
                found.acked_until = min(member.acked_until, found.acked_until or member.acked_until)
            elif overdue and not found.unattended:
                found.unattended = muting(firing) is None
    found.stands |= bool(found.standing)
    found.reason = _reason(found, told_before=told_before)
    if found.reason:
        found.standing = [firing for firing in found.standing if muting(firing) is None]
    return found


def _judge_flapping(
    member: Member,
    muting: Callable[[Firing], Verdict | None],
    was_muted: Callable[[Firing], bool],
    found: Findings,
) -> None:
    known = member.told not in UNAWARE
    found.stands |= known
    if (member.told is not Told.FLAPPING or member.risen) and (known or (member.firing.open and not member.past)):
        _judge_news(member, muting, was_muted, found)


def _judge_news(
    member: Member,
    muting: Callable[[Firing], Verdict | None],
    was_muted: Callable[[Firing], bool],
    found: Findings,
) -> None:
    verdict = muting(member.firing)
    if verdict is not None:
        found.withheld.append((member.firing, verdict))
    elif member.told not in WITHHELD or (member.told is Told.WITHHELD and member.risen):
        found.says.append((member.firing, _news(member)))
    elif was_muted(member.firing):
        found.echoing = True
    else:
        found.says.append((member.firing, Told.FLAPPING if member.firing.flaps else Told.STILL_FIRING))


def _news(member: Member) -> Told:
    if member.firing.flaps:
        return Told.FLAPPING
    if member.told in UNAWARE:
        return Told.FIRING
    return Told.RAISED if member.risen else Told.STILL_FIRING


def _reason(found: Findings, *, told_before: bool) -> NotifyReason | None:
    if any(told is not Told.RESOLVED for _, told in found.says):
        return NotifyReason.NEW if told_before else NotifyReason.FIRST
    if found.says:
        others = found.standing or found.withheld or found.echoing
        return NotifyReason.SOME_RESOLVED if others else NotifyReason.ALL_RESOLVED
    return NotifyReason.REPEAT if found.unattended else None

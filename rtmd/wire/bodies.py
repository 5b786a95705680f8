"""What receivers and actions are given, as JSON."""

from __future__ import annotations

import msgspec

from rtmd.wire import EvidenceView, FiringView


class AlertBody(msgspec.Struct, frozen=True):
    """One firing in a message: `message` says what of it: firing, raised, still firing, flapping, resolved."""

    seq: int
    status: str
    message: str
    reason: str
    summary: str
    firing: FiringView
    evidence: EvidenceView | None = None


class DigestBody(msgspec.Struct, frozen=True):
    """What is said of more alerts than are listed: since then (engine time) so many fired and so many ended."""

    storm: str  # begins | lasts | over; empty: a long repetition
    since: int
    fired: int
    new: int  # of those that fired, since the summary before
    ended: int
    firing: int  # what the receiver knows to fire now
    first: str  # the rule that fired first
    top: dict[str, int]  # the three rules that fired most, and how often


class NotificationBody(msgspec.Struct, frozen=True):
    """What the webhook and command receivers are given (documented in docs/receivers.md).

    `status` is "firing" as long as anything in the group fires, else "resolved"; `reason` says why it is told now.
    """

    version: str
    key: str
    receiver: str
    status: str
    reason: str
    at: int
    summary: str
    group: dict[str, str]
    alerts: list[AlertBody]
    standing: list[FiringView] = []
    instead_of: str = ""  # the receiver that this was meant for
    because: str = ""  # and why that one could not be told
    test: bool = False
    digest: DigestBody | None = None  # there are more alerts than these


class ActionBody(msgspec.Struct, frozen=True):
    """What an action's program reads on stdin, and its webhook is posted."""

    version: str
    run: str
    action: str
    undo: bool
    rule: str
    stage: str
    firing: str
    labels: dict[str, str]
    by: str = ""  # who approved it
    about: FiringView | None = None  # the firing, as it was when this was started

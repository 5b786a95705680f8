"""What receivers and actions are given, as JSON."""

from __future__ import annotations

import msgspec

from rtmd.wire import EvidenceView, FiringView


class AlertBody(msgspec.Struct, frozen=True):
    """One firing in a message: `message` says what of it: firing, raised, still firing, resolved."""

    seq: int
    status: str
    message: str
    reason: str
    summary: str
    firing: FiringView
    evidence: EvidenceView | None = None


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


class ActionBody(msgspec.Struct, frozen=True):
    """What an action's program reads on stdin."""

    version: str
    run: str
    action: str
    undo: bool
    rule: str
    stage: str
    firing: str
    labels: dict[str, str]

"""Alerts that others raise, a Prometheus with rtmd as its Alertmanager say. All times are people's (wall time)."""

from __future__ import annotations

from msgspec import Struct

from rtmd.model.labels import Labels
from rtmd.model.rule import MINUTE, StageName


class PostedAlert(Struct, frozen=True):
    """An alert as it was posted, checked: its labels are its identity. None where it names no time."""

    labels: Labels
    annotations: Labels = ()
    starts_at: int | None = None
    ends_at: int | None = None
    url: str = ""  # where its sender shows it


class Origin(Struct, frozen=True):
    """What the sender of an alert says of it: it is over at `ends_at`, unless it is posted again by then.

    With `timeout` that end is ours: the sender named none.
    """

    sender: str
    starts_at: int
    ends_at: int
    timeout: bool
    updated_at: int
    annotations: Labels = ()
    url: str = ""

    def over(self, wall: int) -> bool:
        """Whether it has ended by then."""
        return self.ends_at <= wall


class ExternalPolicy(Struct, frozen=True):
    """What the configuration says of alerts that others raise.

    `stage` is that of an alert which names none; one that names no end is over `resolve_timeout` ms after it was
    posted last; no more than `most` stand at a time.
    """

    stage: StageName = StageName.MINUTES
    resolve_timeout: int = 5 * MINUTE
    most: int = 10_000

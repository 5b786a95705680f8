"""Open firings as they stand towards those who are told of them: what Alertmanager calls alerts and their groups."""

from __future__ import annotations

from msgspec import Struct

from rtmd.model.external import Origin
from rtmd.model.firing import Firing
from rtmd.model.group import GroupKey
from rtmd.model.labels import Labels


class Standing(Struct, frozen=True):
    """An open firing, the labels that matchers see, whom it is routed to, and what mutes it now."""

    firing: Firing
    labels: Labels
    receivers: tuple[str, ...] = ()
    silenced_by: tuple[str, ...] = ()  # ids of silences
    inhibited_by: Firing | None = None
    origin: Origin | None = None  # what was heard last of an alert that others raised


class StandingGroup(Struct, frozen=True):
    """The open firings of a group; `muted_by` has the calendars that close its route now."""

    key: GroupKey
    members: tuple[Standing, ...]
    muted_by: tuple[str, ...] = ()

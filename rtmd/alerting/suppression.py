"""What mutes a firing now, and why (semantics S5): inhibited → calendar → silenced, the first that applies.

Judged whenever something is to be said, run or shown, by what is true at that moment; nothing is stored on the
firing. Inhibition runs on engine time, silences and calendars on people's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rtmd.alerting.calendar import clock, holds
from rtmd.alerting.exposed import exposed
from rtmd.alerting.flush import Verdict
from rtmd.alerting.inhibition import Culprit, Explained, Inhibitions
from rtmd.alerting.silences import Silences
from rtmd.model.calendar import Calendar
from rtmd.model.firing import Firing
from rtmd.model.labels import Labels
from rtmd.model.policy import Policy, Route
from rtmd.model.silence import Silence

ECHO = 5_000  # ms a firing must burn on after its suppression ended, before it is announced


class Suppression:
    """All limiters in one place."""

    def __init__(self, silences: Silences, inhibitions: Inhibitions, explained: Explained) -> None:
        self.silences = silences
        self.inhibitions = inhibitions
        self._explained = explained
        self._calendars: Mapping[str, Calendar] = {}

    def load(self, policy: Policy, firings: Iterable[Firing]) -> None:
        """Go by this policy; `firings` are the possible sources of inhibitions."""
        self._calendars = policy.calendars
        self.inhibitions.load(policy.inhibitions, firings)

    def verdict(self, firing: Firing, at: int, wall: int, route: Route | None = None) -> Verdict | None:
        """What mutes the firing, towards a route with its calendars or in general."""
        labels = exposed(firing)
        culprit = self._culprit(firing, labels, at, route)
        if culprit is not None:
            text = f"inhibited by {culprit.firing.rule} ({culprit.inhibition})"
            return Verdict("inhibited", text, culprit.firing.id, self.inhibitions.ends(culprit.firing))
        calendar = self._closed(route, wall) if route else ""
        if calendar:
            return Verdict("calendar", calendar)
        silences = self.silences.muting(labels, wall)
        return _silenced(silences[0]) if silences else None

    def lately(self, firing: Firing, at: int, wall: int, route: Route) -> bool:
        """Whether the firing was muted at some time in the last seconds."""
        labels = exposed(firing)
        return bool(
            self._culprit(firing, labels, at - ECHO, route)
            or self._closed(route, wall - ECHO)
            or self.silences.covering(labels, wall - ECHO, wall)
        )

    def closed_by(self, route: Route, wall: int) -> tuple[str, ...]:
        """The calendars that close a route: those that mute it, or all in which it would be open."""
        muting = tuple(name for name in route.mute if holds(self._calendars[name], wall))
        if muting:
            return muting
        return () if any(holds(self._calendars[name], wall) for name in route.active) else route.active

    def _culprit(self, firing: Firing, labels: Labels, at: int, route: Route | None) -> Culprit | None:
        culprit = self.inhibitions.culprit(labels, at)
        return self._explained.culprit(firing, route.receiver, at) if culprit is None and route else culprit

    def _closed(self, route: Route, wall: int) -> str:
        """Why a route is closed by its calendars, or nothing."""
        names = self.closed_by(route, wall)
        if not names:
            return ""
        return f"muted in {names[0]}" if names[0] in route.mute else f"outside {' and '.join(names)}"


def _silenced(silence: Silence) -> Verdict:
    text = f"silenced by {silence.created_by} until {clock(silence.ends_at)}"
    return Verdict("silenced", text, silence.id)

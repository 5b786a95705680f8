"""What `/` understands: words that must all be found, and `state:` and `sev:` terms.

A word is sought, without regard to case, in the rule, the title, and the labels as `name=value`. `state:` takes
new, ack, sil, ok, recovering, nodata, rejudging, flapping, open; `sev:` takes crit, warn, info; both accept any
beginning of those, so that the list narrows while one is typing. Matching is on raw strings.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtmd.wire import FiringView
from tui.states import Condition, condition, is_open, unfed


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter; the empty one lets everything through."""

    text: str = ""
    words: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.states or self.severities)

    @property
    def wants_silenced(self) -> bool:
        """It names silenced firings: they are shown whatever `x` says."""
        return any("silenced".startswith(state) for state in self.states)

    def passes(self, firing: FiringView) -> bool:
        """The firing is among those asked for."""
        return (
            all(firing.severity.startswith(severity) for severity in self.severities)
            and all(_in_state(firing, state) for state in self.states)
            and (not self.words or _has_words(firing, self.words))
        )


def parse(text: str) -> Filter:
    """Read what was typed; terms without a value are not finished and ask for nothing yet."""
    words: list[str] = []
    states: list[str] = []
    severities: list[str] = []
    for term in text.casefold().split():
        key, colon, value = term.partition(":")
        if colon and key in ("state", "sev"):
            if value:
                (states if key == "state" else severities).append(value)
        else:
            words.append(term)
    return Filter(text.strip(), tuple(words), tuple(states), tuple(severities))


_NAMES = {
    Condition.OK: ("ok", "resolved"),
    Condition.SILENCED: ("silenced",),
    Condition.ACKED: ("acked",),
    Condition.RECOVERING: ("recovering",),
    Condition.NEW: ("new",),
}


def _in_state(firing: FiringView, wanted: str) -> bool:
    names = list(_NAMES[condition(firing)])
    if unfed(firing):
        names.append("nodata")
    if is_open(firing):
        names.append("open")
    names += [flag for flag in ("rejudging", "flapping") if flag in firing.flags]
    return any(name.startswith(wanted) for name in names)


def _has_words(firing: FiringView, words: tuple[str, ...]) -> bool:
    labels = " ".join(f"{name}={value}" for name, value in firing.labels.items())
    text = f"{firing.rule} {firing.title} {labels}".casefold()
    return all(word in text for word in words)

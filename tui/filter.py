"""What `/` understands: words, `name=value` terms, `state:` and `sev:`; all of them must hold.

A word is sought, without regard to case, in the rule, the title, and the labels. `name=value` looks at a label, or at
rule, title, stage, severity or by (who has it): the value begins so, or is like it where `*` and `?` stand for
anything. `name!=value`, and `!` before any term, turn it round. `state:` takes new, ack, sil, ok, recovering, nodata,
rejudging, flapping, open; `sev:` takes crit, warn, info; both accept any beginning of those, so that the list narrows
while one is typing. Terms that are not finished ask for nothing yet. Matching is on raw strings.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase

from msgspec import Struct

from rtmd.wire import FiringView
from tui.states import Condition, condition, is_open, unfed


class Term(Struct, frozen=True):
    """One thing that is asked for; `name` is empty for a word."""

    name: str
    value: str
    negated: bool = False

    def holds(self, firing: FiringView) -> bool:
        """The firing is so, or with `negated` is not."""
        return self._found(firing) is not self.negated

    def _found(self, firing: FiringView) -> bool:
        match self.name:
            case "":
                labels = " ".join(f"{name}={value}" for name, value in firing.labels.items())
                return self.value in f"{firing.rule} {firing.title} {labels}".casefold()
            case "state:":
                return _in_state(firing, self.value)
            case "sev:":
                return firing.severity.startswith(self.value)
            case name:
                value = _OWN[name](firing) if name in _OWN else firing.labels.get(name, "")
                like = any(mark in self.value for mark in "*?")
                return fnmatchcase(value.casefold(), _plain(self.value) if like else f"{_plain(self.value)}*")


class Filter(Struct, frozen=True):
    """A parsed filter; the empty one lets everything through."""

    text: str = ""
    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    @property
    def wants_silenced(self) -> bool:
        """It names silenced firings: they are shown whatever `x` says."""
        states = [term.value for term in self.terms if term.name == "state:" and not term.negated]
        return any("silenced".startswith(state) for state in states)

    def passes(self, firing: FiringView) -> bool:
        """The firing is among those asked for."""
        return all(term.holds(firing) for term in self.terms)


def parse(text: str) -> Filter:
    """Read what was typed."""
    terms = (_term(part) for part in text.split())
    return Filter(text.strip(), tuple(term for term in terms if term.value))


def _term(text: str) -> Term:
    text, negated = text.removeprefix("!"), text.startswith("!")
    for prefix in ("state:", "sev:"):
        if text.casefold().startswith(prefix):
            return Term(prefix, text[len(prefix) :].casefold(), negated)
    name, equals, value = text.partition("=")
    if not equals or not name.rstrip("!"):
        return Term("", text.casefold(), negated)
    return Term(name.removesuffix("!"), value.casefold(), negated is not name.endswith("!"))


def _plain(text: str) -> str:
    """Brackets mean themselves."""
    return text.replace("[", "[[]")


_OWN: dict[str, Callable[[FiringView], str]] = {
    "rule": lambda firing: firing.rule,
    "title": lambda firing: firing.title,
    "stage": lambda firing: firing.stage,
    "severity": lambda firing: firing.severity,
    "by": lambda firing: firing.ack.by if firing.ack else "",
}


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

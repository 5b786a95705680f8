"""The correlator on a Rete network: durable-rules, by the extra `rtmd[rete]`. Nobody else imports it.

Each correlation is a ruleset with one rule: a fact for each of its rules, all with the same place. A fact says that a
rule is at a place, so there is never more than one match a place, however many firings stand behind it.

What to know of durable-rules 2.0.28, and what is done about it:

1. A `Host` starts two threads that poll its rulesets. Nothing here has timers or a queue, so ours starts none.
2. Facts that are asserted together may miss each other: they are asserted one at a time.
3. What a negation finds depends on the order in which facts come: there are positive joins only, and what forbids a
   correlation is looked at after the join (`alerting.members`).
4. Matches come in any order: nobody sees an order, `meet` asks for a place.
5. It never says that a match is over: a match is dropped when one of its facts is retracted, and found again when that
   comes back.
6. Facts carry short strings of our own making: places are numbered, rules are counted.
7. A ruleset goes with its memory only after all facts are retracted and its state is deleted.

Should the library fail at a correlation, that one is joined plainly from then on, and `name` says so: a fault of
something optional must not cost an alert.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from itertools import count
from typing import Any

import durable_rules_engine
from durable import engine

from rtmd.alerting.correlation import Join
from rtmd.model.labels import Labels

_STATE = "0"  # where facts go that name no other


class _Host(engine.Host):  # type: ignore[misc]  # it has no types
    def _run(self) -> None:
        """Start no threads."""

    def drop(self, ruleset: str) -> None:
        """Free a ruleset without facts."""
        dropped = self._ruleset_directory.pop(ruleset)
        self._ruleset_list.remove(dropped)
        dropped.delete_state(_STATE)
        durable_rules_engine.delete_ruleset(dropped._handle)  # noqa: SLF001  # it offers no other way


class _Network:
    """One correlation as a ruleset: its facts, and the places that match."""

    def __init__(self, host: _Host, ruleset: str, rules: Sequence[str]) -> None:
        self.places: set[str] = set()
        self._host = host
        self._ruleset = ruleset
        self._rules = {rule: str(number) for number, rule in enumerate(rules)}
        self._numbers: dict[Labels, str] = {}
        self._fresh = map(str, count())
        self._facts: dict[str, dict[str, dict[str, str]]] = {}  # by place and rule
        host.set_rulesets({ruleset: {"meet": {"all": _pattern(len(rules)), "run": self._matched}}})

    def come(self, rule: str, place: Labels) -> None:
        """Assert one fact."""
        number = self._numbers.get(place)
        if number is None:
            number = self._numbers[place] = next(self._fresh)
        fact = {"id": f"{number}.{self._rules[rule]}", "rule": self._rules[rule], "place": number}
        self._facts.setdefault(number, {})[rule] = fact
        self._host.assert_fact(self._ruleset, dict(fact))

    def leave(self, rule: str, place: Labels) -> None:
        """Retract one fact, and with it the match that it was part of."""
        number = self._numbers[place]
        fact = self._facts[number].pop(rule)
        if not self._facts[number]:
            del self._facts[number], self._numbers[place]
        self.places.discard(number)
        self._host.retract_fact(self._ruleset, fact)

    def meet(self, place: Labels) -> bool:
        """Whether there is a match at a place."""
        return self._numbers.get(place) in self.places

    def close(self) -> None:
        """Give the memory back."""
        for facts in self._facts.values():
            for fact in facts.values():
                self._host.retract_fact(self._ruleset, fact)
        self._host.drop(self._ruleset)

    def _matched(self, found: Any) -> None:
        self.places.add(found.m0.place)


class ReteCorrelator:
    """`ports.Correlator` on durable-rules."""

    def __init__(self) -> None:
        self._host = _Host()
        self._names = (f"c{number}" for number in count())
        self._networks: dict[str, _Network] = {}
        self._plain = Join()  # all of it once more: for those that the library failed at
        self._failed: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<ReteCorrelator of {len(self._networks)} correlations>"

    @property
    def name(self) -> str:
        """What it is, and where it is not."""
        plain = "".join(f"; plain for {name}: {problem}" for name, problem in sorted(self._failed.items()))
        return f"rete (durable-rules {version('durable-rules')}{plain})"

    def watch(self, correlation: str, rules: Sequence[str]) -> None:
        """Begin: nothing is there yet."""
        self._plain.watch(correlation, rules)

        def begin() -> None:
            self._networks[correlation] = _Network(self._host, next(self._names), rules)

        self._try(correlation, begin)

    def unwatch(self, correlation: str) -> None:
        """Forget a correlation and everything that is there."""
        self._plain.unwatch(correlation)
        network = self._networks.pop(correlation, None)
        if network is not None:
            self._try(correlation, network.close)
        self._failed.pop(correlation, None)

    def come(self, correlation: str, rule: str, place: Labels) -> None:
        """One of its rules is at a place now, and was not before."""
        self._plain.come(correlation, rule, place)
        network = self._networks.get(correlation)
        if network is not None:
            self._try(correlation, lambda: network.come(rule, place))

    def leave(self, correlation: str, rule: str, place: Labels) -> None:
        """One of its rules was at a place, and is no more."""
        self._plain.leave(correlation, rule, place)
        network = self._networks.get(correlation)
        if network is not None:
            self._try(correlation, lambda: network.leave(rule, place))

    def meet(self, correlation: str, place: Labels) -> bool:
        """Whether all of its rules are at a place."""
        network = self._networks.get(correlation)
        return self._plain.meet(correlation, place) if network is None else network.meet(place)

    def _try(self, correlation: str, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001  # whatever a foreign library throws
            self._failed[correlation] = str(error)[:200] or type(error).__name__
            self._networks.pop(correlation, None)


def _pattern(rules: int) -> list[Mapping[str, object]]:
    """A fact of the first rule, and one of each other at the same place."""
    first: Mapping[str, object] = {"m0": {"rule": "0"}}
    others = range(1, rules)
    return [first, *({f"m{n}": {"$and": [{"rule": str(n)}, {"place": {"m0": "place"}}]}} for n in others)]

"""The Rete network and the plain join find the same meetings, whatever comes and goes (semantics S8)."""

from __future__ import annotations

import os
import threading
from random import Random

import pytest

from rtmd.alerting.correlation import Join
from rtmd.model.labels import Labels

try:
    from rtmd.rete import ReteCorrelator
except ImportError as error:
    if os.environ.get("RTMD_CI"):
        raise
    pytest.skip(f"needs the extra rete (make rete): {error}", allow_module_level=True)

RULES = ("a", "b", 'c"\\{', "d")
PLACES: tuple[Labels, ...] = ((), (("brand", "acme"),), (("brand", 'a"cme\\'),), (("brand", "é\u202e"), ("x", "{}")))


class Both:
    """Two correlators, told the same at random and asked the same."""

    def __init__(self, seed: str) -> None:
        self.chance = Random(seed)  # noqa: S311  # no secret
        self.plain, self.rete = Join(), ReteCorrelator()
        self.watched: dict[str, tuple[str, ...]] = {}
        self.there: set[tuple[str, str, Labels]] = set()
        self.meetings = 0

    def step(self) -> None:
        name = self.chance.choice(("k0", "k1", "k2"))
        if name not in self.watched or self.chance.random() < 0.01:
            self.change(name)
        else:
            self.move((name, self.chance.choice(self.watched[name]), self.chance.choice(PLACES)))

    def change(self, name: str) -> None:
        """Another correlation of that name: what was there of the old one is gone."""
        if name in self.watched:
            self.there = {each for each in self.there if each[0] != name}
            for each in (self.plain, self.rete):
                each.unwatch(name)
        self.watched[name] = tuple(self.chance.sample(RULES, self.chance.randint(1, 4)))
        for each in (self.plain, self.rete):
            each.watch(name, self.watched[name])

    def move(self, fact: tuple[str, str, Labels]) -> None:
        for each in (self.plain, self.rete):
            (each.leave if fact in self.there else each.come)(*fact)
        self.there ^= {fact}

    def agree(self) -> None:
        for name in self.watched:
            found = [[each.meet(name, place) for place in PLACES] for each in (self.plain, self.rete)]
            assert found[0] == found[1], (name, self.watched[name])
            self.meetings += sum(found[0])


def test_both_find_the_same_meetings_over_thousands_of_steps() -> None:
    both = Both("rete")
    for _ in range(3_000):
        both.step()
        both.agree()
    assert both.meetings > 3_000
    assert "plain for" not in both.rete.name  # the library never failed


def test_it_starts_no_threads_and_gives_rulesets_back() -> None:
    before = threading.active_count()
    rete = ReteCorrelator()
    rete.watch("k", ("a", "b"))
    rete.come("k", "a", ())
    rete.come("k", "b", ())
    assert rete.meet("k", ())
    rete.unwatch("k")
    assert threading.active_count() == before
    assert rete._host._ruleset_list == []


def test_a_correlation_that_the_library_fails_at_is_joined_plainly_and_said() -> None:
    rete = ReteCorrelator()
    rete.watch("k", ("a", "b"))
    rete.come("k", "a", ())
    rete._networks["k"]._facts.clear()  # it cannot go on from here
    rete.leave("k", "a", ())
    rete.come("k", "a", ())
    rete.come("k", "b", ())
    assert rete.meet("k", ())
    assert "plain for k" in rete.name

"""A daemon whose every string was written by somebody who means harm, and a way through everything that shows one.

Each string of `world.HOSTILE` gets firings, silences, rules, lines of the audit and people of its own; only what the
screen decides by (ids, states, stages, severities) is left as it is.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, TypeVar

import msgspec
import world
from fake_daemon import FakeDaemon

from rtmd.wire import RuleErrorView, StageView
from rtmd.wire.actions import HoldView
from rtmd.wire.watchers import WatcherView

T = TypeVar("T")

EVERY = "".join(each for each in world.HOSTILE if len(each) < 40)
_KEPT = {"id", "state", "severity", "stage", "lift", "firing", "run", "silenced_by"}
_TEMPLATES = [*world.busy()[:7], *world.deciding()[:2]]
_ABOUT = re.compile(r"/f(\d\d)-\d")  # the path of a question about one firing

# Keys, and texts of the screen's own that show that one has arrived: every screen, strip and overlay.
WALK: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    ((), ("STORM", "HELD by")),
    (("x",), ("silenced shown",)),
    (("s",), ("SILENCE",)),
    (("e",), ("esc back",)),
    (("escape",), ("2 [4h]",)),
    (("escape",), ("a ack",)),
    (("l",), ("▾",)),
    (("v", "v"), ("one row a firing",)),
    (("M",), ("event ", "esc leave")),
    (("escape",), ("a ack",)),
    (("y",), ("COPY",)),
    (("escape",), ("a ack",)),
    (("n",), ("not kept",)),
    (("slash", "["), ("esc clear",)),
    (("escape",), ("a ack",)),
    (("H",), ("lift the hold by",)),
    (("n", "?"), ("On the screen Live",)),
    (("escape", "m"), ("not kept",)),
    (("escape", "colon", "w", "h", "o", "enter"), ("SINCE", "FROM")),
    (("escape", "colon", "s", "t", "a", "t", "u", "s", "enter"), ("outbox",)),
    (("escape", "enter"), ("WHY ", "signal", "stages")),
    (("w",), ("receiver",)),
    (("G",), ("labels",)),
    (("escape", "2"), ("noise of the last",)),
    (("enter",), ("esc back",)),
    (("escape", "c"), ("kept",)),
    (("escape", "3"), ("forgotten ·",)),
    (("enter",), ("esc back",)),
    (("escape", "X"), ("not lifted",)),
    (("4",), ("to decide",)),
    (("enter",), ("esc back",)),
    (("escape", "D"), ("decline ", "esc leave")),
    (("escape", "5"), ("newest first",)),
    (("enter",), ("esc back",)),
    (("escape", "1"), ("a ack",)),
)


def acting(text: str) -> set[str]:
    """The characters in it that could act on a terminal, a line or the direction of reading."""
    return {char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")}


def poisoned(value: T, payload: str) -> T:
    """The same with other strings."""
    found: Any = value
    match value:
        case msgspec.Struct():
            kept = _KEPT | {"name"} if isinstance(value, StageView) else _KEPT
            facts = {name: getattr(value, name) for name in value.__struct_fields__}
            changed = {
                name: poisoned(fact, payload)
                for name, fact in facts.items()
                if name not in kept or isinstance(fact, msgspec.Struct)
            }
            found = msgspec.structs.replace(value, **changed)
        case str():
            found = payload
        case list():
            found = [poisoned(each, payload) for each in value]
        case dict() if value:
            found = {payload: poisoned(next(iter(value.values())), payload)}
    return found


class HostileDaemon(FakeDaemon):
    """Speaks in these words only, also where it refuses."""

    def __init__(self) -> None:
        harm = world.HOSTILE
        firings = [
            msgspec.structs.replace(poisoned(template, payload), id=f"f{number:02}-{place}")
            for number, payload in enumerate(harm)
            for place, template in enumerate(_TEMPLATES)
        ]
        super().__init__(
            firings,
            name=EVERY,
            version=EVERY,
            coach=EVERY,
            notices=list(harm),
            drops={EVERY: 3},
            rule_errors=[RuleErrorView(each, 1, 1, each) for each in harm],
            hold=HoldView(EVERY, world.WALL, EVERY),
            watching=[WatcherView(each, world.WALL, [each]) for each in harm],
        )
        self.refuse = EVERY
        self.marks = [poisoned(world.MARK, each) for each in harm]
        self.silences = {
            f"s{number}-{each.id}": msgspec.structs.replace(poisoned(each, payload), id=f"s{number}-{each.id}")
            for number, payload in enumerate(harm)
            for each in world.silences()
        }
        self.rules = [poisoned(world.rules()[0], each) for each in harm]
        self.noise = msgspec.structs.replace(
            world.noise(), rules=[poisoned(world.noise().rules[0], each) for each in harm[::2]]
        )
        self.reloaded = poisoned(world.RELOADED, EVERY)
        self.audit = [poisoned(world.audit()[0], each) for each in harm]

    def _answer(self, method: str, path: str, content: bytes) -> tuple[int, Any]:
        status, answer = super()._answer(method, path, content)
        about = _ABOUT.search(path)
        return status, poisoned(answer, world.HOSTILE[int(about[1])]) if about else answer

"""Kill -9, a hundred times, each with a delivery in flight, and ten thousand deliveries (semantics S12).

Samples flap two rules: one tells a webhook, one runs a program. Meanwhile an operator silences. Whatever was answered
or written down must be there in the end; what comes twice came twice because the receiver or the daemon was cut off
between taking and answering, or between the answer and its commit: few, and counted.

All four quarters with RTMD_FULL=1 in the environment; one of them otherwise, as each takes minutes of a core.
"""

from __future__ import annotations

import itertools
import os
import random
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest
from daemon import Knocker, Make, Rtmd, meanwhile
from sink import BODIES, NO_ANSWER, Received, Sink

from rtmd.wire.bodies import ActionBody

SEED = int(os.environ.get("RTMD_SEED", "1"))
QUARTERS, KILLS, DELIVERIES = 4, 25, 2_500  # so that four processes can share the hundred and the ten thousand
BRANDS, HELD = 200, 5

RULES = """
[defaults]
flapping = "off"
[rules.level]
signal = 'm'
seconds.above = 10
[rules.held]
signal = 'held'
seconds = { above = 10, run = ["hold"], notify = ["log"] }
"""
CONFIG = """
[actions.hold]
argv = ["./act"]
undo = ["./act"]
[receivers.desk]
kind = "webhook"
url = "http://127.0.0.1:{port}/hook"
timeout = "2s"
storm = "off"
[route]
receiver = "desk"
group_by = ["..."]
group_wait = "0s"
group_interval = "1s"
"""


class Flaky(Sink):
    """Of what it gets, 5 % are refused with 503, and 1 % are taken and never answered."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.at_work = 0
        self.dropped = 0  # taken without an answer
        super().__init__()

    def take(self, at: float, key: str, raw: bytes) -> int:
        """Remember one POST, take a moment and say what to answer."""
        body = BODIES.decode(raw)
        with self._changed:
            self.at_work += 1
            self._changed.notify_all()
        time.sleep(0.002)
        with self._changed:
            self.at_work -= 1
            answer = self._rng.choices((200, 503, NO_ANSWER), (94, 5, 1))[0]
            self.received += [Received(at, key, 503 if answer == 503 else 200, alert) for alert in body.alerts]
            self.dropped += answer == NO_ANSWER
        return answer

    def busy(self, within: float = 30.0) -> bool:
        """Wait until something is in flight."""
        with self._changed:
            return self._changed.wait_for(lambda: self.at_work > 0, within)


class Operator:
    """Silences what nobody has, again and again, and remembers what was answered."""

    def __init__(self, rtmd: Rtmd) -> None:
        self.silences: set[str] = set()
        self._rtmd = rtmd
        self._numbers = itertools.count()

    def silence(self) -> None:
        """One more."""
        matcher = f'brand="x{next(self._numbers)}"'
        done = Knocker(self._rtmd.socket).post("/api/rtmd/v1/silence", {"matchers": [matcher]})
        self.silences |= {done["id"]} if done else set()


@contextmanager
def flapping(rtmd: Rtmd, rng: random.Random) -> Iterator[None]:
    """Half of all brands have another value, again and again."""
    series = [("m", f"b{number}") for number in range(BRANDS)] + [("held", f"b{number}") for number in range(HELD)]

    def flap() -> None:
        chosen = rng.sample(series, len(series) // 2)
        samples = [{"metric": name, "value": rng.choice([0, 20]), "labels": {"brand": brand}} for name, brand in chosen]
        Knocker(rtmd.socket).post("/api/v1/samples", samples)

    with meanwhile(flap, every=0.2):
        yield


@pytest.mark.long
@pytest.mark.parametrize("quarter", range(QUARTERS if os.environ.get("RTMD_FULL") else 1))
def test_kills_with_deliveries_in_flight_lose_nothing_and_run_nothing_twice(make: Make, quarter: int) -> None:
    rng = random.Random(SEED * QUARTERS + quarter)  # noqa: S311  # chooses moments, keeps no secret
    kills = 0
    with Flaky(random.Random(quarter)) as sink:  # noqa: S311  # chooses answers
        rtmd = make(CONFIG.format(port=sink.port), {"r.toml": RULES})
        act = rtmd.folder / "act"
        act.write_text(f"#!/bin/sh\ncat >> {rtmd.folder}/did\n")
        act.chmod(0o755)
        operator = Operator(rtmd)
        with meanwhile(operator.silence, every=0.05), flapping(rtmd, rng):
            while kills < KILLS or len(sink.taken) < DELIVERIES:
                rtmd.start()
                time.sleep(rng.uniform(0, 2))
                assert sink.busy(), rtmd.log[-4000:]
                rtmd.kill()
                kills += 1
        rtmd.start()
        rtmd.until("everything is delivered", lambda: rtmd.client.status().outbox == 0)
        assert operator.silences <= {silence.id for silence in rtmd.client.silences()}
        assert len(operator.silences) > KILLS
        rtmd.terminate()
        check_told(sink, rtmd.folder)
        check_run(rtmd.folder)


def check_told(sink: Flaky, folder: Path) -> None:
    """What the journal says was told was taken, in order; few things came twice."""
    taken: dict[str, dict[int, str]] = defaultdict(dict)
    for each in sink.taken:
        taken[each.alert.firing.id].setdefault(each.alert.seq, each.key)
    with closing(sqlite3.connect(f"{(folder / 'state/state.db').as_uri()}?mode=ro", uri=True)) as state:
        rows = state.execute("SELECT firing, detail FROM journal WHERE kind = 'told' AND rule = 'level' ORDER BY seq")
        told: dict[str, dict[int, str]] = defaultdict(dict)
        for firing, detail in rows:
            told[firing][len(told[firing]) + 1] = msgspec.json.decode(detail)["key"]
    assert taken == told
    posts = Counter(key for _, key in {(each.at, each.key) for each in sink.taken})
    twice = posts.total() - len(posts) - sink.dropped
    assert twice <= 0.06 * len(posts), f"{twice} of {len(posts)} came twice, and {sink.dropped} that got no answer"


def check_run(folder: Path) -> None:
    """No action and no reversal ran twice."""
    lines = (folder / "did").read_bytes().replace(b"}{", b"}\n{").splitlines()
    bodies = [msgspec.json.decode(line, type=ActionBody) for line in lines]
    runs = Counter((body.run, body.undo) for body in bodies)
    assert len(runs) > KILLS
    assert not [body for body in bodies if runs[body.run, body.undo] > 1]

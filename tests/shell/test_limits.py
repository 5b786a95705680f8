"""Limits of the real daemon: what is known goes on, and somebody is told (semantics S13)."""

from __future__ import annotations

from daemon import Make, cli
from sink import Sink

RULES = """
[rules.level]
signal = 'm{n="0"}'
reopen = "0s"
[rules.level.seconds]
above = 10
"""


def test_a_full_table_is_told_and_what_is_known_goes_on(make: Make, sink: Sink) -> None:
    rtmd = make(sink.config + "[limits]\nseries = 5\n", {"r.toml": RULES}).start()
    assert (
        "rtmd.limits  on     health  minutes  0       0        0          built in"
        in cli(rtmd.folder, "rules", "--connect", str(rtmd.socket)).stdout
    )
    for number in range(9):
        rtmd.client.send("m", 1, n=str(number))
    sink.wait_for("firing", "rtmd.limits", within=20)
    (firing,) = rtmd.client.open_firings()
    assert firing.title == "limit series refuses what is new (ingest)"
    assert rtmd.client.metrics()['rtmd_limit_refused_total{limit="series"}'] == 4
    rtmd.client.send("m", 20, n="0")
    sink.wait_for("firing", "level")
    rtmd.kill()
    rtmd.start()
    assert {each.id for each in rtmd.client.open_firings() if each.rule == "rtmd.limits"} == {firing.id}

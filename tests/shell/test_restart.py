"""The real daemon is killed, stopped, started again (issue 1, semantics S12): what must still be there, and be once."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time

import pytest
from daemon import Knocker, Make, Rtmd, cli, feeding, passed, save
from sink import Sink

SEED = int(os.environ.get("RTMD_SEED", "1"))
LEVEL = """
[rules.level]
signal = 'm'
[rules.level.seconds]
above = 10
"""
COUNTED = """
[rules.counted]
signal = 'count_over_time(m[$window])'
seconds = { window = "60s", above = 5 }
coverage = 0
"""
SLOW = """
[rules.slow]
signal = 'm'
[rules.slow.seconds]
above = 10
for = "3s"
"""
HIGH = {"metric": "m", "value": 20, "labels": {"brand": "acme"}}


def firing(rtmd: Rtmd, sink: Sink, rule: str = "level") -> str:
    """The id of the rule's firing, once the webhook was told about it."""
    told = sink.wait_for("firing", rule)
    rtmd.until("the delivery is written down", lambda: rtmd.client.status().outbox == 0)
    return told.alert.firing.id


def test_a_firing_outlives_kill_9_with_its_id_and_its_windows_and_is_announced_once(make: Make, sink: Sink) -> None:
    rtmd = make(sink.config, {"r.toml": LEVEL + COUNTED}).start()
    with feeding(rtmd, HIGH, every=0.05):
        before = {firing(rtmd, sink, "level"), firing(rtmd, sink, "counted")}
        rtmd.until(
            "a second of samples is in the log", lambda: sum(rtmd.client.query("count_over_time(m[1m])").values()) >= 25
        )
    known = sum(rtmd.client.query("count_over_time(m[1m])").values())
    rtmd.kill()

    rtmd.start()
    after = {found.id: found for found in rtmd.client.open_firings()}
    assert after.keys() == before
    assert sum(rtmd.client.query("count_over_time(m[1m])").values()) == known
    rtmd.client.send("m", 0, brand="acme")

    def counted() -> float | None:
        [found] = [found for found in rtmd.client.open_firings() if found.rule == "counted"]
        return found.value

    # The engine's own window, not only the log.
    rtmd.until("the window holds what it held, and one more", lambda: counted() == known + 1)
    assert sink.wait_for("resolved", "level").alert.firing.id in before
    assert sorted(sink.messages()) == ["firing", "firing", "resolved"]


@pytest.mark.parametrize("trouble", ["answers 503", "hangs", "is down"])
def test_a_notification_that_was_not_delivered_is_delivered_after_kill_9_under_its_key(
    make: Make, sink: Sink, trouble: str
) -> None:
    rtmd = make(sink.config, {"r.toml": LEVEL})
    if trouble == "answers 503":
        sink.answer(503)
    elif trouble == "hangs":
        sink.hang()
    else:
        sink.close()
    rtmd.start()
    rtmd.client.send("m", 20, brand="acme")
    if trouble == "is down":
        rtmd.until("it was tried", lambda: any("desk" in notice for notice in rtmd.client.status().notices))
        keys = []
    else:
        keys = [sink.wait("an attempt", lambda each: each.alert.message == "firing").key]
    [found] = rtmd.client.open_firings()
    rtmd.kill()

    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(Sink(sink.port)) if trouble == "is down" else sink
        listening.answer(200)
        listening.received.clear()
        rtmd.start()
        told = listening.wait_for("firing", "level")
        assert told.alert.firing.id == found.id
        assert told.key in (keys or [told.key])
        rtmd.until("the outbox is empty", lambda: rtmd.client.status().outbox == 0)
        assert listening.messages() == ["firing"]


def test_a_pending_stage_goes_on_where_it_stood_and_downtime_counts_for_nothing(make: Make, sink: Sink) -> None:
    rtmd = make(sink.config, {"r.toml": SLOW}).start()
    with feeding(rtmd, HIGH):
        rtmd.until("it is pending", lambda: rtmd.client.status().pending)
        began, down = time.monotonic(), 0.0
        for _ in range(2):
            passed(1.0)
            rtmd.kill()
            down_at = time.monotonic()
            passed(1.0)
            rtmd.start()
            down += time.monotonic() - down_at
            assert rtmd.client.status().pending == 1
            assert not rtmd.client.open_firings(), "it fires only because the daemon was down"
        fired = sink.wait_for("firing", "slow")
    watched = fired.at - began - down
    assert watched + 0.2 >= 3.0


def test_silences_acks_and_verdicts_that_were_answered_outlive_kill_9(make: Make, sink: Sink) -> None:
    rtmd = make(sink.config, {"r.toml": LEVEL}).start()
    rtmd.client.send("m", 20, brand="acme")
    firing_id = firing(rtmd, sink)
    rtmd.client.change("ack", firing=firing_id, note="on it")
    silence = rtmd.client.change("silence", matchers=['brand="zeta"'], comment="launch")
    expired = rtmd.client.change("silence", matchers=['brand="beta"'])
    rtmd.client.change("silence/expire", id=expired)
    rtmd.client.change("verdict", firing=firing_id, verdict="real")
    rtmd.client.change("missed", rule="level", text="the outage")
    rtmd.kill()

    rtmd.start()
    assert {each.id: each.state for each in rtmd.client.silences()} == {silence: "active", expired: "expired"}
    ack = rtmd.client.firing(firing_id).firing.ack
    assert ack
    assert ack.note == "on it"
    assert rtmd.client.firing(firing_id).firing.verdict == "real"
    [noise] = [each for each in rtmd.client.noise().rules if each.rule == "level"]
    assert (noise.firings, noise.real, noise.handled.count) == (1, 1, 1)
    assert [miss.text for miss in noise.missed] == ["the outage"]
    rtmd.client.send("m", 20, brand="zeta")
    rtmd.until("it is silenced", lambda: rtmd.client.status().silenced)
    assert sink.messages() == ["firing"]


def test_sigterm_stores_everything_and_exits_with_0(make: Make, sink: Sink) -> None:
    rtmd = make(sink.config, {"r.toml": LEVEL + COUNTED}).start()
    at = rtmd.client.status().at
    samples = [{"metric": "m", "value": 20, "labels": {"brand": "acme"}, "time": at - number} for number in range(10)]
    assert Knocker(rtmd.socket).post("/api/v1/samples", samples)
    before = {firing(rtmd, sink, "level"), firing(rtmd, sink, "counted")}
    assert rtmd.terminate() == 0
    assert "STOPPING=1" in rtmd.notices.messages
    assert not rtmd.socket.exists()
    assert " ERROR " not in rtmd.log
    assert "Traceback" not in rtmd.log

    rtmd.start()
    assert {found.id for found in rtmd.client.open_firings()} == before
    assert list(rtmd.client.query("count_over_time(m[1m])").values()) == [10]  # not even the last second is lost
    assert sink.messages() == ["firing", "firing"]


def test_sighup_reloads_and_tells_systemd_since_when(make: Make, sink: Sink) -> None:
    rtmd = make(sink.config, {}).start()
    rtmd.notices.messages.clear()
    save(rtmd.rules / "r.toml", LEVEL)
    before = time.monotonic_ns() // 1000
    os.kill(rtmd.pid, signal.SIGHUP)
    said = rtmd.noticed("RELOADING=1")
    since = re.search(r"^MONOTONIC_USEC=(\d+)$", said, re.MULTILINE)
    assert since
    assert before <= int(since[1]) <= time.monotonic_ns() // 1000
    rtmd.noticed("READY=1")
    assert rtmd.client.status().rules == 1


def test_a_second_daemon_on_the_same_state_is_refused_with_78(make: Make, sink: Sink) -> None:
    rtmd = make(sink.config, {}).start()
    refused = cli(rtmd.folder, "run")
    assert refused.returncode == 78
    assert f"pid {rtmd.pid}" in refused.stderr
    assert "Traceback" not in refused.stderr
    rtmd.evaluates()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[receivers.desk]\nkind = 'webhok'\n", "rtmd.toml:6:1: receivers.desk.kind must be one of"),
        ("[sources.host\n", "rtmd.toml:5"),
        ("[daemon2]\n", "rtmd.toml:5:2: daemon2"),
    ],
)
def test_a_configuration_that_cannot_be_used_ends_it_with_78_and_located_lines(
    make: Make, config: str, said: str
) -> None:
    rtmd = make(config, {})
    rtmd.launch()
    assert rtmd.wait() == 78
    assert said in rtmd.log
    assert "Traceback" not in rtmd.log

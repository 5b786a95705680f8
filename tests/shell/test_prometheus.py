"""A real Prometheus writes its own metrics to the real daemon, and is scraped by it (issue 1)."""

from __future__ import annotations

from pathlib import Path

import pytest
from daemon import Make, Rtmd, meanwhile
from prometheus import DEAD, Prometheus, free_port
from sink import Sink

RULES = """
[rules.down]
signal = 'up == 0'

[rules.busy]
signal = 'sum by (job) (rate(prometheus_http_requests_total{handler="/-/healthy"}[$window]))'
seconds = { window = "3s", above = 1 }
coverage = 0
"""
pytestmark = pytest.mark.prometheus


def jobs(rtmd: Rtmd, rule: str) -> list[str]:
    """The jobs that the rule fires for."""
    return sorted(firing.labels["job"] for firing in rtmd.client.open_firings() if firing.rule == rule)


def test_rules_on_what_prometheus_writes_and_what_is_scraped_from_it(make: Make, sink: Sink, tmp_path: Path) -> None:
    port = free_port()
    scrape = f'[sources.page]\nkind = "scrape"\nurl = "http://127.0.0.1:{port}/metrics"\nevery = "1s"\n'
    rtmd = make(sink.config + scrape, {"r.toml": RULES}).start()
    write = f'remote_write:\n  - {{ url: "{rtmd.tcp}/api/v1/write", queue_config: {{ batch_send_deadline: 100ms }} }}\n'
    with Prometheus(tmp_path / "prometheus", port=port, targets={"dead": DEAD}, more=write) as prometheus:
        rtmd.until("the page is scraped", lambda: rtmd.client.query('up{job="page"} == 1'))
        assert rtmd.client.query('prometheus_build_info{job="page"}').popitem()[1] == 1
        rtmd.until("it writes", lambda: rtmd.client.query('prometheus_build_info{job="self"}'))
        with meanwhile(prometheus.ask, every=0.02):
            busy = sink.wait_for("firing", "busy").alert.firing
        rtmd.until("the dead target is down", lambda: jobs(rtmd, "down") == ["dead"])
        sink.wait("the notice", lambda each: each.alert.firing.labels.get("instance") == DEAD)
        rtmd.until("it is quiet again", lambda: not jobs(rtmd, "busy"))
        resolved = sink.wait_for("resolved", "busy").alert.firing
        assert resolved.rule == busy.rule

        with meanwhile(prometheus.ask, every=0.02):
            # Prometheus counts and writes; the page brings the same counters: two instances.
            rtmd.until("both are busy", lambda: jobs(rtmd, "busy") == ["page", "self"])
            prometheus.stop()
    # It is gone, and so is every series. What is scraped says so; nothing else changes.
    end = rtmd.client.status().at + 4_000  # longer than the window
    rtmd.until("the page is down", lambda: jobs(rtmd, "down") == ["dead", "page"])
    rtmd.until("the window is empty", lambda: rtmd.client.status().evaluated_at > end)
    assert jobs(rtmd, "busy") == ["page", "self"]
    assert jobs(rtmd, "down") == ["dead", "page"]
    assert rtmd.client.status().drops == {}

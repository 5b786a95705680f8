"""rtmd as the Alertmanager of a real Prometheus, and of whoever posts by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from daemon import Rtmd
from prometheus import DEAD, Prometheus, free_port
from sink import Sink

from rtmd.wire import FiringView

ALERTS = """
groups:
  - name: g
    rules:
      - alert: Down
        expr: up == 0
        labels: { severity: page }
        annotations:
          summary: "{{ $labels.job }} is down"
          runbook_url: https://wiki.example/down
      - alert: Quiet
        expr: rtmd_silences_active > 0
        annotations: { summary: "{{ $value }} silences, {{ query `time()` | first | value }}" }
"""


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink() as listening:
        yield listening


@pytest.fixture(scope="module")
def rtmd(sink: Sink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rtmd]:
    with Rtmd(tmp_path_factory.mktemp("rtmd"), f'tcp_role = "operate"\n{sink.config}') as running:
        yield running.start()


def found(rtmd: Rtmd, rule: str) -> list[FiringView]:
    return [firing for firing in rtmd.client.open_firings() if firing.rule == rule]


@pytest.mark.prometheus
def test_what_a_prometheus_posts_is_told_and_is_over_when_it_says_so_or_is_gone(
    rtmd: Rtmd, sink: Sink, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, port = tmp_path_factory.mktemp("p") / "prometheus", free_port()
    targets = {"dead": DEAD, "rtmd": rtmd.tcp.removeprefix("http://")}
    with Prometheus(folder, port=port, targets=targets, alerts=ALERTS, posts_to=rtmd.tcp) as prometheus:
        down = sink.wait_for("firing", "Down", within=30).alert.firing
        assert (down.title, down.labels["instance"], down.severity, down.stage) == (
            "dead is down", DEAD, "critical", "minutes",
        )  # fmt: skip
        assert down.origin is not None
        assert down.origin.sender == "Prometheus"
        assert set(down.links) == {"source", "runbook"}
        assert f"{port}/graph?g0.expr=up" in down.origin.url

        silence = {"matchers": ["host=nowhere"], "length": 60_000, "comment": "c"}
        made = rtmd.client.http.post("/api/rtmd/v1/silence", json=silence)
        assert made.status_code == 200, made.text
        quiet = sink.wait_for("firing", "Quiet", within=30).alert.firing
        [open_one] = found(rtmd, "Quiet")
        rtmd.until("it is said anew each second", lambda: found(rtmd, "Quiet")[0].title != quiet.title)
        [later] = found(rtmd, "Quiet")
        assert (later.id, later.version) == (open_one.id, open_one.version)
        rtmd.client.http.post("/api/rtmd/v1/silence/expire", json={"id": made.json()["id"]})
        over = sink.wait_for("resolved", "Quiet", within=30).alert
        assert over.reason.startswith("Prometheus says it is over")
        assert sink.messages("Quiet") == ["firing", "resolved"]
        prometheus.stop()
    over = sink.wait_for("resolved", "Down", within=30).alert
    assert over.reason.startswith("Prometheus did not post it again in time")
    assert sink.messages("Down") == ["firing", "resolved"]
    assert rtmd.client.metrics()['rtmd_alerts_posted_total{status="firing"}'] > 2


def posted(name: str, **changes: Any) -> dict[str, Any]:
    return {"labels": {"alertname": name, "host": "a"}, "annotations": {"summary": name}, **changes}


def after(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def post(rtmd: Rtmd, *alerts: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{rtmd.tcp}/api/v2/alerts", json=alerts, trust_env=False, timeout=30)


def test_what_was_answered_with_200_is_there_after_a_kill_and_is_told_once(rtmd: Rtmd, sink: Sink) -> None:
    wrong = {"labels": {"": "x"}}
    answer = post(rtmd, wrong, posted("Far", endsAt=after(3_600)), posted("Near", endsAt=after(2)))
    assert (answer.status_code, answer.json()) == (400, 'invalid label set: invalid name ""')
    ids = {firing.rule: firing.id for firing in rtmd.client.open_firings()}
    assert ids.keys() == {"Far", "Near"}
    for name in ids:
        sink.wait_for("firing", name)
    rtmd.until("the outbox is empty", lambda: not rtmd.client.status().outbox)
    rtmd.kill()
    rtmd.start()
    assert {firing.rule: firing.id for firing in rtmd.client.open_firings()} == ids
    [alert] = httpx.get(f"{rtmd.tcp}/api/v2/alerts", params={"filter": "alertname=Far"}, trust_env=False).json()
    assert alert["endsAt"] > after(3_000)
    answer = post(rtmd, *(posted(name, startsAt=after(-60), endsAt=after(-1)) for name in ids))
    assert (answer.status_code, answer.content) == (200, b"")
    for name in ids:
        sink.wait_for("resolved", name)
        assert sink.messages(name) == ["firing", "resolved"]
    assert rtmd.client.open_firings() == []

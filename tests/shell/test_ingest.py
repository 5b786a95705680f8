"""Every way in at once, into the real daemon: a rule fires on each, and sources come and go with the configuration."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable

import httpx
import pytest
from daemon import Rtmd, meanwhile
from sink import Sink

RULES = """
[rules.influx-one]
signal = 'cpu_usage_idle{host="web-01"}'
seconds.below = 10

[rules.influx-two]
signal = 'mentions{brand="acme corp"}'
seconds.above = 100

[rules.text]
signal = 'queue_length'
seconds.above = 5

[rules.statsd-rate]
signal = 'sum by (country) (rate(page_views_total[$window]))'
coverage = 0
seconds = { window = "3s", above = 5 }

[rules.statsd-gauge]
signal = 'workers'
seconds.below = 2

[rules.statsd-timer]
signal = 'api_latency{quantile="0.99"}'
seconds.above = 0.2

[rules.graphite-path]
signal = 'label_replace(servers_web01_load, "host", "$1", "path", "servers[.]([^.]+)[.].*")'
seconds.above = 3

[rules.graphite-tags]
signal = 'sum by (dc) (jobs_failed)'
seconds.at_least = 3
"""


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Ports:
    """Free ones, and the tables that listen there."""

    def __init__(self) -> None:
        self.statsd = free_port(socket.SOCK_DGRAM)
        self.graphite = free_port(socket.SOCK_STREAM)

    @property
    def config(self) -> str:
        return f"""
[sources.statsd]
listen = "127.0.0.1:{self.statsd}"
every = "200ms"
[sources.graphite]
listen = "127.0.0.1:{self.graphite}"
"""

    def count(self) -> None:
        """Some StatsD."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for datagram in (b"page.views:2|c|@0.5|#country:fr\nworkers:1|g", b"api.latency:120:350|ms", b"rubbish"):
                sock.sendto(datagram, ("127.0.0.1", self.statsd))


@pytest.fixture
def ports() -> Ports:
    return Ports()


def post(url: str, body: bytes, **headers: str) -> None:
    answer = httpx.post(url, content=body, headers={"Content-Encoding": headers.get("encoding", "identity")})
    assert answer.status_code == 204, answer.text


def fired(sink: Sink, rule: str) -> dict[str, str]:
    """The labels of the rule's first firing."""
    return dict(sink.wait_for("firing", rule).alert.firing.labels)


def test_a_rule_fires_on_each_way_in(make: Callable[..., Rtmd], sink: Sink, ports: Ports) -> None:
    rtmd = make(ports.config + sink.config, {"r.toml": RULES}).start()
    now = rtmd.client.status().wall
    assert httpx.get(f"{rtmd.tcp}/ping").status_code == 204

    packed = gzip.compress(b'cpu,host=web-01 usage_idle=3.5,usage_user=90i,state="hot" %d\n' % (now // 1000))
    post(f"{rtmd.tcp}/write?db=telegraf&precision=s", packed, encoding="gzip")
    assert fired(sink, "influx-one")["host"] == "web-01"
    post(f"{rtmd.tcp}/api/v2/write?org=o&bucket=b", rb"mentions,brand=acme\ corp value=120")
    assert fired(sink, "influx-two")["brand"] == "acme corp"
    post(f"{rtmd.tcp}/api/v1/import/prometheus", b'# TYPE queue_length gauge\nqueue_length{q="a"} 7 %d\n' % now)
    assert fired(sink, "text")["q"] == "a"

    with meanwhile(ports.count, every=0.05):
        assert fired(sink, "statsd-rate")["country"] == "fr"
        assert fired(sink, "statsd-timer")["quantile"] == "0.99"
        fired(sink, "statsd-gauge")

    with socket.create_connection(("127.0.0.1", ports.graphite)) as sock:
        sock.sendall(b"servers.web01.load 4.5 -1\nrubbish\njobs.failed;dc=fra;job=a 1\njobs.failed;dc=fra;job=b 2\n")
        assert fired(sink, "graphite-path")["host"] == "web01"
        assert fired(sink, "graphite-tags")["dc"] == "fra"

    metrics = rtmd.client.metrics()
    assert metrics['rtmd_source_errors_total{source="graphite",reason="bad_line"}'] == 1
    assert metrics['rtmd_source_errors_total{source="statsd",reason="bad_type"}'] >= 1
    assert metrics['rtmd_dropped_total{reason="string_field"}'] == 1
    assert {name for name in metrics if name.startswith("rtmd_samples_total")} == {
        f'rtmd_samples_total{{source="{source}"}}' for source in ("influx", "exposition", "statsd", "graphite")
    }


def test_a_source_that_is_removed_ends_its_series_and_frees_its_address(
    make: Callable[..., Rtmd], sink: Sink, ports: Ports
) -> None:
    rtmd = make(ports.config + sink.config, {"r.toml": RULES}).start()
    ports.count()
    fired(sink, "statsd-gauge")
    rtmd.configure('[sources.other]\nkind = "statsd"\n' + ports.config.split("\n", 2)[2] + sink.config)
    rtmd.until("the series are gone", lambda: not rtmd.client.query("workers"))
    with meanwhile(ports.count, every=0.05):
        rtmd.until("the next one has the address", lambda: rtmd.client.query("workers") == {"__name__=workers": 1})
    assert "source statsd cannot listen" not in rtmd.log


def test_an_address_in_use_is_a_notice_and_nothing_else(make: Callable[..., Rtmd], ports: Ports) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", ports.statsd))
        rtmd = make(ports.config, {"r.toml": RULES}).start()
        notice = f"source statsd: cannot listen on 127.0.0.1:{ports.statsd}: Address already in use"
        rtmd.until("it is said", lambda: notice in rtmd.client.status().notices)
    rtmd.evaluates()

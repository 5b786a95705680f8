"""Alerts as Alertmanager's clients post them, and how they are read again; nothing posted makes the API fail."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes_alertmanager import API, DOWN, SURGE, WILD, standing, transport
from fakes_api import NOW, Served, config, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmd.api.alertmanager_alerts import read_alerts, sender_of
from rtmd.model.effects import Answered
from rtmd.model.external import Origin, PostedAlert
from rtmd.model.inputs import AlertsPosted
from rtmd.model.labels import labels_of
from rtmd.model.replace import replace
from rtmd.receivers.alertmanager import fingerprint

LABELS = {"alertname": "Down", "severity": "page", "empty": ""}
POSTED = {
    "labels": LABELS,
    "annotations": {"summary": "a is down", "description": "for a minute"},
    "startsAt": "2026-09-21T14:12:20.123456789Z",
    "endsAt": "2026-09-21T16:16:20+02:00",
    "generatorURL": "http://prom:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
}
TAKEN = PostedAlert(
    labels_of({"alertname": "Down", "severity": "page"}),
    (("description", "for a minute"), ("summary", "a is down")),
    NOW - 59_877,
    NOW + 180_000,
    "http://prom:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, config()) as running:
        yield running


async def post(served: Served, *alerts: dict[str, Any], agent: str = "Prometheus/2.42.0") -> httpx.Response:
    return await served.tcp.post(f"{API}/alerts", json=alerts, headers={"User-Agent": agent})


async def test_whoever_may_send_samples_may_post_alerts_and_is_known_by_their_product(served: Served) -> None:
    answer = await post(served, POSTED)
    assert (answer.status_code, answer.content) == (200, b"")
    assert served.desk.asked == [AlertsPosted(1, "Prometheus", (TAKEN,))]
    assert (await served.tcp.put(f"{API}/alerts")).status_code == 405


@pytest.mark.parametrize(
    ("agent", "sender"), [("Grafana/11 (x)", "Grafana"), ("", "tcp"), ("<b>", "tcp"), ("a" * 99, "a" * 40)]
)
def test_a_sender_is_a_product_or_where_it_comes_from(agent: str, sender: str) -> None:
    assert sender_of(agent, "tcp") == sender


@pytest.mark.parametrize("time", [None, "", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"])
def test_a_time_that_is_missing_or_zero_is_none(time: str | None) -> None:
    body = json.dumps([{"labels": LABELS, "startsAt": time, "endsAt": time}]).encode()
    [alert], problems = read_alerts(body)
    assert (alert.starts_at, alert.ends_at, problems) == (None, None, [])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"labels": {}}, "at least one label pair required"),
        ({"labels": {"a": ""}}, "at least one label pair required"),
        ({"labels": {"": "x"}}, 'invalid label set: invalid name ""'),
        ({"annotations": {"": "x"}}, 'invalid annotations: invalid name ""'),
        ({"endsAt": "2026-09-21T14:12:19Z"}, "start time must be before end time"),
        ({"labels": {"a": "x" * 5_000}}, "invalid label set: a is too long"),
        ({"labels": {"a" * 300: "x"}}, "has more than 256 characters"),
        ({"labels": {f"l{number}": "x" for number in range(200)}}, "invalid label set: more than 128"),
        ({"generatorURL": "http://" + "x" * 5_000}, "generatorURL has more than 4096 characters"),
    ],
)
async def test_what_is_wrong_with_one_alert_is_said_and_counted_and_the_others_count(
    served: Served, changes: dict[str, Any], problem: str
) -> None:
    answer = await post(served, {**POSTED, **changes}, POSTED)
    assert answer.status_code == 400
    assert problem in answer.json()
    assert served.desk.drops == {"invalid_alert": 1}
    assert served.desk.asked == [AlertsPosted(1, "Prometheus", (TAKEN,))]


async def test_what_the_step_refuses_is_said_beside_it(served: Served) -> None:
    served.desk.answered = Answered(1, 400, error="no room")
    answer = await post(served, {"labels": {"": "x"}}, POSTED)
    assert (answer.status_code, answer.json()) == (400, 'invalid label set: invalid name ""; no room')


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, 400),
        (b"{}", 400, 400),
        (b'[{"labels": {"a": 1}}]', 400, 400),
        (b'[{"labels": {"a": "b"}, "startsAt": "yesterday"}]', 400, 400),
        (b'[{"labels": {"a": "\xff"}}]', 400, 400),
        (b"[{}]", 422, 602),
    ],
)
async def test_a_post_of_another_shape_is_refused_whole(served: Served, body: bytes, status: int, code: int) -> None:
    answer = await served.tcp.post(f"{API}/alerts", content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert served.desk.asked == []


async def test_an_alert_of_others_is_read_as_it_was_posted(served: Served) -> None:
    origin = Origin(
        "Prometheus",
        NOW - 5_000,
        NOW + 240_000,
        timeout=False,
        updated_at=NOW - 1_000,
        annotations=TAKEN.annotations,
        url=TAKEN.url,
    )
    firing = replace(SURGE, rule="Down", labels=TAKEN.labels, extra_labels=(), links=(), origin=origin)
    heard = replace(origin, ends_at=NOW + 300_000, updated_at=NOW)
    served.desk.alertmanager.standing = [replace(standing(firing, inhibited_by=DOWN), origin=heard)]
    [alert] = (await served.tcp.get(f"{API}/alerts")).json()
    posted = {"alertname": "Down", "severity": "page"}
    assert (alert["labels"], alert["annotations"]) == (posted, POSTED["annotations"])
    assert (alert["startsAt"], alert["endsAt"], alert["updatedAt"]) == (
        "2026-09-21T14:13:15.000Z", "2026-09-21T14:18:20.000Z", "2026-09-21T14:13:20.000Z",
    )  # fmt: skip
    assert (alert["generatorURL"], alert["fingerprint"]) == (POSTED["generatorURL"], fingerprint(posted))
    assert alert["status"]["state"] == "suppressed"


ALERTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "labels": st.dictionaries(WILD, WILD, max_size=3) | WILD,
            "annotations": st.dictionaries(WILD, WILD, max_size=3) | st.none(),
            "startsAt": WILD | st.datetimes().map(lambda time: f"{time.isoformat()}Z"),
            "endsAt": WILD | st.just("9999-12-31T23:59:59.999999999+00:00"),
            "generatorURL": WILD,
        },
    ),
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(alerts=ALERTS)
async def test_nothing_that_is_posted_makes_it_fail(alerts: list[dict[str, Any]]) -> None:
    async with httpx.AsyncClient(transport=transport(), base_url="http://127.0.0.1") as client:
        answer = await client.post(f"{API}/alerts", json=alerts)
    assert answer.status_code in {200, 400, 422}

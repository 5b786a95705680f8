"""Version 2 of Alertmanager's API over a desk: alerts, groups and status, their shapes and filters."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes_alertmanager import API, DOWN, SURGE, WILD, standing, transport
from fakes_api import Served, config, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmd.config import Role
from rtmd.matching import parse_matchers
from rtmd.model.group import GroupKey
from rtmd.model.labels import labels_of
from rtmd.model.policy import Inhibition, Policy, Route
from rtmd.model.replace import replace
from rtmd.model.rule import StageName
from rtmd.model.standing import Standing, StandingGroup

ALERT = {
    "labels": {"alertname": "surge", "brand": "acme", "desk": "social", "kind": "opportunity"},
    "annotations": {
        "dashboard_url": "https://graphs.example/d",
        "description": "93 > 80",
        "firing": "01J0",
        "runbook_url": "https://wiki.example/surge",
        "severity": "warning",
        "stage": "minutes",
        "summary": "acme: 93 mentions",
        "threshold": "> 80",
        "unit": "mentions/min",
        "value": "93",
    },
    "startsAt": "2026-09-21T14:12:20.000Z",
    "endsAt": "2026-09-21T14:18:20.000Z",
    "updatedAt": "2026-09-21T14:13:20.000Z",
    "fingerprint": "7241ab45bca58b1c",
    "receivers": [{"name": "desk"}, {"name": "log"}],
    "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []},
    "generatorURL": "https://graphs.example/d",
}
NAMES = st.sampled_from(["filter", "receiver", "active", "silenced", "inhibited", "muted", "unprocessed"])


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, config(tcp_role=Role.OPERATE)) as running:
        running.desk.alertmanager.standing = [standing(SURGE)]
        yield running


async def names(served: Served, path: str, **params: Any) -> list[str]:
    answer = await served.tcp.get(API + path, params=params)
    assert answer.status_code == 200, answer.text
    return [each["labels"]["alertname"] for each in answer.json()]


async def test_an_alert_has_what_an_alertmanager_would_say_of_it(served: Served) -> None:
    answer = await served.tcp.get(f"{API}/alerts")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == [ALERT]


async def test_a_muted_alert_is_suppressed_and_names_what_mutes_it(served: Served) -> None:
    muted = standing(SURGE, silenced_by=("s2", "s1"), inhibited_by=DOWN)
    served.desk.alertmanager.standing = [muted]
    [alert] = (await served.tcp.get(f"{API}/alerts")).json()
    culprit = "e5fd1a064914aeca"
    expected = {"state": "suppressed", "silencedBy": ["s2", "s1"], "inhibitedBy": [culprit], "mutedBy": []}
    assert alert["status"] == expected


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, {"surge", "down", "quiet"}),
        ({"filter": 'alertname="surge"'}, {"surge"}),
        ({"filter": ['stage="minutes"', "brand=~'a.*|z.*'", 'alertname!="down"']}, {"surge", "quiet"}),
        ({"filter": 'stage="hours"'}, set()),
        ({"filter": 'nowhere=""'}, {"surge", "down", "quiet"}),
        ({"active": "false"}, {"down", "quiet"}),
        ({"active": "maybe"}, {"down", "quiet"}),
        ({"active": ""}, {"surge", "down", "quiet"}),
        ({"silenced": "false"}, {"surge", "down"}),
        ({"inhibited": "false"}, {"surge", "quiet"}),
        ({"unprocessed": "false"}, {"surge", "down", "quiet"}),
        ({"receiver": "des."}, {"surge", "down"}),
        ({"receiver": "des"}, set()),
    ],
)
async def test_alerts_can_be_filtered(served: Served, params: dict[str, Any], found: set[str]) -> None:
    down = standing(DOWN, inhibited_by=SURGE)
    quiet = standing(replace(DOWN, rule="quiet"), silenced_by=("s1",), receivers=())
    served.desk.alertmanager.standing = [standing(SURGE), down, quiet]
    assert set(await names(served, "/alerts", **params)) == found


async def test_groups_hold_the_alerts_of_one_stage_that_one_receiver_is_told_of(served: Served) -> None:
    def group(receiver: str, *members: Standing, muted_by: tuple[str, ...] = ()) -> StandingGroup:
        key = GroupKey("route", receiver, StageName.MINUTES, labels_of({"rule": "surge"}))
        return StandingGroup(key, members, muted_by)

    served.desk.alertmanager.told = [
        group("desk", standing(SURGE)), group("log", standing(SURGE), standing(DOWN), muted_by=("nights",))
    ]  # fmt: skip
    first, second = (await served.tcp.get(f"{API}/alerts/groups")).json()
    labels = {"rule": "surge", "stage": "minutes"}
    assert first == {"labels": labels, "receiver": {"name": "desk"}, "alerts": [ALERT]}
    assert [each["status"]["mutedBy"] for each in second["alerts"]] == [["nights"], ["nights"]]
    assert [each["status"]["state"] for each in second["alerts"]] == ["suppressed", "suppressed"]

    async def receivers(**params: str) -> list[str]:
        answer = await served.tcp.get(f"{API}/alerts/groups", params=params)
        return [each["receiver"]["name"] for each in answer.json()]

    assert await receivers(muted="false") == ["desk"]
    assert await receivers(receiver="lo.") == ["log"]
    assert await receivers(filter="alertname=down") == ["log"]
    assert await receivers(active="false") == []


async def test_the_status_has_the_policy_as_a_configuration(served: Served) -> None:
    (critical,) = parse_matchers('severity="critical"')
    below = Route("route.0", "pager", (critical,), group_by=None, wait=1_500, mute=("nights",), goes_on=True)
    route = Route("route", "desk", group_by=("rule",), repeat=7_200_000, routes=(below,))
    inhibition = Inhibition("down", (critical,), parse_matchers('stage!="hours"'), ("site",))
    served.desk.alertmanager.given = Policy(route, {}, (inhibition,))
    told = (await served.tcp.get(f"{API}/status")).json()
    assert told["cluster"] == {"status": "disabled", "peers": []}
    assert told["uptime"] == "2026-09-21T13:13:20.000Z"
    assert told["versionInfo"].keys() == {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}
    assert json.loads(told["config"]["original"]) == {
        "route": {
            "receiver": "desk",
            "group_by": ["rule"],
            "repeat_interval": "2h",
            "routes": [
                {
                    "receiver": "pager",
                    "group_by": ["..."],
                    "group_wait": "1s500ms",
                    "matchers": ['severity="critical"'],
                    "continue": True,
                    "mute_time_intervals": ["nights"],
                }
            ],
        },
        "receivers": [{"name": "desk"}, {"name": "pager"}],
        "inhibit_rules": [
            {"source_matchers": ['severity="critical"'], "target_matchers": ['stage!="hours"'], "equal": ["site"]}
        ],
        "time_intervals": [],
    }
    assert (await served.tcp.get(f"{API}/receivers")).json() == [{"name": "desk"}]


@pytest.mark.parametrize(
    ("path", "params", "words"),
    [
        ("/alerts", {"filter": "("}, "bad matcher format: "),
        ("/alerts", {"filter": 'a=~"("'}, "bad matcher format: "),
        ("/alerts", {"receiver": "("}, "failed to parse receiver param: "),
        ("/alerts/groups", {"filter": "a"}, "bad matcher format: "),
        ("/alerts/groups", {"receiver": "["}, "failed to parse receiver param: "),
        ("/silences", {"filter": "a=b,c=d"}, "bad matcher format: "),
    ],
)
async def test_a_filter_that_cannot_be_read_is_refused_in_words(
    served: Served, path: str, params: dict[str, str], words: str
) -> None:
    answer = await served.tcp.get(API + path, params=params)
    assert answer.status_code == 400
    assert answer.json().startswith(words)


@settings(max_examples=150, deadline=None)
@given(
    path=st.sampled_from(["/alerts", "/alerts/groups", "/silences", "/status", "/receivers"]),
    fields=st.lists(st.tuples(NAMES, WILD), max_size=4),
)
async def test_no_parameter_breaks_an_answer(path: str, fields: list[tuple[str, str]]) -> None:
    safe = [(name, value.encode("utf-8", "replace").decode()) for name, value in fields]
    async with httpx.AsyncClient(transport=transport(), base_url="http://localhost") as client:
        answer = await client.get(API + path, params=safe)
    assert answer.status_code in {200, 400}
    answer.json()

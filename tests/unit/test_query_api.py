"""Prometheus' API over a desk: what becomes of parameters, and the shapes of answers and refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote, urlencode

import httpx
import pytest
from fakes_api import NOW, FakeDesk, Served, config, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmd.api.app import build_app
from rtmd.api.parameters import parse_time, unescaped
from rtmd.api.questions import FIRST, LAST, Answer, Instant, Listing, Stretch
from rtmd.api.stream import Hub
from rtmd.wire.prometheus import Alert, AlertingRule, ExemplarRow, RuleGroup, SeriesExemplars

API = "/api/v1"
RULE = AlertingRule(
    state="firing",
    name="surge",
    query="m > 3",
    duration=60.0,
    keep_firing_for=0.0,
    labels={"desk": "social", "severity": "warning", "stage": "minutes"},
    annotations={"summary": "{brand}: surge"},
    alerts=[
        Alert(
            labels={"alertname": "surge", "brand": "acme"},
            annotations={"summary": "acme: surge"},
            state="firing",
            active_at="2018-07-04T20:27:12.606Z",
            value="1e+00",
        )
    ],
    health="ok",
    evaluation_time=0.0,
    last_evaluation="2018-07-04T20:27:12.606Z",
)
GROUP = RuleGroup("mentions", "rules/mentions.toml", [RULE], 1.0, 0, 0.0, "2018-07-04T20:27:12.606Z")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as running:
        running.desk.groups = [GROUP]
        yield running


async def test_an_instant_query_is_asked_at_its_time_and_its_data_passed_on(served: Served) -> None:
    answer = await served.tcp.get(f"{API}/query", params={"query": "up", "time": "1700000000.5", "limit": "7"})
    assert answer.json() == {"status": "success", "data": {"resultType": "vector", "result": []}}
    assert answer.headers["content-length"] == str(len(answer.content))
    await served.tcp.post(f"{API}/query?query=down&time=1", data={"query": "up", "timeout": "3s"})
    assert served.desk.questions == [
        (Instant("up", 1_700_000_000_500, 7), 120.0),
        (Instant("up", 1_000), 3.0),  # what stands in the form goes first
    ]
    await served.tcp.get(f"{API}/query", params={"query": "up"})
    assert served.desk.questions[-1][0] == Instant("up", NOW)


@pytest.mark.parametrize("step", ["15", "15.0", "15s", "0.25m", "15000ms"])
async def test_a_step_is_seconds_or_a_duration(served: Served, step: str) -> None:
    params = {"query": "up", "start": "2015-07-01T20:10:30.781Z", "end": "1435781460.781", "step": step}
    answer = await served.tcp.get(f"{API}/query_range", params=params)
    if step == "0.25m":
        assert answer.json()["error"] == 'invalid parameter "step": cannot parse "0.25m" to a valid duration'
    else:
        assert served.desk.questions[-1][0] == Stretch("up", 1_435_781_430_781, 1_435_781_460_781, 15_000)


@pytest.mark.parametrize(
    ("path", "params", "error"),
    [
        ("query", {"time": "soon"}, 'invalid parameter "time": cannot parse "soon" to a valid timestamp'),
        ("query", {"time": "nan"}, 'invalid parameter "time": cannot parse "nan" to a valid timestamp'),
        ("query", {"limit": "-1"}, 'invalid parameter "limit": limit must be non-negative'),
        ("query", {"timeout": "x"}, 'invalid parameter "timeout": cannot parse "x" to a valid duration'),
        ("query", {"lookback_delta": "1m"}, 'invalid parameter "lookback_delta": it is 5m, as rules have it'),
        ("query_range", {}, 'invalid parameter "start": cannot parse "" to a valid timestamp'),
        (
            "query_range",
            {"start": "2", "end": "1", "step": "1"},
            'invalid parameter "end": end timestamp must not be before start time',
        ),
        (
            "query_range",
            {"start": "1", "end": "2", "step": "0"},
            'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive',
        ),
        (
            "query_range",
            {"start": "0", "end": "11001", "step": "1"},
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution",
        ),
        ("series", {}, "no match[] parameter provided"),
        ("labels", {"match[]": "{"}, None),
        ("labels", {"match[]": "rate(m[5m])"}, 'invalid parameter "match[]": 1:1: parse error: this is no series'),
        ("label//values", {}, 'invalid parameter "name": invalid label name: ""'),
        ("rules", {"type": "other"}, 'invalid parameter "type": not supported value "other"'),
        ("rules", {"exclude_alerts": "maybe"}, 'invalid parameter "exclude_alerts": cannot parse "maybe"'),
        ("format_query", {"query": "foo/"}, None),
        ("query_exemplars", {"query": "foo/"}, None),
    ],
)
async def test_what_is_wrong_is_said_in_the_words_of_prometheus(
    served: Served, path: str, params: dict[str, str], error: str | None
) -> None:
    answer = await served.tcp.get(f"{API}/{path}", params=params)
    told = answer.json()
    assert (answer.status_code, told["status"], told["errorType"]) == (400, "error", "bad_data")
    assert told["error"].startswith(error or "invalid parameter")
    assert served.desk.questions == []


@pytest.mark.parametrize(
    ("kind", "status"), [("bad_data", 400), ("execution", 422), ("timeout", 503), ("unavailable", 503)]
)
async def test_an_error_has_its_type_and_status(served: Served, kind: str, status: int) -> None:
    served.desk.told = Answer(error_type=kind, error="why")
    answer = await served.tcp.get(f"{API}/query", params={"query": "up"})
    assert (answer.status_code, answer.json()) == (status, {"status": "error", "errorType": kind, "error": "why"})


async def test_a_question_is_dropped_when_whoever_asked_has_left(served: Served) -> None:
    served.desk.thinking = True
    _, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(b"GET /api/v1/query?query=up HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await writer.drain()
    await asyncio.wait_for(served.desk.taken_up.wait(), 10)
    writer.close()
    await asyncio.wait_for(served.desk.given_up.wait(), 10)


async def test_warnings_stand_beside_the_data(served: Served) -> None:
    served.desk.told = Answer((b'["a"]',), ("results truncated due to limit",))
    answer = await served.tcp.get(f"{API}/labels", params={"limit": "1"})
    assert answer.json() == {"status": "success", "data": ["a"], "warnings": ["results truncated due to limit"]}


async def test_lists_are_asked_for_with_several_selectors_and_ends(served: Served) -> None:
    params = [("match[]", "up"), ("match[]", '{job="a"}'), ("start", "1"), ("end", "2.5"), ("limit", "3")]
    await served.tcp.get(f"{API}/series", params=params)
    await served.tcp.post(f"{API}/labels", data={"match[]": ["up"]})
    await served.tcp.get(f"{API}/label/{quote('http/status', safe='')}/values")
    await served.tcp.get(f"{API}/label/U__http_2f_status__code/values")
    ends = {"start": "-292273086-05-16T16:47:06Z", "end": "292277025-08-18T07:12:54.999999999Z"}
    await served.tcp.get(f"{API}/label/Größe/values", params=ends)
    assert [question for question, _ in served.desk.questions] == [
        Listing("series", ("up", '{job="a"}'), 1000, 2500, limit=3),
        Listing("labels", ("up",)),
        Listing("values", label="http/status"),
        Listing("values", label="http/status_code"),
        Listing("values", (), FIRST, LAST, label="Größe"),
    ]


async def test_rules_have_the_shape_of_prometheus(served: Served) -> None:
    told = (await served.tcp.get(f"{API}/rules")).json()
    alert = {
        "activeAt": "2018-07-04T20:27:12.606Z",
        "annotations": {"summary": "acme: surge"},
        "labels": {"alertname": "surge", "brand": "acme"},
        "state": "firing",
        "value": "1e+00",
    }
    rule = {
        "alerts": [alert],
        "annotations": {"summary": "{brand}: surge"},
        "duration": 60.0,
        "keepFiringFor": 0.0,
        "health": "ok",
        "labels": {"desk": "social", "severity": "warning", "stage": "minutes"},
        "name": "surge",
        "query": "m > 3",
        "type": "alerting",
        "state": "firing",
        "evaluationTime": 0.0,
        "lastEvaluation": "2018-07-04T20:27:12.606Z",
    }
    group = {
        "rules": [rule],
        "file": "rules/mentions.toml",
        "interval": 1.0,
        "limit": 0,
        "name": "mentions",
        "evaluationTime": 0.0,
        "lastEvaluation": "2018-07-04T20:27:12.606Z",
    }
    assert told == {"status": "success", "data": {"groups": [group]}}
    assert (await served.tcp.get(f"{API}/alerts")).json() == {"status": "success", "data": {"alerts": [alert]}}


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"type": "alert"}, True),
        ({"type": "record"}, False),
        ({"rule_name[]": ["other", "surge"]}, True),
        ({"rule_name[]": "other"}, False),
        ({"rule_group[]": "mentions", "file[]": "rules/mentions.toml"}, True),
        ({"rule_group[]": "other"}, False),
        ({"file[]": "mentions.toml"}, False),
        ({"match[]": '{desk="other"}'}, False),
        ({"match[]": ['{desk="other"}', '{severity=~"warn.*"}']}, True),
    ],
)
async def test_rules_are_those_that_were_asked_for(
    served: Served, params: dict[str, str | list[str]], *, found: bool
) -> None:
    groups = (await served.tcp.get(f"{API}/rules", params=params)).json()["data"]["groups"]
    assert bool(groups) is found


async def test_alerts_are_left_out_where_they_are_not_wanted(served: Served) -> None:
    [group] = (await served.tcp.get(f"{API}/rules?exclude_alerts=true")).json()["data"]["groups"]
    assert (group["rules"][0]["alerts"], group["rules"][0]["state"]) == ([], "firing")


async def test_exemplars_are_those_of_what_the_expression_reads(served: Served) -> None:
    row = ExemplarRow({"text": "again"}, "12000", 1600096945.479)
    served.desk.evidence = [SeriesExemplars({"__name__": "m"}, [row])]
    told = (await served.tcp.get(f"{API}/query_exemplars?query=rate(m[1m])/n&start=1&end=2")).json()
    shown = {"labels": {"text": "again"}, "value": "12000", "timestamp": 1600096945.479}
    assert told["data"] == [{"seriesLabels": {"__name__": "m"}, "exemplars": [shown]}]
    [(wanted, start, end)] = served.desk.wanted
    assert ([str(matchers[0]) for matchers in wanted], start, end) == (['__name__="m"', '__name__="n"'], 1000, 2000)


async def test_what_clients_ask_before_they_ask(served: Served) -> None:
    build = (await served.tcp.get(f"{API}/status/buildinfo")).json()["data"]
    assert (build["version"], build["revision"].split()[0]) == ("3.0.0", "rtmd")
    assert set(build) == {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}
    known = {"rtmd_firings": [{"type": "gauge", "help": "Open firings.", "unit": ""}]}
    assert (await served.tcp.get(f"{API}/metadata")).json()["data"] == known
    assert (await served.tcp.get(f"{API}/metadata?metric=other")).json()["data"] == {}
    assert (await served.tcp.get(f"{API}/format_query?query=foo/bar")).json()["data"] == "foo / bar"
    options = await served.tcp.options(f"{API}/query")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, POST, HEAD, OPTIONS")
    head = await served.tcp.head(f"{API}/query?query=up")
    assert (head.status_code, head.content) == (200, b"")
    assert (await served.tcp.put(f"{API}/query")).status_code == 405


async def test_a_form_that_is_too_large_is_refused_in_the_same_shape(served: Served) -> None:
    answer = await served.tcp.post(f"{API}/query", data={"query": "x" * 70_000})
    assert (answer.status_code, answer.json()["errorType"]) == (413, "bad_data")


def test_times_are_seconds_or_rfc_3339() -> None:
    assert parse_time("1970-01-01T00:00:01Z") == parse_time("1") == 1000
    assert parse_time("1970-01-01T01:00:00+01:00") == 0
    assert parse_time("2015-07-01T20:10:51.781234567Z") == 1_435_781_451_781
    assert parse_time("-292273086-05-16T16:47:06Z") == FIRST
    assert parse_time("1e300") is None


def test_escaped_names_are_read_and_others_left_alone() -> None:
    assert unescaped("U__a_2e_b__c") == "a.b_c"
    assert unescaped("U__a_d800_") == "a_d800_"
    assert unescaped("a__b") == "a__b"


HOSTILE = st.one_of(
    st.text(max_size=30),
    st.floats().map(str),
    st.sampled_from(["", "0", "-1", "1e400", "NaN", "-Inf", "9" * 400, "1y", "{", "m", "m[5m]", "'\ud800'", "\x00"]),
)
NAMES = st.sampled_from(["query", "time", "start", "end", "step", "match[]", "limit", "timeout", "type", "x"])
PATHS = ["query", "query_range", "labels", "label/a%2Fb/values", "series", "rules", "query_exemplars", "format_query"]


@settings(max_examples=150, deadline=None)
@given(path=st.sampled_from(PATHS), fields=st.lists(st.tuples(NAMES, HOSTILE), max_size=6), post=st.booleans())
def test_hostile_parameters_are_answered_or_refused(path: str, fields: list[tuple[str, str]], *, post: bool) -> None:
    desk = FakeDesk()
    app = build_app(desk, Hub(desk), config())
    text = urlencode(fields, errors="surrogatepass")

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            if post and path in {"query", "query_range", "labels", "series"}:
                return await client.post(f"{API}/{path}", content=text)
            return await client.get(f"{API}/{path}?{text}")

    answer = asyncio.run(ask())
    assert answer.status_code in {200, 400}
    assert answer.json()["status"] in {"success", "error"}

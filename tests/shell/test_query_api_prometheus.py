"""The query API of a running daemon: read by promtool, and beside a real Prometheus that has the same samples."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import promql_cases as cases
import pytest
from daemon import PROMETHEUS_MISSING, Rtmd, post_samples

START, END, STEP = (time / 1000 for time in cases.RANGE)
LISTED = ["vector(1)", "time()", "scalar(threshold) + 1", "pi()", *cases.expressions()[::8]]
RULES = """
[rules.warm]
signal = 'max by (site) (temperature)'
[rules.warm.minutes]
above = 30
for = "1m"
"""


@pytest.fixture(scope="module")
def rtmd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with Rtmd(tmp_path_factory.mktemp("rtmd"), "", {"warm.toml": RULES}) as daemon:
        daemon.start()
        with httpx.Client(base_url=daemon.tcp, trust_env=False, timeout=30) as client:
            post_samples(client, cases.samples())
            yield client


def found(client: httpx.Client, path: str, params: Any) -> Any:
    """`data` of a success."""
    answer = client.get(f"/api/v1/{path}", params=params)
    assert answer.status_code == 200, f"{client.base_url} {path} {params}: {answer.text}"
    return answer.json()["data"]


def by_labels(data: Any) -> dict[frozenset[tuple[str, str]], list[tuple[float, float]]]:
    """The points of each label set; a number has none."""
    if data["resultType"] == "scalar":
        return {frozenset(): [(data["result"][0], float(data["result"][1]))]}
    return {
        frozenset(row["metric"].items()): [(time, float(value)) for time, value in row.get("values") or [row["value"]]]
        for row in data["result"]
    }


def same(mine: Any, theirs: Any) -> bool:
    here, there = by_labels(mine), by_labels(theirs)
    if mine["resultType"] != theirs["resultType"] or set(here) != set(there):
        return False
    return all(len(points) == len(there[key]) and all(map(close, points, there[key])) for key, points in here.items())


def close(mine: tuple[float, float], theirs: tuple[float, float]) -> bool:
    (time, value), (other, expected) = mine, theirs
    nan = math.isnan(value) and math.isnan(expected)
    return time == other and (nan or math.isclose(value, expected, rel_tol=1e-9))


@pytest.mark.prometheus
def test_ranges_are_those_of_prometheus(rtmd: httpx.Client, prometheus: httpx.Client) -> None:
    assert len(LISTED) >= 40
    wrong = []
    for text in LISTED:
        params = {"query": text, "start": START, "end": END, "step": STEP}
        if not same(found(rtmd, "query_range", params), found(prometheus, "query_range", params)):
            wrong.append(text)
    assert wrong == []


@pytest.mark.prometheus
@pytest.mark.parametrize("text", ["temperature[2m]", "requests_total[5m] offset 1m", "rate(requests_total[5m])[5m:1m]"])
def test_a_range_at_an_instant_has_the_samples_of_prometheus(
    rtmd: httpx.Client, prometheus: httpx.Client, text: str
) -> None:
    params = {"query": text, "time": cases.INSTANT / 1000}
    mine = found(rtmd, "query", params)
    assert mine["result"]
    assert same(mine, found(prometheus, "query", params))


@pytest.mark.prometheus
@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("labels", {}),
        ("labels", {"match[]": "temperature"}),
        ("labels", {"match[]": ["temperature", "threshold"], "start": START, "end": END}),
        ("label/__name__/values", {}),
        ("label/instance/values", {"match[]": '{site="north"}'}),
        ("label/instance/values", {"match[]": ['{site="south"}', 'build_info{version!="1.0"}']}),
        ("label/nothing/values", {}),
        ("series", {"match[]": "temperature"}),
        ("series", {"match[]": ['{__name__=~"level|limit"}', '{job="api",code!="200"}']}),
        ("series", {"match[]": "nothing"}),
        ("series", {"match[]": "temperature", "start": START, "end": END}),
        ("series", {"match[]": "up", "start": 2, "end": 1}),
    ],
)
def test_lists_are_those_of_prometheus(
    rtmd: httpx.Client, prometheus: httpx.Client, path: str, params: dict[str, Any]
) -> None:
    def sortable(data: list[Any]) -> list[Any]:
        return sorted(data, key=lambda each: sorted(each.items()) if isinstance(each, dict) else each)

    assert sortable(found(rtmd, path, params)) == sortable(found(prometheus, path, params))


@pytest.mark.prometheus
@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("query", {"query": "foo/"}),
        ("query", {"query": "up", "time": "soon"}),
        ("query", {"query": "up", "timeout": "x"}),
        ("query", {"query": 'label_replace(temperature, "instance", "", "", "")', "time": cases.INSTANT / 1000}),
        ("query_range", {"query": "up", "start": 2, "end": 1, "step": 1}),
        ("query_range", {"query": "up", "start": 1, "end": 2, "step": 0}),
        ("query_range", {"query": "up", "start": 1, "end": 2, "step": -1}),
        ("query_range", {"query": "up", "start": 0, "end": 11_001, "step": 1}),
        ("query_range", {"query": "up[5m]", "start": 0, "end": 1, "step": 1}),
        ("query_range", {"query": '"text"', "start": 0, "end": 1, "step": 1}),
        ("query_range", {"query": "up", "start": "x", "end": 1, "step": 1}),
        ("query_range", {"query": "up", "start": 0, "end": 1, "step": "1q"}),
        ("series", {}),
        ("series", {"match[]": "{"}),
        ("rules", {"type": "other"}),
    ],
)
def test_what_prometheus_refuses_is_refused_alike(
    rtmd: httpx.Client, prometheus: httpx.Client, path: str, params: dict[str, Any]
) -> None:
    mine, theirs = (client.get(f"/api/v1/{path}", params=params) for client in (rtmd, prometheus))
    assert (mine.status_code, mine.json()["errorType"]) == (theirs.status_code, theirs.json()["errorType"])
    for words in (
        "step widths",
        "maximum resolution",
        "must not be before",
        "range query",
        "no match[]",
        "not support",
    ):
        assert (words in mine.json()["error"]) == (words in theirs.json()["error"])


@pytest.mark.prometheus
def test_11_000_steps_are_fine_as_in_prometheus(rtmd: httpx.Client, prometheus: httpx.Client) -> None:
    params = {"query": "time()", "start": 0, "end": 11_000, "step": 1}
    assert found(rtmd, "query_range", params) == found(prometheus, "query_range", params)


def promtool(*argv: str) -> str:
    binary = shutil.which("promtool")
    if binary is None:
        (pytest.fail if os.environ.get("RTMD_CI") else pytest.skip)(PROMETHEUS_MISSING)
    done = subprocess.run([binary, *argv], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.prometheus
def test_promtool_reads_the_daemon(rtmd: httpx.Client) -> None:
    url, instant = str(rtmd.base_url), f"--time={cases.INSTANT / 1000}"
    assert promtool("query", "instant", instant, url, "threshold") == "threshold => 5.5 @[1700001803]\n"
    ends = [f"--start={START:.0f}", f"--end={END:.0f}", "--step=10m"]
    lines = promtool("query", "range", *ends, url, "threshold").splitlines()
    assert lines == ["threshold =>", *(f"5.5 @[{START + 600 * step:.0f}]" for step in range(3))]
    assert promtool("query", "labels", ends[0], url, "site").split() == ["north", "south"]
    listed = promtool("query", "series", ends[0], "--match=threshold", '--match=limit{instance="a"}', url).splitlines()
    assert sorted(listed) == ['{__name__="limit", instance="a"}', '{__name__="threshold"}']


@pytest.mark.prometheus
def test_promtool_is_told_what_is_wrong(rtmd: httpx.Client) -> None:
    done = subprocess.run(
        ["promtool", "query", "instant", str(rtmd.base_url), "foo/"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "query error: bad_data: invalid parameter" in done.stderr) == (1, True)


def test_what_was_just_posted_is_seen_at_once(rtmd: httpx.Client) -> None:
    for value in range(20):
        rtmd.post("/api/v1/samples", json=[{"metric": "fresh", "value": value}]).raise_for_status()
        assert found(rtmd, "query", {"query": "fresh"})["result"][0]["value"][1] == str(value)
    assert found(rtmd, "series", {"match[]": "fresh"}) == [{"__name__": "fresh"}]


def test_rules_and_alerts_are_there(rtmd: httpx.Client) -> None:
    [group] = found(rtmd, "rules", {"rule_name[]": "warm"})["groups"]
    assert (group["name"], group["rules"][0]["query"]) == ("warm", "max by (site) (temperature) > 30")
    assert found(rtmd, "alerts", {}) == {"alerts": []}

"""amtool against a real rtmd, and silences of rtmd beside those of a real Alertmanager."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from alertmanager import MISSING, Alertmanager
from daemon import Rtmd, feeding

RULES = """
[rules.level]
title = "Level of {host}"
signal = "level"
labels = { team = "desk" }
[rules.level.seconds]
above = 10
severity = "warning"
"""
CONFIG = """tcp_role = "operate"

[route]
receiver = "log"
group_by = ["rule", "host"]
[[route.routes]]
match = ['severity="critical"']
mute = ["nights"]
[calendars.nights]
times = ["22:00-06:00"]
"""

pytestmark = pytest.mark.alertmanager


@pytest.fixture(scope="module")
def rtmd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rtmd]:
    """Two hosts are above their level."""
    with Rtmd(tmp_path_factory.mktemp("rtmd"), CONFIG, {"r.toml": RULES}) as running:
        running.start()
        high = [{"metric": "level", "value": 20, "labels": {"host": host}} for host in ("a", 'b "ü"')]
        with feeding(running, *high):
            running.until("both fire", lambda: len(running.client.open_firings()) == 2)
            yield running


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with Alertmanager(tmp_path_factory.mktemp("alertmanager"), "http://127.0.0.1:9/") as running:
        yield running


class Amtool:
    """amtool as people use it."""

    def __init__(self, url: str) -> None:
        found = shutil.which("amtool")
        if found is None:
            (pytest.fail if os.environ.get("RTMD_CI") else pytest.skip)(MISSING)
        self._argv = [found, f"--alertmanager.url={url}"]

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        """One command."""
        return subprocess.run([*self._argv, *args], capture_output=True, text=True, timeout=30, check=False)

    def __call__(self, *args: str) -> str:
        """What one that has to succeed says."""
        done = self.run(*args)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def json(self, *args: str) -> Any:
        """The same, as data."""
        return json.loads(self(*args, "-o", "json"))


@pytest.fixture
def amtool(rtmd: Rtmd) -> Amtool:
    return Amtool(rtmd.tcp)


def hosts(alerts: list[dict[str, Any]]) -> set[str]:
    return {alert["labels"]["host"] for alert in alerts}


def test_amtool_finds_alerts_by_their_labels_and_by_stage_and_severity(amtool: Amtool) -> None:
    alerts = amtool.json("alert", "query")
    assert hosts(alerts) == {"a", 'b "ü"'}
    assert {alert["annotations"]["stage"] for alert in alerts} == {"seconds"}
    for filters, found in [
        (["level"], {"a", 'b "ü"'}),
        (["alertname=level", "host=a"], {"a"}),
        (['host="b \\"ü\\""'], {'b "ü"'}),
        (["stage=~seconds|minutes", "severity=warning", "host!=a"], {'b "ü"'}),
        (["stage=hours"], set()),
        (["--receiver=log", "host=a"], {"a"}),
        (["--receiver=nobody"], set()),
    ]:
        assert hosts(amtool.json("alert", "query", *filters)) == found, filters
    assert "Level of a" in amtool("alert", "query", "host=a")


def test_amtool_silences_sees_it_lengthens_it_and_ends_it(rtmd: Rtmd, amtool: Amtool) -> None:
    add = ["silence", "add", "--author=kim", "--comment=known", "--duration=1h", "host=a", "stage=~seconds|minutes"]
    made = amtool(*add)
    assert hosts(amtool.json("alert", "query", "--silenced")) == {"a"}
    assert hosts(amtool.json("alert", "query")) == {'b "ü"'}  # amtool shows what is active unless told
    assert amtool("silence", "query", "-q", "host=a") == made
    [silence] = amtool.json("silence", "query", "--created-by=kim")
    assert (silence["id"], silence["status"], silence["comment"]) == (made, {"state": "active"}, "known")
    [ours] = [each for each in rtmd.client.silences() if each.id == made]
    assert ours.created_by == "kim"
    assert ours.matchers == ['host="a"', 'stage=~"seconds|minutes"']

    [updated] = amtool.json("silence", "update", "--duration=2h", "--comment=still", made)
    assert (updated["id"], updated["comment"]) == (made, "still")
    [silence] = amtool.json("silence", "query", "host=a")
    assert (silence["id"], silence["startsAt"], silence["endsAt"] > hour_later(ours.ends_at)) == (
        made, moment(ours.starts_at), True,
    )  # fmt: skip

    amtool("silence", "expire", made)
    assert amtool("silence", "query", "-q") == ""
    assert amtool("silence", "query", "-q", "--expired", "--within=1h") == made
    assert hosts(amtool.json("alert", "query")) == {"a", 'b "ü"'}


def test_amtool_carries_silences_over(amtool: Amtool, tmp_path: Path) -> None:
    made = amtool("silence", "add", "--author=kim", "--comment=c", "host=nowhere", "site!=x", "rack!~y.*")
    saved = tmp_path / "silences.json"
    saved.write_text(json.dumps(amtool.json("silence", "query", "host=nowhere")))
    amtool("silence", "expire", made)
    amtool("silence", "import", str(saved))
    [again] = amtool.json("silence", "query", "host=nowhere")
    assert again["id"] != made
    assert [(each["name"], each["isEqual"], each["isRegex"]) for each in again["matchers"]] == [
        ("host", True, False), ("rack", False, True), ("site", False, False),
    ]  # fmt: skip
    amtool("silence", "expire", again["id"])


def test_amtool_adds_alerts_finds_silences_and_ends_them(rtmd: Rtmd, amtool: Amtool) -> None:
    words = ["alertname=disk", "host=z", "severity=page", "--annotation=summary=full"]
    amtool("alert", "add", *words, "--generator-url=http://here/graph")
    [alert] = amtool.json("alert", "query", "severity=page")
    assert (alert["labels"], alert["annotations"], alert["generatorURL"]) == (
        {"alertname": "disk", "host": "z", "severity": "page"}, {"summary": "full"}, "http://here/graph",
    )  # fmt: skip
    assert [each["name"] for each in alert["receivers"]] == ["log"]
    [ours] = [firing for firing in rtmd.client.open_firings() if firing.rule == "disk"]
    assert (ours.title, ours.stage, ours.severity) == ("full", "minutes", "critical")
    assert ours.origin is not None
    made = amtool("silence", "add", "--author=kim", "--comment=c", "severity=page")
    [alert] = amtool.json("alert", "query", "--silenced", "alertname=disk")
    assert alert["status"] == {"state": "suppressed", "silencedBy": [made], "inhibitedBy": []}
    amtool("silence", "expire", made)
    amtool("alert", "add", *words, f"--end={after(-1)}", f"--start={after(-60)}")
    assert amtool.json("alert", "query", "alertname=disk") == []
    refused = amtool.run("alert", "add", "disk", f"--start={after(5)}", f"--end={after(-5)}")
    assert refused.returncode != 0
    assert "start time must be before end time" in refused.stderr


def test_amtool_reads_the_route_tree(amtool: Amtool) -> None:
    assert '"receiver": "log"' in amtool("config", "show")
    assert "severity=" in amtool("config", "routes", "show")
    assert amtool("config", "routes", "test", "severity=critical") == "log"


def test_a_view_only_listener_refuses_to_silence(tmp_path: Path) -> None:
    with Rtmd(tmp_path, "", {"r.toml": RULES}).start() as rtmd:
        amtool = Amtool(rtmd.tcp)
        assert amtool.json("alert", "query") == []
        refused = amtool.run("silence", "add", "--author=kim", "--comment=c", "host=a")
        assert refused.returncode != 0
        assert rtmd.client.silences() == []


def moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def hour_later(at: int) -> str:
    return moment(at + 3_000_000)  # most of an hour later


def after(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def posted(**changes: Any) -> dict[str, Any]:
    matchers = [{"name": "host", "value": "z", "isRegex": False, "isEqual": True}]
    body = {"matchers": matchers, "startsAt": after(-5), "endsAt": after(600), "createdBy": "kim", "comment": "c"}
    return {**body, **changes}


def test_alerts_go_as_they_do_in_alertmanager(rtmd: Rtmd, alertmanager: Alertmanager) -> None:
    zero = "0001-01-01T00:00:00Z"
    posts: list[tuple[str, dict[str, Any]]] = [
        ("without times", {}),
        ("an end of its own", {"startsAt": after(-50), "endsAt": after(500)}),
        ("none again: its own stays", {"startsAt": after(-40)}),
        ("an earlier end", {"startsAt": after(-45), "endsAt": after(100)}),
        ("an earlier start", {"startsAt": after(-90), "endsAt": after(700), "annotations": {"summary": "b"}}),
        ("times that are zero", {"startsAt": zero, "endsAt": zero, "generatorURL": "http://b/"}),
        ("its end", {"startsAt": after(-90), "endsAt": after(-1)}),
        ("a new one", {"startsAt": after(0), "endsAt": after(300)}),
        ("one that starts later", {"startsAt": after(100), "endsAt": after(400)}),
        ("an end before the start", {"startsAt": after(10), "endsAt": after(5)}),
        ("no labels", {"labels": {}}),
        ("labels without values", {"labels": {"a": ""}}),
        ("a label without a name", {"labels": {"": "a"}}),
        ("nothing", {"labels": ...}),
        ("another shape", {"labels": ["a"]}),
        ("no time", {"startsAt": "noon"}),
        ("an empty value", {"labels": {"alertname": "beside", "empty": ""}, "endsAt": after(600)}),
    ]
    labels = {"alertname": "beside", "b": "ü"}
    with httpx.Client(trust_env=False, timeout=30) as client:
        for what, changes in posts:
            body = [{key: each for key, each in {"labels": labels, **changes}.items() if each is not ...}]
            answers = [client.post(f"{url}/api/v2/alerts", json=body) for url in (rtmd.tcp, alertmanager.url)]
            assert len({(answer.status_code, answer.content == b"") for answer in answers}) == 1, what
            ours, theirs = (seen(client, url) for url in (rtmd.tcp, alertmanager.url))
            assert ours == theirs, what


def seen(client: httpx.Client, url: str) -> dict[str, tuple[Any, ...]]:
    """The alerts by fingerprint; times to within half a minute: ours are another moment's."""
    alerts = client.get(f"{url}/api/v2/alerts", params={"filter": "alertname=beside"}).json()
    now = datetime.now(UTC)
    return {
        each["fingerprint"]: (
            each["labels"],
            each["annotations"],
            *(round((datetime.fromisoformat(each[key]) - now).total_seconds() / 30) for key in ("startsAt", "endsAt")),
        )
        for each in alerts
    }


class Beside:
    """The same requests to rtmd and to Alertmanager; ids are told by the order in which they were made."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/api/v2", trust_env=False, timeout=30)
        self._made: list[str] = []

    def close(self) -> None:
        self._client.close()

    def post(self, body: Mapping[str, Any], edits: int | None = None) -> tuple[int, object]:
        """Status and answer; words only as far as they are alike."""
        whole = dict(body) if edits is None else {**body, "id": self._made[edits]}
        answer = self._client.post("/silences", json=whole)
        told = answer.json()
        if answer.status_code == 200:
            self._made += [told["silenceID"]] if told["silenceID"] not in self._made else []
            return 200, self._made.index(told["silenceID"])
        return answer.status_code, re.sub(r"(label matcher \d: ).*", r"\1", told) if isinstance(told, str) else told

    def expire(self, number: int) -> int:
        return self._client.delete(f"/silence/{self._made[number]}").status_code

    def states(self) -> dict[int, tuple[str, str, object]]:
        """State, comment and matchers of each."""
        silences = self._client.get("/silences").json()
        return {
            self._made.index(each["id"]): (
                each["status"]["state"], each["comment"], sorted(each["matchers"], key=lambda one: str(one["name"]))
            )
            for each in silences
            if each["id"] in self._made
        }  # fmt: skip

    def order(self, *filters: str) -> list[int]:
        silences = self._client.get("/silences", params={"filter": list(filters)}).json()
        return [self._made.index(each["id"]) for each in silences if each["id"] in self._made]

    def start(self, number: int) -> str:
        return str(self._client.get(f"/silence/{self._made[number]}").json()["startsAt"])


def test_silences_go_as_they_do_in_alertmanager(rtmd: Rtmd, alertmanager: Alertmanager) -> None:
    both = [Beside(rtmd.tcp), Beside(alertmanager.url)]
    other = [{"name": "host", "value": "y", "isRegex": True, "isEqual": False}, *posted()["matchers"]]

    def alike(what: str, *answers: object) -> None:
        assert answers[0] == answers[1], what

    def post(what: str, body: Mapping[str, Any], edits: int | None = None) -> None:
        alike(what, *(each.post(body, edits) for each in both))
        alike(f"states: {what}", *(each.states() for each in both))

    try:
        post("one that starts in the past", posted())
        post("one that is pending", posted(startsAt=after(300), comment="later"))
        post("one without isEqual", posted(matchers=[{"name": "a", "value": "b", "isRegex": True}]))
        starts = [each.start(0) for each in both]
        for each, start in zip(both, starts, strict=True):
            assert each.post(posted(startsAt=start, endsAt=after(900), comment="longer"), 0) == (200, 0)
            assert each.post(posted(startsAt=start[:19] + "Z", endsAt=after(950), comment="longer"), 0) == (200, 0)
        post("a pending one is moved", posted(startsAt=after(400), endsAt=after(700), comment="moved"), 1)
        post("an active one gets other matchers", posted(matchers=other), 0)
        post("a pending one would have started", posted(startsAt=after(-60)), 1)
        post("an expired one is edited", posted(comment="anew"), 0)
        post("an active one would start later", posted(startsAt=after(60)), 3)
        alike("order", *(each.order() for each in both))
        alike("filter", *(each.order('host="z"', 'host!~"y"') for each in both))
        alike("expire", *(each.expire(4) for each in both))
        alike("states after the expiry", *(each.states() for each in both))
        for name, bad in WRONG.items():
            post(name, {key: value for key, value in posted(**bad).items() if value is not ...})
    finally:
        for each in both:
            each.close()


WRONG: dict[str, dict[str, Any]] = {
    "no matchers": {"matchers": []},
    "a matcher without isRegex": {"matchers": [{"name": "a", "value": "b"}]},
    "matchers that match everything": {"matchers": [{"name": "a", "value": ".*", "isRegex": True}]},
    "a pattern that cannot be": {"matchers": [{"name": "a", "value": "(", "isRegex": True}]},
    "no name": {"matchers": [{"name": "", "value": "b", "isRegex": False}]},
    "no comment": {"comment": ...},
    "no author": {"createdBy": ...},
    "no start": {"startsAt": ...},
    "an end before the start": {"startsAt": after(300), "endsAt": after(200)},
    "an end in the past": {"startsAt": after(-300), "endsAt": after(-200)},
    "an id that nobody has": {"id": "0ff8f0f1-7ebd-4cbd-9a0d-2e1a1e5f5e5e"},
}

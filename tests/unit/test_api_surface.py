from __future__ import annotations

import gzip
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from fakes_api import ME, NOW, FakeDesk, Served, config, firing_view, serving, silence_view
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from rtmd.api import ingest
from rtmd.api.answers import BodyBudget
from rtmd.api.doors import doors
from rtmd.config import Limits, Role
from rtmd.errors import FormatError
from rtmd.formats.batch import SeriesLimits, SeriesTable
from rtmd.formats.compression import encode_snappy
from rtmd.formats.remote_write import encode_write
from rtmd.model.effects import Answered
from rtmd.model.inputs import AckEnded, AckSet, MarkMade, SilenceExpired, SilenceSet
from rtmd.model.mark import MarkKind
from rtmd.model.rule import StageName
from rtmd.runtime.loop import stuck
from rtmd.wire import FiringDetail, FiringView, RuleErrorView, StatusView
from rtmd.wire.marks import MarkView
from rtmd.wire.rules import RuleFileView, RuleView
from rtmd.wire.silences import SilenceView

BASE = "/api/rtmd/v1"
FROM = f"unix uid {os.geteuid()}"
WRITE = "/api/v1/write"
SAMPLES = "/api/v1/samples"
POST = encode_snappy(encode_write([({"__name__": "mentions_total", "brand": "acme"}, [(NOW, 1.0), (NOW + 1, 2.0)])]))


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    limits = Limits(body_bytes=64 * 1024, decoded_bytes=256 * 1024)
    async with serving(tmp_path, config(tcp_role=Role.VIEW, limits=limits)) as running:
        yield running


async def test_what_can_be_read_is_what_the_desk_says(served: Served) -> None:
    desk = served.desk

    async def read(path: str, kind: object) -> object:
        answer = await served.tcp.get(BASE + path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        return msgspec.json.decode(answer.content, type=kind)

    assert await read("/firings", list[FiringView]) == desk.firings()
    assert await read("/firings/f1", FiringDetail) == desk.detail("f1")
    assert await read("/rules", list[RuleView]) == desk.rules()
    assert await read("/silences", list[SilenceView]) == desk.silences()
    assert await read("/status", StatusView) == desk.status()


async def test_of_rule_files_only_the_daemons_own_are_told(served: Served) -> None:
    served.desk.rule_files["rules/mentions.toml"] = RuleFileView("/etc/rtmd/rules/mentions.toml", 3, 4)
    answer = await served.tcp.get(f"{BASE}/rules/file", params={"name": "rules/mentions.toml"})
    assert answer.json() == {"path": "/etc/rtmd/rules/mentions.toml", "device": 3, "inode": 4}
    for name in ("/etc/passwd", ""):
        assert (await served.tcp.get(f"{BASE}/rules/file", params={"name": name})).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", BASE + "/firings/f9", 404),
        ("GET", "/nothing", 404),
        ("GET", BASE + "/ack", 405),
        ("DELETE", BASE + "/firings", 405),
        ("GET", WRITE, 405),
        ("POST", BASE + "/stream", 405),
        ("GET", "/-/reload", 405),
    ],
)
async def test_every_error_is_a_problem(served: Served, method: str, path: str, status: int) -> None:
    answer = await served.unix.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]


async def test_health_and_metrics_are_text(served: Served) -> None:
    assert (await served.tcp.get("/-/healthy")).text == "rtmd is healthy.\n"
    assert (await served.tcp.get("/-/ready")).status_code == 200
    page = await served.tcp.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "rtmd_firings 1" in page.text


async def test_health_ends_when_rules_are_not_evaluated(served: Served) -> None:
    served.desk.stuck = "the last evaluation was 7 s ago"
    answer = await served.tcp.get("/-/healthy")
    assert (answer.status_code, answer.text) == (503, "rtmd is not healthy: the last evaluation was 7 s ago.\n")


def test_rules_are_not_evaluated_when_no_step_was_made_for_five_seconds() -> None:
    assert stuck(NOW, NOW + 5_000) == ""
    assert stuck(NOW, NOW + 7_900) == "the last evaluation was 7 s ago"


async def test_a_silence_for_a_firing_becomes_an_input_and_its_answer_is_the_steps(served: Served) -> None:
    answer = await served.unix.post(f"{BASE}/silence", json={"firing": "f1", "comment": "known"})
    assert (answer.status_code, answer.json()) == (200, {"id": "made-1"})
    [silence] = served.desk.asked
    assert isinstance(silence, SilenceSet)
    assert (silence.request, silence.by, silence.comment) == (1, ME, "known")


async def test_many_are_taken_at_once_and_one_that_cannot_be_keeps_nobody_from_the_others(served: Served) -> None:
    body = {"firings": {"f1": 3, "f2": 0}, "length": 60_000, "note": "ours"}
    answer = await served.unix.post(f"{BASE}/ack/many", json=body)
    assert answer.json() == {"done": ["f1", "f2"], "refused": {}}
    served.desk.answered = Answered(request=1, status=409, error="bo has it")
    answer = await served.unix.post(f"{BASE}/ack/many", json=body)
    assert (answer.status_code, answer.json()) == (200, {"done": [], "refused": {"f1": "bo has it", "f2": "bo has it"}})
    first, second, *_ = served.desk.asked
    assert first == AckSet(1, ME, "f1", 3, 60_000, "ours", origin=FROM)
    assert second == AckSet(2, ME, "f2", 0, 60_000, "ours", origin=FROM)
    for wrong in ({}, {"": 0}, {f"f{n}": 0 for n in range(1_001)}):
        assert (await served.unix.post(f"{BASE}/ack/many", json={"firings": wrong})).status_code == 400


async def test_an_ack_is_given_back_as_it_was_seen(served: Served) -> None:
    await served.unix.post(f"{BASE}/ack/end", json={"firing": "f1", "version": 4})
    assert served.desk.asked == [AckEnded(1, ME, "f1", 4, origin=FROM)]


async def test_expire_and_ack_become_inputs(served: Served) -> None:
    await served.unix.post(f"{BASE}/silence/expire", json={"id": "s1"})
    await served.unix.post(f"{BASE}/ack", json={"firing": "f1", "version": 3, "note": "on it"})
    assert served.desk.asked == [
        SilenceExpired(request=1, by=ME, id="s1", origin=FROM),
        AckSet(request=2, by=ME, firing_id="f1", version=3, note="on it", origin=FROM),
    ]


async def test_the_audit_trail_is_for_those_who_may_change_things(served: Served) -> None:
    assert [each["seq"] for each in (await served.unix.get(f"{BASE}/audit?what=ack")).json()] == [1]
    assert (await served.unix.get(f"{BASE}/audit/verify")).json()["problem"] == ""
    assert (await served.unix.get(f"{BASE}/audit?limit=x")).status_code == 400
    for path in ("audit", "audit/verify"):
        assert (await served.tcp.get(f"{BASE}/{path}")).status_code == 403


async def test_the_story_of_a_firing_is_told_to_whoever_may_look(served: Served) -> None:
    answer = await served.tcp.get(f"{BASE}/explain/f1?receiver=desk")
    assert answer.json()["firing"]["id"] == "f1"
    assert (await served.tcp.get(f"{BASE}/explain/f9")).status_code == 404
    assert served.desk.explained == [("f1", "desk"), ("f9", "")]


async def test_the_curve_of_a_firing_is_asked_for_by_stage_and_with_as_many_points_as_wanted(served: Served) -> None:
    answer = await served.tcp.get(f"{BASE}/firings/f1/curve?stage=hours&points=100")
    assert answer.json()["values"] == [1.0, None]
    assert (await served.tcp.get(f"{BASE}/firings/f9/curve")).status_code == 404
    assert served.desk.drawn == [("f1", StageName.HOURS, 100), ("f9", None, 240)]
    for wrong in ("points=1", "points=1001", "points=01000999999", "points=x", "points=²", "stage=days"):
        assert (await served.tcp.get(f"{BASE}/firings/f1/curve?{wrong}")).status_code == 400


async def test_marks_are_made_and_read(served: Served) -> None:
    await served.unix.post(f"{BASE}/mark", json={"text": "v2", "kind": "deploy", "labels": {"b": "x", "a": "y"}})
    assert served.desk.asked == [MarkMade(1, ME, MarkKind.DEPLOY, "v2", (("a", "y"), ("b", "x")), origin=FROM)]
    served.desk.kept_marks = [MarkView("m1", 5, "post", "old"), MarkView("m2", 7, "deploy", "v2")]
    assert [each["id"] for each in (await served.tcp.get(f"{BASE}/marks?since=6")).json()] == ["m2"]
    assert (await served.tcp.get(f"{BASE}/marks?since=x")).status_code == 400


async def test_a_preview_says_what_a_silence_would_hide_and_needs_no_role(served: Served) -> None:
    answer = await served.tcp.post(f"{BASE}/silence/preview", json={"firing": "f1", "lift": "resolved"})
    assert (answer.status_code, answer.json()["matches"], answer.json()["of"]) == (200, 3, 12)
    assert served.desk.asked == []


async def test_what_has_to_be_confirmed_is_answered_with_why(served: Served) -> None:
    served.desk.answered = Answered(request=1, status=428, error="this hides much", confirm=("hides much",))
    answer = await served.unix.post(f"{BASE}/silence", json={"firing": "f1"})
    assert (answer.status_code, answer.json()) == (428, {"error": "this hides much", "confirm": ["hides much"]})


async def test_an_edit_is_of_the_version_that_was_read_or_seen(served: Served) -> None:
    served.desk.kept_silences = [silence_view(version=4)]
    await served.unix.post(f"{BASE}/silence", json={"id": "s1", "length": 60_000})
    await served.unix.post(f"{BASE}/silence", json={"id": "s1", "length": 60_000, "version": 3})
    await served.unix.post(f"{BASE}/silence/expire", json={"id": "s1", "version": 3})
    assert [getattr(each, "version", None) for each in served.desk.asked] == [4, 3, 3]


async def test_a_refusal_of_the_step_keeps_its_status_and_words(served: Served) -> None:
    served.desk.answered = Answered(request=1, status=409, error="bo acked it 2 s ago")
    answer = await served.unix.post(f"{BASE}/ack", json={"firing": "f1", "version": 2})
    assert (answer.status_code, answer.json()) == (409, {"error": "bo acked it 2 s ago"})


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/silence", '{"matchers": []}', 400, "at least one matcher"),
        ("/silence", '{"firing": "f9"}', 404, "no firing"),
        ("/silence", '{"id": "s9", "length": 5}', 404, "no silence"),
        ("/ack", '{"firing": "f1", "lenght": 5}', 400, 'did you mean "length"'),
        ("/ack", '{"firing": "\\ud800"}', 400, ""),
        ("/mark", '{"text": ""}', 400, "what happened"),
        ("/mark", '{"text": "x", "kind": "deploi"}', 400, 'did you mean "deploy"'),
        ("/mark", '{"text": "x", "labels": {"kind": "deploy"}}', 400, "rtmd sets it"),
        ("/mark", '{"text": "x", "labels": {"a b": "c"}}', 400, "is no label"),
        ("/mark", '{"text": "x", "labels": {"a": ""}}', 400, "empty"),
        ("/mark", '{"text": "x", "labels": {"a": "\\ud800"}}', 400, ""),
        ("/mark", '{"text": "x", "time": -1}', 400, "ms since the epoch"),
        ("/ack", '{"\\ud800": 1}', 400, ""),
        ("/silence", '{"comment": "' + "x" * 70_000 + '"}', 413, "over the limit"),
    ],
)
async def test_a_wrong_request_changes_nothing(served: Served, path: str, body: str, status: int, words: str) -> None:
    answer = await served.unix.post(BASE + path, content=body)
    assert (answer.status_code, served.desk.asked) == (status, [])
    assert words in answer.json()["error"]


@pytest.mark.parametrize(
    "path", [f"{BASE}/silence", f"{BASE}/silence/expire", f"{BASE}/ack", f"{BASE}/mark", "/-/reload"]
)
async def test_tcp_may_look_but_not_change(served: Served, path: str) -> None:
    answer = await served.tcp.post(path, json={"firing": "f1", "id": "s1"})
    assert answer.status_code == 403
    assert "tcp has view" in answer.json()["error"]
    assert (served.desk.asked, served.desk.reloads) == ([], [])


async def test_a_new_configuration_counts_from_the_next_request(served: Served) -> None:
    served.app.configure(config(tcp_role=Role.OPERATE, limits=Limits(body_bytes=10)))
    assert (await served.tcp.post(f"{BASE}/ack", json={"firing": "f1"})).status_code == 200
    assert (await served.tcp.post("/-/reload")).status_code == 403
    assert (await served.tcp.post(WRITE, content=POST)).status_code == 413


async def test_reload_tells_which_files_keep_their_last_good_version(served: Served) -> None:
    assert (await served.unix.post("/-/reload")).status_code == 200
    served.desk.errors = [RuleErrorView("rules/mentions.toml", 14, 1, "minutes.above must be > clear")]
    answer = await served.unix.post("/-/reload")
    assert answer.status_code == 400
    assert answer.json() == {"error": "rules/mentions.toml:14:1: minutes.above must be > clear"}


@pytest.mark.parametrize("path", [WRITE, SAMPLES, f"{BASE}/stream", f"{BASE}/firings", "/-/healthy"])
async def test_a_browser_is_refused_on_every_path(served: Served, path: str) -> None:
    assert (await served.tcp.post(path, headers={"Origin": "http://localhost"})).status_code == 403
    assert (await served.unix.post(path, headers={"Origin": "http://localhost"})).status_code == 403
    assert (await served.tcp.post(path, headers={"Host": "evil.example"})).status_code == 403


async def test_a_client_of_the_unix_socket_may_make_up_its_host(served: Served) -> None:
    assert (await served.unix.get("/-/healthy", headers={"Host": "x"})).status_code == 200


async def test_remote_write_is_one_batch(served: Served) -> None:
    answer = await served.tcp.post(WRITE, content=POST, headers={"Content-Encoding": "snappy"})
    assert (answer.status_code, answer.headers["x-prometheus-remote-write-samples-written"]) == (204, "2")
    [(source, batch)] = served.desk.batches
    assert (source, list(batch.values), list(batch.times)) == ("remote_write", [1.0, 2.0], [NOW, NOW + 1])


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_json_samples_are_one_batch(served: Served, encoding: str) -> None:
    body = b'[{"metric": "posts", "labels": {"topic": "a"}, "value": 3}]'
    content = gzip.compress(body) if encoding == "gzip" else body
    answer = await served.unix.post(SAMPLES, content=content, headers={"Content-Encoding": encoding})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "refused": {}})
    [(source, batch)] = served.desk.batches
    assert (source, list(batch.times)) == ("samples", [NOW])


async def test_series_over_a_limit_are_counted_in_the_answer(tmp_path: Path) -> None:
    desk = FakeDesk()
    desk.series = SeriesTable(SeriesLimits(series=1))
    body = [{"metric": name, "value": 1} for name in ("a", "b", "c")]
    async with serving(tmp_path, desk=desk) as served:
        answer = await served.tcp.post(SAMPLES, json=body)
        assert answer.json() == {"accepted": 1, "refused": {"too_many_series": 2}}
        answer = await served.tcp.post(WRITE, content=POST)
        assert (answer.status_code, answer.headers["x-rtmd-series-refused"]) == (204, "too_many_series=1")


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "reason"),
    [
        (WRITE, b"", {}, 400, "bad_snappy"),
        (WRITE, b"\xff\xff\xff\xff\x0f" + b"x", {}, 413, "body_too_large"),
        (WRITE, encode_snappy(b"\xff" * 100), {}, 400, "bad_protobuf"),
        (WRITE, POST, {"Content-Encoding": "zstd"}, 415, "unknown_encoding"),
        (WRITE, POST, {"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"}, 415, None),
        (WRITE, b"x" * 10_000_000, {}, 413, "body_too_large"),
        (SAMPLES, gzip.compress(b" " * 1_000_000, mtime=0), {"Content-Encoding": "gzip"}, 413, "body_too_large"),
        (SAMPLES, b"not gzip", {"Content-Encoding": "gzip"}, 400, "bad_gzip"),
        (SAMPLES, b"[" * 50_000, {}, 400, "bad_sample"),
        (SAMPLES, b"nonsense", {}, 400, "bad_json"),
        (SAMPLES, b'[{"metric": "\xff", "value": 1}]', {}, 400, "bad_utf8"),
        (SAMPLES, b'[{"metric": "a", "value": 1}, {"metric": "b"}]', {}, 400, "bad_sample"),
    ],
)
async def test_a_hostile_post_is_refused_with_a_counted_reason(
    served: Served, path: str, body: bytes, headers: dict[str, str], status: int, reason: str | None
) -> None:
    answer = await served.tcp.post(path, content=body, headers=headers)
    told = answer.json()
    assert (answer.status_code, told["reason"]) == (status, reason or "unsupported_version")
    assert (dict(served.desk.drops), served.desk.batches) == ({told["reason"]: 1}, [])
    assert (await served.tcp.get("/-/healthy")).status_code == 200


async def test_a_body_without_a_length_is_cut_off_at_the_limit(served: Served) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"x" * 65_536

    answer = await served.tcp.post(WRITE, content=endless())
    assert (answer.status_code, served.desk.drops) == (413, {"body_too_large": 1})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=400), snappy=st.booleans())
def test_any_bytes_are_taken_or_refused_with_a_reason(body: bytes, *, snappy: bool) -> None:
    desk = FakeDesk()
    for door in doors(desk).values():
        path = ingest.Ingest(desk, Limits(), BodyBudget(1000), door)
        encoding = {"content-encoding": "snappy"} if snappy else {}
        content = encode_snappy(body) if snappy else body
        with suppress(FormatError):
            path.take(content, Headers(encoding))


async def test_too_many_bytes_at_once_wait_outside(served: Served) -> None:
    budget = BodyBudget(100)
    budget.take(80)
    with pytest.raises(HTTPException) as refused:
        budget.take(30)
    assert (refused.value.status_code, refused.value.headers) == (429, {"Retry-After": "1"})
    budget.give(80)
    budget.take(100)
    assert served.desk.drops == {}


async def test_an_answer_with_awkward_strings_is_still_json(served: Served) -> None:
    served.desk.open["f1"] = firing_view(title='\x1b]52;c;x\x07"\u202e\n', labels={"a": "\u2028"})
    answer = await served.tcp.get(f"{BASE}/firings/f1")
    assert answer.json()["firing"]["title"] == '\x1b]52;c;x\x07"\u202e\n'


async def test_a_failure_inside_is_a_500_that_tells_nothing(served: Served) -> None:
    served.desk.failure = RuntimeError("secret")
    answer = await served.tcp.get(f"{BASE}/status")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    served.desk.failure = None
    assert (await served.tcp.get(f"{BASE}/status")).status_code == 200


async def test_the_stream_works_over_the_wire(served: Served) -> None:
    async with served.unix.stream("GET", f"{BASE}/stream") as stream:
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        lines = stream.aiter_lines()
        assert await anext(lines) == "event: snapshot"
        assert (await anext(lines)).startswith(f"id: {served.desk.epoch}:")
        snapshot = msgspec.json.decode((await anext(lines)).removeprefix("data: "))
        assert (snapshot["you"], snapshot["role"], len(snapshot["firings"])) == (ME, "admin", 1)
        await anext(lines)
        served.hub.touched(["f1"])
        assert await anext(lines) == "event: changes"

"""Silences by Alertmanager's API over a desk: how they are read, what becomes of a post, and refusals."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fakes_alertmanager import API, SILENCE, WILD, transport
from fakes_api import ME, NOW, Served, config, serving
from hypothesis import given, settings
from hypothesis import strategies as st

from rtmd.config import Role
from rtmd.formats.query_json import show_moment
from rtmd.model.effects import Answered
from rtmd.model.inputs import SilenceExpired, SilenceSet
from rtmd.model.matcher import Matcher, MatchOp
from rtmd.model.replace import replace
from rtmd.model.silence import Silence

POSTED: dict[str, Any] = {
    "matchers": [{"name": "brand", "value": "acme", "isRegex": False, "isEqual": True}],
    "startsAt": "2026-09-21T14:00:00Z",
    "endsAt": "2026-09-21T15:13:20.123456789Z",
    "createdBy": "kim",
    "comment": "known",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WILD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WILD, inner, max_size=3),
    max_leaves=6,
)
MATCHER = st.fixed_dictionaries(
    {"name": WILD, "value": WILD, "isRegex": st.booleans()}, optional={"isEqual": st.booleans() | st.none()}
)
TIMES = st.datetimes().map(lambda when: f"{when.isoformat()}Z") | st.sampled_from(
    ["2026-09-21T14:00:00Z", "2026-09-21T16:00:00+01:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"]
)
SILENCES = st.fixed_dictionaries(
    {
        "matchers": st.lists(MATCHER, max_size=3) | JSON,
        "startsAt": TIMES | JSON,
        "endsAt": TIMES | JSON,
        "createdBy": WILD | JSON,
        "comment": WILD | JSON,
    },
    optional={"id": st.sampled_from(["", SILENCE.id]) | JSON},
)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, config(tcp_role=Role.OPERATE)) as running:
        running.desk.alertmanager.kept = [SILENCE]
        yield running


async def test_a_silence_is_read_with_both_flags_of_each_matcher(served: Served) -> None:
    expected = {
        "id": "a1b2c3d4e5",
        "status": {"state": "active"},
        "updatedAt": "2026-09-21T14:12:19.500Z",
        "matchers": [
            {"name": "brand", "value": "a.*", "isRegex": True, "isEqual": True},
            {"name": "desk", "value": "x", "isRegex": False, "isEqual": False},
            {"name": "rule", "value": "surge", "isRegex": False, "isEqual": True},
            {"name": "site", "value": "y|z", "isRegex": True, "isEqual": False},
        ],
        "startsAt": "2026-09-21T14:12:19.500Z",
        "endsAt": "2026-09-21T14:14:20.000Z",
        "createdBy": "ana",
        "comment": "known",
    }
    assert (await served.tcp.get(f"{API}/silences")).json() == [expected]
    assert (await served.tcp.get(f"{API}/silence/a1b2c3d4e5")).json() == expected


async def test_silences_come_as_they_matter_and_are_found_by_their_own_matchers(served: Served) -> None:
    def silence(name: str, start: int, end: int) -> Silence:
        return replace(SILENCE, id=name, starts_at=NOW + start, ends_at=NOW + end)

    served.desk.alertmanager.kept = [
        silence("old", -9, -8), silence("ended", -9, -5), silence("next", 2, 9), silence("soon", 1, 10),
        silence("long", -9, 9), silence("short", -9, 3),
    ]  # fmt: skip

    async def found(*filters: str, **others: str) -> list[str]:
        answer = await served.tcp.get(f"{API}/silences", params={"filter": list(filters), **others})
        return [each["id"] for each in answer.json()]

    assert await found() == ["short", "long", "soon", "next", "ended", "old"]
    assert len(await found("brand=~'a.*'", "rule=surge")) == 6
    assert await found("brand='a.*'") == []
    assert await found("brand=~'a.*'", "rule=other") == []
    assert (len(await found(creator="ana")), await found(creator="bo")) == (6, [])


async def test_a_posted_silence_becomes_an_input_under_the_name_that_is_known(served: Served) -> None:
    answer = await served.tcp.post(f"{API}/silences", json=POSTED)
    assert (answer.status_code, answer.json()) == (200, {"silenceID": "made-1"})
    await served.unix.post(f"{API}/silences", json=POSTED)
    wanted = SilenceSet(
        request=1,
        by="tcp",
        matchers=(Matcher("brand", MatchOp.EQUAL, "acme"),),
        starts_at=NOW - 800_000,
        ends_at=NOW + 3_600_123,
        comment="known",
        author="kim",
        origin="tcp 127.0.0.1",
    )
    own = replace(wanted, request=2, by=ME, author="", origin=f"unix uid {os.geteuid()}")
    assert served.desk.asked == [wanted, own]


async def test_an_edit_counts_only_on_the_silence_that_was_read(served: Served) -> None:
    body = {**POSTED, "id": SILENCE.id}
    assert (await served.tcp.post(f"{API}/silences", json=body)).status_code == 200
    [asked] = served.desk.asked
    assert isinstance(asked, SilenceSet)
    assert asked.version == SILENCE.version
    seen = show_moment(SILENCE.updated_at)
    assert (await served.tcp.post(f"{API}/silences", json={**body, "updatedAt": seen})).status_code == 200
    late = await served.tcp.post(f"{API}/silences", json={**body, "updatedAt": "2026-09-21T14:00:01Z"})
    assert (late.status_code, late.json()) == (409, f"ana was first and changed the silence {SILENCE.id}")


async def test_what_hides_much_is_meant_by_how_its_comment_begins(served: Served) -> None:
    served.desk.answered = Answered(1, 428, error="…", confirm=("hides 60 of 80 open firings",))
    answer = await served.tcp.post(f"{API}/silences", json=POSTED)
    why = 'hides 60 of 80 open firings: begin the comment with "confirmed" to mean it'
    assert (answer.status_code, answer.json()) == (400, why)
    served.desk.answered = Answered(1, id="s2")
    await served.tcp.post(f"{API}/silences", json={**POSTED, "comment": "Confirmed: move of the data centre"})
    assert [getattr(each, "confirmed", None) for each in served.desk.asked] == [False, True]


@pytest.mark.parametrize(
    ("flags", "op"),
    [
        ({"isRegex": False}, "="),
        ({"isRegex": True}, "=~"),
        ({"isRegex": False, "isEqual": None}, "="),
        ({"isRegex": True, "isEqual": True}, "=~"),
        ({"isRegex": False, "isEqual": False}, "!="),
        ({"isRegex": True, "isEqual": False}, "!~"),
    ],
)
async def test_a_matcher_is_told_by_its_flags(served: Served, flags: dict[str, Any], op: str) -> None:
    sure = {"name": "stage", "value": "seconds", "isRegex": False}
    matchers = [sure, {"name": "severity", "value": "info", **flags}]
    answer = await served.tcp.post(f"{API}/silences", json={**POSTED, "matchers": matchers})
    assert answer.status_code == 200
    [asked] = served.desk.asked
    assert isinstance(asked, SilenceSet)
    assert list(map(str, asked.matchers)) == ['stage="seconds"', f'severity{op}"info"']


@pytest.mark.parametrize(
    ("starts_at", "kept"),
    [("2026-09-21T14:12:19Z", True), ("2026-09-21T14:12:19.5Z", True), ("2026-09-21T14:12:20Z", False)],
)
async def test_the_start_of_a_running_silence_is_the_same_within_its_second(
    served: Served, starts_at: str, *, kept: bool
) -> None:
    body = {**POSTED, "id": SILENCE.id, "startsAt": starts_at}
    assert (await served.tcp.post(f"{API}/silences", json=body)).status_code == 200
    [asked] = served.desk.asked
    assert isinstance(asked, SilenceSet)
    assert (asked.id, asked.starts_at == SILENCE.starts_at) == (SILENCE.id, kept)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in POSTED.items() if key != name}


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (without("comment"), 422, {"code": 602, "message": "comment in body is required"}),
        (without("startsAt"), 422, {"code": 602, "message": "startsAt in body is required"}),
        ({**POSTED, "matchers": []}, 422, {"code": 612, "message": "matchers in body should have at least 1 items"}),
        (
            {**POSTED, "matchers": [{"name": "a", "value": "b"}]},
            422,
            {"code": 602, "message": "matchers.0.isRegex in body is required"},
        ),
        (
            {**POSTED, "endsAt": "2026-09-21T13:00:00Z"},
            400,
            "Failed to create silence: start time must be before end time",
        ),
        (
            {**POSTED, "startsAt": "2026-09-21T12:00:00Z", "endsAt": "2026-09-21T13:00:00Z"},
            400,
            "Failed to create silence: end time can't be in the past",
        ),
        (
            {**POSTED, "matchers": [{"name": "a", "value": ".*", "isRegex": True}]},
            400,
            "silence invalid: at least one matcher must not match the empty string",
        ),
        ({**POSTED, "id": "nobody"}, 404, "silence not found"),
        ({**POSTED, "createdBy": "x" * 201}, 400, "createdBy has more than 200 characters"),
    ],
)
async def test_a_silence_that_cannot_be_is_refused_in_alertmanagers_words(
    served: Served, body: dict[str, Any], status: int, told: object
) -> None:
    answer = await served.tcp.post(f"{API}/silences", json=body)
    assert (answer.status_code, answer.json()) == (status, told)
    assert served.desk.asked == []


@pytest.mark.parametrize(
    "body", ["{", "[]", "null", '{"matchers": [null]}', json.dumps({**POSTED, "startsAt": "soon"})]
)
async def test_what_is_no_silence_is_refused_with_a_code(served: Served, body: str) -> None:
    answer = await served.tcp.post(f"{API}/silences", content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert answer.json()["message"].startswith('parsing silence body from "" failed, because ')


async def test_a_pattern_or_a_name_that_cannot_be_is_named_by_its_place(served: Served) -> None:
    for matcher, words in [
        ({"name": "a", "value": "(", "isRegex": True}, "is not a regular expression"),
        ({"name": "", "value": "x", "isRegex": False}, 'invalid label name ""'),
    ]:
        body = {**POSTED, "matchers": [*POSTED["matchers"], matcher]}
        answer = await served.tcp.post(f"{API}/silences", json=body)
        assert answer.status_code == 400
        assert answer.json().startswith("silence invalid: invalid label matcher 1: ")
        assert words in answer.json()


async def test_what_the_step_refuses_keeps_its_status_and_words(served: Served) -> None:
    served.desk.answered = Answered(request=1, status=400, error="a silence lasts at most 30 days")
    for answer in (
        await served.tcp.post(f"{API}/silences", json=POSTED),
        await served.tcp.delete(f"{API}/silence/{SILENCE.id}"),
    ):
        assert (answer.status_code, answer.json()) == (400, "a silence lasts at most 30 days")


async def test_a_silence_is_expired_by_its_id(served: Served) -> None:
    answer = await served.tcp.delete(f"{API}/silence/{SILENCE.id}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert served.desk.asked == [SilenceExpired(request=1, by="tcp", id=SILENCE.id, origin="tcp 127.0.0.1")]
    for method in ("GET", "DELETE"):
        answer = await served.tcp.request(method, f"{API}/silence/nobody")
        assert (answer.status_code, answer.json()) == (404, "silence not found")


async def test_only_operators_silence(served: Served) -> None:
    served.app.configure(config(tcp_role=Role.VIEW))
    assert (await served.tcp.post(f"{API}/silences", json=POSTED)).status_code == 403
    assert (await served.tcp.delete(f"{API}/silence/{SILENCE.id}")).status_code == 403
    assert (await served.tcp.get(f"{API}/silences")).status_code == 200
    assert served.desk.asked == []


@settings(max_examples=300, deadline=None)
@given(
    body=SILENCES.map(lambda body: json.dumps(body).encode())
    | JSON.map(lambda body: json.dumps(body).encode())
    | st.binary(max_size=60)
)
async def test_no_body_breaks_an_answer(body: bytes) -> None:
    async with httpx.AsyncClient(transport=transport(), base_url="http://localhost") as client:
        answer = await client.post(f"{API}/silences", content=body)
    assert answer.status_code in {200, 400, 404, 422}
    answer.json()

"""Receivers and the outbox over HTTP and on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from fakes_api import ME, Served, config, serving

from rtmd.cli import main
from rtmd.config import Role
from rtmd.wire.deliveries import OutboxView, ReceiverView, RetryRequest, TryResult

BASE = "/api/rtmd/v1"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, config(tcp_role=Role.VIEW)) as running:
        yield running


async def rtmd(served: Served, *arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, main, arguments, env={"RTMD_CONNECT": str(served.path)})


async def test_receivers_and_outbox_can_be_read_by_everybody(served: Served) -> None:
    desk = served.desk.deliveries
    receivers = await served.tcp.get(f"{BASE}/receivers")
    assert msgspec.json.decode(receivers.content, type=list[ReceiverView]) == desk.receivers()
    outbox = await served.tcp.get(f"{BASE}/outbox")
    assert msgspec.json.decode(outbox.content, type=OutboxView) == desk.outbox()


async def test_retrying_and_testing_need_the_role_operate_and_say_who_it_was(served: Served) -> None:
    for path, body in (("outbox/retry", {"all": True}), ("receivers/test", {"receiver": "desk"})):
        assert (await served.tcp.post(f"{BASE}/{path}", json=body)).status_code == 403
        assert (await served.unix.post(f"{BASE}/{path}", json=body)).status_code == 200
    assert served.desk.deliveries.asked == [(ME, RetryRequest(all=True)), (ME, "desk")]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("outbox/retry", {}, 400, "say which: keys, receiver or all"),
        ("outbox/retry", {"keys": ["a"], "all": True}, 400, "say which"),
        ("outbox/retry", {"key": "a"}, 400, 'did you mean "keys"?'),
        ("outbox/retry", {"keys": ["none"]}, 404, "there is no such dead letter"),
        ("receivers/test", {"receiver": "dsk"}, 404, 'there is no receiver "dsk"'),
    ],
)
async def test_what_cannot_be_done_is_refused_in_words(
    served: Served, path: str, body: dict[str, object], status: int, words: str
) -> None:
    answer = await served.unix.post(f"{BASE}/{path}", json=body)
    assert (answer.status_code, words in answer.json()["error"]) == (status, True)


async def test_receivers_are_a_table_with_their_circuits(served: Served) -> None:
    for verb in (("receivers",), ("receivers", "list")):
        result = await rtmd(served, *verb)
        assert result.exit_code == 0, result.output
        assert result.output.splitlines()[1].split() == [
            "desk", "slack", "open", "2", "1", "mail", "hooks.example:", "answered", "503",
        ]  # fmt: skip


async def test_the_outbox_is_a_table_of_what_waits_and_what_was_given_up(served: Served) -> None:
    for verb in (("outbox",), ("outbox", "list")):
        result = await rtmd(served, *verb)
        assert result.exit_code == 0, result.output
        assert [line.split()[:4] for line in result.output.splitlines()[1:]] == [
            ["f2/desk/1", "desk", "in", "5s"],
            ["f1/desk/1", "desk", "dead", "0s"],
        ]


async def test_a_retry_says_how_many_are_on_their_way_and_which_are_meant_must_be_said(served: Served) -> None:
    assert (await rtmd(served, "outbox", "retry", "f1/desk/1")).output == "1 on their way again.\n"
    assert (await rtmd(served, "outbox", "retry")).exit_code == 2
    assert (await rtmd(served, "outbox", "retry", "a", "--all")).exit_code == 2


async def test_the_exit_code_of_a_test_is_its_outcome(served: Served) -> None:
    assert (await rtmd(served, "receivers", "test", "desk")).output == "desk: delivered\n"
    served.desk.deliveries.result = TryResult("desk", "hooks.example: answered 404", permanent=True)
    failed = await rtmd(served, "receivers", "test", "desk")
    assert failed.exit_code == 1
    assert failed.output == "desk: hooks.example: answered 404 (it would not be tried again)\n"
    assert (await rtmd(served, "receivers", "test", "desk", "--json")).exit_code == 1


def test_a_test_without_a_daemon_needs_the_receiver_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rtmd.toml"
    path.write_text('[receivers.quiet]\nkind = "log"\n')
    sent = CliRunner().invoke(main, ["receivers", "test", "quiet", "--config", str(path)])
    assert (sent.exit_code, "quiet: delivered" in sent.output) == (0, True)
    missing = CliRunner().invoke(main, ["receivers", "test", "loud", "--config", str(path)])
    assert (missing.exit_code, "there is no receiver" in missing.output) == (1, True)
    path.write_text("[receivers.slack]\n")
    wrong = CliRunner().invoke(main, ["receivers", "test", "slack", "--config", str(path)])
    assert (wrong.exit_code, "rtmd.toml:1:12: receivers.slack: url is missing" in wrong.output) == (1, True)

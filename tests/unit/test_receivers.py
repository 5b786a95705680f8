"""Receivers: the body they are given, and what they make of what the far side says."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import math
import os
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from fakes import StillClock
from fakes_receivers import AT, MENTIONS, voice

from rtmd.config import CommandReceiver, LogReceiver, WebhookReceiver
from rtmd.errors import PermanentError, RetryableError
from rtmd.model.firing import Ack, Clause, Evidence, Exemplar, Firing, StageRecord, StageState
from rtmd.model.reaction import Alert, Notification, NotifyReason, Told
from rtmd.model.replace import replace
from rtmd.model.rule import Severity, StageName
from rtmd.receivers.body import notification_body, summary
from rtmd.receivers.command import Command
from rtmd.receivers.log import LogSink
from rtmd.receivers.make import Kit, make_receivers
from rtmd.receivers.post import Post, make_transport, retry_after
from rtmd.receivers.signature import SIGNATURE, TIMESTAMP
from rtmd.receivers.webhook import Posted
from rtmd.wire.bodies import NotificationBody
from rtmd.wire.pictures import firing_view

SECRET_URL = "https://user:hunter2@hooks.example/T0/secret-path?token=hunter3"  # noqa: S105  # a made-up one

EVIDENCE = Evidence(AT, (Clause("window", "sum > 120", 182.0, holds=True),), (Exemplar("wow", "ann", 9.0, "u"),))
FIRING = replace(
    MENTIONS,
    id="f1",
    stages=(
        MENTIONS.stages[0],
        StageRecord(StageName.MINUTES, StageState.FIRING, value=182.0, peak=190.0, evidence=EVIDENCE),
    ),
    links=(("runbook", "https://x"),),
    ack=Ack("ana", AT, AT + 1),
)


def note(firing: Firing = FIRING, told: Told = Told.RAISED) -> Notification:
    return Notification("f1/desk/2", "desk", AT, NotifyReason.NEW, (Alert(firing, told, 2, "minutes fired"),))


NOTE = note()


def test_the_summary_says_what_where_how_much_since_when_and_how_it_turned_out() -> None:
    assert summary(NOTE) == (
        "Mentions of acme: raised to minutes, 182 posts against > 120, since 07:48:00 UTC (12m), seconds confirmed"
    )


def test_the_body_is_the_documented_one_with_the_evidence_of_the_stage() -> None:
    body = msgspec.json.decode(notification_body(NOTE), type=NotificationBody)
    (alert,) = body.alerts
    assert (body.key, body.status, body.reason) == ("f1/desk/2", "firing", "new firing")
    assert (alert.seq, alert.status, alert.message, alert.reason) == (2, "firing", "raised", "minutes fired")
    assert alert.firing == firing_view(FIRING)
    assert alert.firing.labels == {"brand": "acme", "team": "desk"}
    assert (alert.firing.value, *(stage.threshold for stage in alert.firing.stages)) == (182.0, "", "> 120")
    assert alert.evidence is not None
    assert alert.evidence.exemplars[0].author == "ann"


def test_firings_that_are_told_together_share_a_body() -> None:
    other = replace(FIRING, id="f2", resolved_at=AT)
    both = replace(NOTE, alerts=(*NOTE.alerts, Alert(other, Told.RESOLVED, 1, "cleared")), group=(("brand", "acme"),))
    body = msgspec.json.decode(notification_body(both), type=NotificationBody)
    assert [(alert.firing.id, alert.status) for alert in body.alerts] == [("f1", "firing"), ("f2", "resolved")]
    assert (body.status, body.group, body.standing) == ("firing", {"brand": "acme"}, [])
    assert body.summary.endswith("seconds confirmed; and 1 more")


def test_what_stands_in_the_group_keeps_its_message_from_being_resolved() -> None:
    ended = note(replace(FIRING, resolved_at=AT), Told.RESOLVED)
    assert ended.resolved
    beside = replace(ended, standing=(replace(FIRING, id="f2"),))
    body = msgspec.json.decode(notification_body(beside), type=NotificationBody)
    assert (body.status, body.alerts[0].status, body.standing[0].id) == ("firing", "resolved", "f2")
    assert body.summary.endswith("; and 1 standing")


def test_a_resolved_firing_is_told_as_resolved() -> None:
    ended = note(replace(FIRING, resolved_at=AT), Told.RESOLVED)
    body = msgspec.json.decode(notification_body(ended), type=NotificationBody)
    assert (body.status, body.alerts[0].message, body.alerts[0].firing.state) == ("resolved", "resolved", "resolved")
    assert summary(ended).startswith("Mentions of acme: resolved, ")


def test_values_that_json_cannot_hold_are_null() -> None:
    odd = replace(FIRING, stages=(StageRecord(StageName.MINUTES, StageState.RECOVERING, value=math.nan),))
    body = json.loads(notification_body(note(odd)))
    assert body["alerts"][0]["firing"]["value"] is None
    assert body["alerts"][0]["firing"]["state"] == "recovering"


async def test_the_log_gets_one_safe_line_at_the_level_of_the_severity(caplog: pytest.LogCaptureFixture) -> None:
    hostile = replace(FIRING, title="a\x1b[31m\nb\u202e", severity=Severity.CRITICAL)
    with caplog.at_level(logging.INFO, logger="rtmd.notify"):
        await LogSink("log").send(note(hostile))
        await LogSink("log").send(note(told=Told.RESOLVED))
    first, second = caplog.records
    assert first.getMessage().startswith("a␛[31m␊b\ufffd: raised to minutes")
    assert (first.levelno, second.levelno) == (logging.ERROR, logging.INFO)
    assert first.__dict__["firing"] == "f1"


class NoContent(httpx.AsyncByteStream):
    """An answer without a body that, like a real one, has not been read yet."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        return
        yield b""


def answered(status: int, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, headers=headers, stream=NoContent())


def webhook(
    answer: Callable[[httpx.Request], httpx.Response], *, timeout: int = 1_000, secrets: tuple[str, ...] = ()
) -> Posted:
    config = WebhookReceiver("desk", SECRET_URL, timeout, secrets=secrets)
    return Posted(
        config,
        Post(httpx.MockTransport(answer), config.url, timeout),
        voice=voice(),
        clock=StillClock(AT),
        daemon="rtmd",
    )


async def test_a_webhook_posts_the_body_under_its_key() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answered(204)

    await webhook(answer).send(NOTE)
    (request,) = seen
    assert request.method == "POST"
    assert request.headers["Idempotency-Key"] == "f1/desk/2"
    assert request.headers["Content-Type"] == "application/json"
    assert request.content == notification_body(NOTE)


async def test_a_webhook_with_secrets_is_signed_with_each_over_time_key_and_body() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answered(204)

    await webhook(answer, secrets=("new", "old")).send(NOTE)
    (request,) = seen
    assert request.headers[TIMESTAMP] == "1800000000"
    signed = b"1800000000.f1/desk/2." + request.content
    wanted = [hmac.new(secret, signed, hashlib.sha256).hexdigest() for secret in (b"new", b"old")]
    assert request.headers[SIGNATURE] == f"v1={wanted[0]},v1={wanted[1]}"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
async def test_what_may_work_later_is_retryable(status: int) -> None:
    with pytest.raises(RetryableError, match=f"hooks.example: answered {status}") as failed:
        await webhook(lambda _: answered(status, {"Retry-After": "7"})).send(NOTE)
    assert failed.value.retry_after == 7_000


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 410, 413])
async def test_what_will_never_work_is_permanent_and_redirects_are_not_followed(status: int) -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return answered(status, {"Location": "https://elsewhere.example"})

    with pytest.raises(PermanentError, match=f"answered {status}"):
        await webhook(answer).send(NOTE)
    assert len(asked) == 1


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ReadError])
async def test_trouble_on_the_way_is_retryable_and_tells_no_secrets(error: type[httpx.TransportError]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error(f"cannot reach {request.url}")

    with pytest.raises(RetryableError) as failed:
        await webhook(answer).send(NOTE)
    assert "hooks.example" in str(failed.value)
    shown = f"{failed.value!r} {webhook(answer)!r}"
    assert "hunter" not in shown
    assert "secret-path" not in shown
    assert failed.value.__suppress_context__


class Drip(httpx.AsyncByteStream):
    """An answer that never ends: byte after byte, or nothing at all."""

    def __init__(self, chunk: bytes) -> None:
        self.chunk = chunk
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.chunk:
            self.read += len(self.chunk)
            yield self.chunk
        await asyncio.Event().wait()


async def test_an_answer_that_never_comes_to_an_end_takes_no_longer_than_the_time_limit() -> None:
    with pytest.raises(RetryableError, match="no answer within"):
        await webhook(lambda _: httpx.Response(200, stream=Drip(b"")), timeout=20).send(NOTE)


async def test_an_endless_answer_is_read_to_64_kib_only() -> None:
    drip = Drip(b"x" * 1024)
    await webhook(lambda _: httpx.Response(200, stream=drip)).send(NOTE)
    assert drip.read <= 66 * 1024


async def test_a_url_that_is_none_is_permanent() -> None:
    async with make_transport() as transport:
        with pytest.raises(PermanentError, match="no URL"):
            await Post(transport, "ftp://hooks.example/x", 1_000)(b"{}", {})


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("", None),
        ("soon", None),
        ("0", 0),
        ("120", 120_000),
        ("0.65", 650),
        ("99999999999999", 900_000),
        ("Fri, 15 Jan 2027 08:01:30 GMT", 90_000),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
        ("Sat, 16 Jan 2027 08:00:00 GMT", 900_000),
        ("-5", None),
        ("١٢", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_at_most_fifteen_minutes(header: str, wait: int | None) -> None:
    assert retry_after(header, datetime.fromtimestamp(AT / 1000, UTC)) == wait


def command(script: str, *args: str, timeout: int = 10_000) -> Command:
    return Command(CommandReceiver("cmd", ("/bin/sh", "-c", script, "sh", *args), timeout))


async def test_a_command_gets_the_body_on_stdin(tmp_path: Path) -> None:
    await command('cat > "$1"', str(tmp_path / "body")).send(NOTE)
    assert (tmp_path / "body").read_bytes() == notification_body(NOTE)


async def test_a_command_need_not_read_a_large_body() -> None:
    await command("exit 0").send(note(replace(FIRING, title="x" * 1_000_000)))


@pytest.mark.parametrize("code", [64, 65, 77, 78, 126, 127])
async def test_exit_codes_that_mean_never_are_permanent(code: int) -> None:
    with pytest.raises(PermanentError, match=f"exit {code}: no such room"):
        await command(f"echo no such room >&2; exit {code}").send(NOTE)


@pytest.mark.parametrize("script", ["exit 75", "exit 1", "kill -9 $$"])
async def test_every_other_failure_is_retryable(script: str) -> None:
    with pytest.raises(RetryableError):
        await command(script).send(NOTE)


async def test_a_command_that_cannot_be_started_is_permanent() -> None:
    with pytest.raises(PermanentError, match="cannot be started: No such file"):
        await Command(CommandReceiver("cmd", ("/no/such/program",))).send(NOTE)


async def test_the_time_limit_kills_the_whole_group(tmp_path: Path) -> None:
    with pytest.raises(RetryableError, match="not done within"):
        await command('sleep 600 & echo $! > "$1"; wait', str(tmp_path / "child"), timeout=300).send(NOTE)
    child = int((tmp_path / "child").read_text())
    assert _gone(child)


async def test_a_cancelled_command_leaves_nothing_running(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ready")
    running = asyncio.create_task(command('echo $$ > "$1"; exec sleep 600', str(tmp_path / "ready")).send(NOTE))
    pid = int(await asyncio.to_thread((tmp_path / "ready").read_text))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert _gone(pid)


def _gone(pid: int) -> bool:
    """Dead, or a zombie that init has not collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


async def test_each_table_becomes_its_receiver() -> None:
    async with make_transport() as transport:
        made = make_receivers(
            {
                "log": LogReceiver("log"),
                "desk": WebhookReceiver("desk", SECRET_URL),
                "cmd": CommandReceiver("cmd", (sys.executable,)),
            },
            Kit(transport, StillClock(AT)),
        )
    assert [type(receiver) for receiver in made.values()] == [LogSink, Posted, Command]
    assert [receiver.name for receiver in made.values()] == list(made)


async def test_a_user_and_password_in_the_url_become_authorization() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answered(204)

    await Post(httpx.MockTransport(answer), "https://ana:p%40ss@hooks.example/x", 1_000)(b"{}", {})
    assert seen[0].headers["Authorization"] == httpx.BasicAuth("ana", "p@ss")._auth_header


async def test_what_is_no_url_is_permanent() -> None:
    async with make_transport() as transport:
        for url in ("hooks.example/x", "ftp://hooks.example/x", ""):
            with pytest.raises(PermanentError, match="no URL"):
                await Post(transport, url, 1_000)(b"{}", {})

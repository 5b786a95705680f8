"""The daemon over a Unix socket or TCP: its stream of changes, and the mutations.

HTTP/1.1 on asyncio streams, one connection a request, so that the first paint needs nothing but msgspec.
`follow` never ends and never raises for what can go wrong outside: it says so (`Down`) and tries again after
0.5, 1, 2, 4, 5, 5 … s. It keeps the stream whole: a message that does not follow the last one means something
was missed, so it reconnects without `Last-Event-ID` and gets a new snapshot. Decoding is sliced: after 5 ms of it
the event loop gets its turn, also within a message of ten thousand firings.

Limits of time are `asyncio.timeout`: on Python 3.11 `wait_for` loses a cancellation that comes with the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar
from urllib.parse import quote

import msgspec

from rtmd.wire import (
    ROLE_HEADER,
    STREAM_BEAT,
    STREAM_CHANGES,
    STREAM_SNAPSHOT,
    AckRequest,
    Beat,
    Changes,
    Done,
    FiringView,
    Problem,
    Snapshot,
)
from rtmd.wire.acks import AcksDone, AcksRequest, UnackRequest
from rtmd.wire.actions import ApproveRequest, DeclineRequest, HoldRequest, RerunRequest
from rtmd.wire.audit import AuditView
from rtmd.wire.curves import CurveView
from rtmd.wire.deliveries import ReceiverView
from rtmd.wire.explain import ExplainView
from rtmd.wire.marks import MarkRequest
from rtmd.wire.noise import MissedRequest, NoiseView, VerdictRequest
from rtmd.wire.rules import ReloadView, RuleFileView, RuleView
from rtmd.wire.silences import ExpireRequest, SilencePreview, SilenceRequest, SilenceView
from tui.http import HEAD_LIMIT, Body, EventReader, Head, ProtocolError, ServerEvent, parse_head, request
from tui.picture import Message
from tui.target import RefusedError, Target, words

BASE = "/api/rtmd/v1"
BACKOFF = (0.5, 1.0, 2.0, 4.0, 5.0)
SILENT_AFTER = 10.0  # s without a byte: beats come each second, so the link is dead
ANSWER_WITHIN = 10.0
SLICE = 0.005
_READ = 65_536
_ANSWER_LIMIT = 64 * 1024 * 1024

_TOKEN = re.compile(r"[A-Za-z0-9_.~+/=-]+")
_T = TypeVar("_T")

_DECODERS: dict[str, Callable[[bytes], Message]] = {
    STREAM_SNAPSHOT: msgspec.json.Decoder(Snapshot).decode,
    STREAM_CHANGES: msgspec.json.Decoder(Changes).decode,
    STREAM_BEAT: msgspec.json.Decoder(Beat).decode,
}
_LONG = 200_000  # bytes of a message that is decoded firing by firing


class _LongSnapshot(Snapshot, frozen=True):
    firings: list[msgspec.Raw]  # type: ignore[assignment]  # decoded one by one


class _LongChanges(Changes, frozen=True):
    firings: list[msgspec.Raw] = msgspec.field(default_factory=list)  # type: ignore[assignment]


_LONG_DECODERS: dict[str, Callable[[bytes], _LongSnapshot | _LongChanges]] = {
    STREAM_SNAPSHOT: msgspec.json.Decoder(_LongSnapshot).decode,
    STREAM_CHANGES: msgspec.json.Decoder(_LongChanges).decode,
}
_decode_firing = msgspec.json.Decoder(FiringView).decode


class Down(msgspec.Struct, frozen=True):
    """The link is down for the next `retry_in` ms."""

    problem: str
    retry_in: int


class Client:
    """Speaks to one daemon."""

    def __init__(self, target: str, backoff: tuple[float, ...] = BACKOFF, *, read_only: bool = False) -> None:
        self.target = Target.parse(target)
        self._role = {ROLE_HEADER: "view"} if read_only else {}
        token = os.environ.get("RTMD_TOKEN", "").strip()
        self._identity = {"Authorization": f"Bearer {token}"} if _TOKEN.fullmatch(token) else {}
        self._backoff = backoff
        self._epoch = ""
        self._seq = 0
        self._wake = asyncio.Event()

    async def follow(self) -> AsyncGenerator[Message | Down, None]:
        """The stream, for ever; whoever leaves it before that closes it."""
        failures = 0
        while True:
            problem = ""
            try:
                async with self._get_stream() as got, contextlib.aclosing(self._messages(*got)) as messages:
                    async for message in messages:
                        failures = 0
                        yield message
                problem = f"{self.target} closed the stream"
            except _GapError:
                if failures == 0:  # a second gap in a row waits like any failure
                    failures = 1
                    continue
                problem = f"{self.target} keeps skipping messages"
            except (OSError, ProtocolError, RefusedError, msgspec.MsgspecError, asyncio.IncompleteReadError) as error:
                problem = words(error, self.target)
            wait = self._backoff[min(failures, len(self._backoff) - 1)]
            failures += 1
            yield Down(problem, int(wait * 1000))
            await self._pause(wait)

    def retry_now(self) -> None:
        """Do not wait for the next try."""
        self._wake.set()

    async def ack(self, wanted: AckRequest) -> Done:
        """Take a firing."""
        return await self._post("ack", wanted)

    async def ack_many(self, wanted: AcksRequest) -> AcksDone:
        """Take many firings."""
        return await self._ask("POST", f"{BASE}/ack/many", AcksDone, msgspec.json.encode(wanted))

    async def unack(self, wanted: UnackRequest) -> Done:
        """Give a firing back."""
        return await self._post("ack/end", wanted)

    async def silence(self, wanted: SilenceRequest) -> Done:
        """Make a silence, or change one."""
        return await self._post("silence", wanted)

    async def preview(self, wanted: SilenceRequest) -> SilencePreview:
        """What a silence would hide."""
        return await self._ask("POST", f"{BASE}/silence/preview", SilencePreview, msgspec.json.encode(wanted))

    async def audit(self, limit: int) -> list[AuditView]:
        """Who changed what lately, newest last."""
        return await self._ask("GET", f"{BASE}/audit?limit={limit}", list[AuditView])

    async def expire(self, silence_id: str, version: int = 0) -> Done:
        """End a silence now."""
        return await self._post("silence/expire", ExpireRequest(silence_id, version))

    async def approve(self, wanted: ApproveRequest) -> Done:
        """Let an action run."""
        return await self._post("approve", wanted)

    async def decline(self, wanted: DeclineRequest) -> Done:
        """Have an action not run."""
        return await self._post("decline", wanted)

    async def hold(self, wanted: HoldRequest) -> Done:
        """Stop all actions."""
        return await self._post("hold", wanted)

    async def release(self) -> Done:
        """Let actions run again."""
        return await self._ask("POST", f"{BASE}/release", Done)

    async def rerun(self, wanted: RerunRequest) -> Done:
        """Run an action once more."""
        return await self._post("rerun", wanted)

    async def explain(self, firing_id: str, receiver: str = "") -> ExplainView:
        """Everything recorded about a firing; of its story, what concerned a receiver if one is named."""
        path = f"{BASE}/explain/{quote(firing_id, safe='')}"
        return await self._ask("GET", f"{path}?receiver={quote(receiver, safe='')}" if receiver else path, ExplainView)

    async def receivers(self) -> list[ReceiverView]:
        """All who may be told."""
        return await self._ask("GET", f"{BASE}/receivers", list[ReceiverView])

    async def curve(self, firing_id: str, points: int, stage: str = "") -> CurveView:
        """Its signal over time, in at most so many points; of the stage that it has, or of another."""
        path = f"{BASE}/firings/{quote(firing_id, safe='')}/curve?points={points}"
        return await self._ask("GET", f"{path}&stage={quote(stage, safe='')}" if stage else path, CurveView)

    async def silences(self) -> list[SilenceView]:
        """All silences that are remembered."""
        return await self._ask("GET", f"{BASE}/silences", list[SilenceView])

    async def verdict(self, wanted: VerdictRequest) -> Done:
        """Say what a firing was."""
        return await self._post("verdict", wanted)

    async def mark(self, wanted: MarkRequest) -> Done:
        """Report that something happened."""
        return await self._post("mark", wanted)

    async def missed(self, wanted: MissedRequest) -> Done:
        """Report what a rule did not see."""
        return await self._post("missed", wanted)

    async def rules(self) -> list[RuleView]:
        """The rules of the daemon."""
        return await self._ask("GET", f"{BASE}/rules", list[RuleView])

    async def noise(self, days: int) -> NoiseView:
        """How noisy they were."""
        return await self._ask("GET", f"{BASE}/noise?days={days}", NoiseView)

    async def reload(self) -> ReloadView:
        """What the latest reload did."""
        return await self._ask("GET", f"{BASE}/rules/reload", ReloadView)

    async def rule_file(self, name: str) -> RuleFileView:
        """Where a rule file is."""
        return await self._ask("GET", f"{BASE}/rules/file?name={quote(name, safe='')}", RuleFileView)

    async def _pause(self, seconds: float) -> None:
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        async with asyncio.timeout(ANSWER_WITHIN):
            if self.target.path:
                reader, writer = await asyncio.open_unix_connection(self.target.path, limit=HEAD_LIMIT)
            else:
                reader, writer = await asyncio.open_connection(self.target.host, self.target.port, limit=HEAD_LIMIT)
        try:
            yield reader, writer
        finally:
            writer.close()

    @contextlib.asynccontextmanager
    async def _get_stream(self) -> AsyncIterator[tuple[asyncio.StreamReader, Body]]:
        headers = self._headers(accept="text/event-stream")
        if self._epoch:
            headers["Last-Event-ID"] = f"{self._epoch}:{self._seq}"
        async with self._connected() as (reader, writer):
            writer.write(request("GET", f"{BASE}/stream", headers))
            async with asyncio.timeout(ANSWER_WITHIN):
                head = await _head(reader)
            body = Body(head)
            if head.status != 200:
                raise _refusal(head, await _whole(reader, body))
            yield reader, body

    def _headers(self, accept: str) -> dict[str, str]:
        host = "localhost" if self.target.path else f"{self.target.host}:{self.target.port}"
        return {"Host": host, "Accept": accept, "User-Agent": "rtmd-tui", **self._role, **self._identity}

    async def _messages(self, reader: asyncio.StreamReader, body: Body) -> AsyncGenerator[Message, None]:
        events = EventReader()
        while not body.complete:
            async with asyncio.timeout(SILENT_AFTER):
                received = await reader.read(_READ)
            if not received:
                return
            turn = time.monotonic()
            for event in events.feed(body.feed(received)):
                message = await _decoded(event)
                if message is not None and self._follows(message, event):
                    yield message
                if time.monotonic() - turn > SLICE:
                    await asyncio.sleep(0)
                    turn = time.monotonic()

    def _follows(self, message: Message, event: ServerEvent) -> bool:
        """Whether the message is news; raises when something was missed before it."""
        if isinstance(message, Snapshot):
            self._epoch, self._seq = message.epoch, message.seq
            return True
        epoch = event.id.rpartition(":")[0]
        if not self._epoch or (epoch and epoch != self._epoch) or message.seq > self._seq + 1:
            self._epoch = ""
            raise _GapError
        news = message.seq > self._seq or isinstance(message, Beat)
        self._seq = max(self._seq, message.seq)
        return news

    async def _post(self, path: str, wanted: msgspec.Struct) -> Done:
        return await self._ask("POST", f"{BASE}/{path}", Done, msgspec.json.encode(wanted))

    async def _ask(self, method: str, path: str, kind: type[_T], body: bytes = b"") -> _T:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                return await self._exchange(method, path, kind, body)
        except (OSError, ProtocolError, msgspec.MsgspecError, asyncio.IncompleteReadError) as error:
            raise RefusedError(words(error, self.target)) from error

    async def _exchange(self, method: str, path: str, kind: type[_T], body: bytes) -> _T:
        headers = self._headers(accept="application/json") | {"Connection": "close"}
        if body:
            headers["Content-Type"] = "application/json"
        async with self._connected() as (reader, writer):
            writer.write(request(method, path, headers, body))
            head = await _head(reader)
            content = await _whole(reader, Body(head))
        if not 200 <= head.status < 300:
            raise _refusal(head, content)
        return msgspec.json.decode(content, type=kind)


async def _decoded(event: ServerEvent) -> Message | None:
    """The message of an event; None for a kind that is not known."""
    if len(event.content) <= _LONG or event.name not in _LONG_DECODERS:
        return _DECODERS[event.name](event.content) if event.name in _DECODERS else None
    whole = _LONG_DECODERS[event.name](event.content)
    firings: list[FiringView] = []
    turn = time.monotonic()
    for raw in whole.firings:
        firings.append(_decode_firing(raw))
        if time.monotonic() - turn > SLICE:
            await asyncio.sleep(0)
            turn = time.monotonic()
    kind = Snapshot if isinstance(whole, _LongSnapshot) else Changes
    return kind(**{**msgspec.structs.asdict(whole), "firings": firings})


class _GapError(Exception):
    """A message of the stream was missed."""


async def _head(reader: asyncio.StreamReader) -> Head:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise ProtocolError("the answer is not HTTP") from None
    return parse_head(raw[:-4])


async def _whole(reader: asyncio.StreamReader, body: Body) -> bytes:
    content = bytearray()
    while not body.complete:
        async with asyncio.timeout(ANSWER_WITHIN):
            received = await reader.read(_READ)
        if not received:
            break
        content += body.feed(received)
        if len(content) > _ANSWER_LIMIT:
            raise ProtocolError("the answer is too long")
    return bytes(content)


def _refusal(head: Head, content: bytes) -> RefusedError:
    try:
        problem = msgspec.json.decode(content, type=Problem)
    except msgspec.MsgspecError:
        return RefusedError(f"rtmd answered {head.status}")
    return RefusedError(problem.error, problem.confirm)

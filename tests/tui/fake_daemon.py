"""A daemon without rules: a scripted server on a Unix socket (or TCP) that speaks the stream and the mutations.

Tests push what they like; mutations are recorded, change the world as the real daemon would, and are pushed to
every reader of the stream. `python fake_daemon.py SOCKET` serves a busy evening for looking at the screen.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, cast
from urllib.parse import parse_qs, unquote

import msgspec
import world

from rtmd.wire import AckRequest, AckView, Beat, Changes, Done, FiringView, Problem, Snapshot
from rtmd.wire.acks import AcksDone, AcksRequest, UnackRequest
from rtmd.wire.actions import ApproveRequest, DeclineRequest, HoldRequest, HoldView, RerunRequest
from rtmd.wire.marks import MarkRequest, MarkView
from rtmd.wire.noise import MissedRequest, VerdictRequest
from rtmd.wire.rules import RuleFileView
from rtmd.wire.silences import ExpireRequest, SilencePreview, SilenceRequest, SilenceView

Decision: TypeAlias = ApproveRequest | DeclineRequest | RerunRequest | HoldRequest
Mutation: TypeAlias = (
    UnackRequest | AckRequest | SilenceRequest | ExpireRequest | VerdictRequest | MissedRequest | MarkRequest
)
KINDS: dict[str, Any] = {
    "ack": AckRequest,
    "ack/many": AcksRequest,
    "ack/end": UnackRequest,
    "silence": SilenceRequest,
    "silence/preview": SilenceRequest,
    "silence/expire": ExpireRequest,
    "verdict": VerdictRequest,
    "missed": MissedRequest,
    "mark": MarkRequest,
    "approve": ApproveRequest,
    "decline": DeclineRequest,
    "hold": HoldRequest,
    "rerun": RerunRequest,
}
NAMES = {Snapshot: "snapshot", Changes: "changes", Beat: "beat"}


class FakeDaemon:
    """One world, any number of readers."""

    def __init__(self, firings: list[FiringView] | None = None, *, chunked: bool = True, **status: Any) -> None:
        self.firings = {one.id: one for one in (world.busy() if firings is None else firings)}
        self.status = status
        self.role = "operate"
        self.chunked = chunked
        self.seq = 0
        self.epoch = "e1"
        self.requests: list[tuple[str, Any]] = []
        self.resumes: list[str] = []
        self.refuse = ""  # the error of every mutation
        self.asks: list[str] = []  # what silences have to be confirmed for
        self.lost: set[str] = set()  # firings that somebody else took first
        self.moved = 0  # ms that the daemon's clocks went on
        self.marks = [world.MARK]
        self.silences: dict[str, SilenceView] = {}
        self.rules = world.rules()
        self.noise = world.noise()
        self.reloaded = world.RELOADED
        self.audit = world.audit()
        self.rule_files: dict[str, RuleFileView] = {}
        self.joined = asyncio.Event()
        self._readers: list[asyncio.StreamWriter] = []
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None

    @asynccontextmanager
    async def serving(self, path: str = "") -> AsyncIterator[str]:
        """Serve on a Unix socket, or without a path on a free TCP port; gives the target."""
        if path:
            self._server = await asyncio.start_unix_server(self._serve, path)
            target = path
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            target = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        try:
            yield target
        finally:
            self._server.close()
            for writer in self._connections.values():
                writer.transport.abort()
            await asyncio.gather(*self._connections, return_exceptions=True)

    def hang_up(self) -> None:
        """Drop every reader."""
        for writer in self._readers:
            writer.close()
        self._readers.clear()

    def view_status(self) -> Any:
        """The header as of now."""
        hidden = sum(1 for one in self.firings.values() if one.silenced_by)
        facts = {
            "silences": sum(each.state == "active" for each in self.silences.values()) or (1 if hidden else 0),
            "silenced": hidden,
        }
        clocks = {"wall": world.WALL + self.moved, "at": world.AT + self.moved, "evaluated_at": world.AT + self.moved}
        return world.status(**(facts | clocks | self.status))

    def put(self, *firings: FiringView, gone: tuple[str, ...] = ()) -> None:
        """Change the world and tell everybody."""
        self.firings |= {one.id: one for one in firings}
        for firing_id in gone:
            self.firings.pop(firing_id, None)
        self.seq += 1
        self._send(Changes(self.seq, list(firings), list(gone)))

    def beat(self) -> None:
        """Be alive."""
        self.seq += 1
        self._send(Beat(self.seq, self.view_status()))

    def skip(self, count: int = 1) -> None:
        """Lose messages."""
        self.seq += count

    def _send(self, message: Snapshot | Changes | Beat, writer: asyncio.StreamWriter | None = None) -> None:
        body = b"event: %b\nid: %b\ndata: %b\n\n" % (
            NAMES[type(message)].encode(),
            f"{self.epoch}:{message.seq}".encode(),
            msgspec.json.encode(message),
        )
        for each in [writer] if writer else self._readers:
            each.write(b"%x\r\n%b\r\n" % (len(body), body) if self.chunked else body)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._connections[task] = writer
        task.add_done_callback(self._connections.pop)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, path, _ = head.split(" ", 2)
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
            }
            if path.endswith("/stream"):
                self._open_stream(headers, writer)
                await reader.read()  # until the reader goes
                return
            content = await reader.readexactly(int(headers.get("content-length", "0")))
            status, answer = self._answer(method, path, content)
            body = msgspec.json.encode(answer)
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if writer in self._readers:
                self._readers.remove(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _open_stream(self, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        framing = b"transfer-encoding: chunked\r\n" if self.chunked else b""
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n%b\r\n" % framing)
        resume = headers.get("last-event-id", "")
        self.resumes.append(resume)
        self._readers.append(writer)
        self.joined.set()
        if resume != f"{self.epoch}:{self.seq}":
            self.seq += 1
            shown = list(self.firings.values())
            self._send(Snapshot(self.epoch, self.seq, self.view_status(), "ana", self.role, shown, self.marks), writer)

    def _answer(self, method: str, path: str, content: bytes) -> tuple[int, Any]:
        verb = path.removeprefix("/api/rtmd/v1/")
        if method == "POST":
            return self._change(verb, content)
        if (found := self._look_up(*verb.partition("?")[::2])) is not None:
            return 200, found
        return 404, Problem("no such firing")

    def _change(self, verb: str, content: bytes) -> tuple[int, Any]:
        request = msgspec.json.decode(content, type=KINDS[verb]) if verb in KINDS else None
        if verb == "silence/preview":
            return self._preview(request)
        self.requests.append((verb, request))
        if self.refuse:
            return 409, Problem(self.refuse)
        return self._carried_out(request)

    def _carried_out(self, request: Mutation | AcksRequest | Decision | None) -> tuple[int, Any]:
        if isinstance(request, SilenceRequest) and self.asks and not request.confirm:
            return 428, Problem("it has to be confirmed", self.asks)
        if isinstance(request, AcksRequest):
            done = [self._mutate(AckRequest(one)) for one in request.firings if one not in self.lost]
            return 200, AcksDone(done, {one: "bo has it" for one in request.firings if one in self.lost})
        done_to = self._decide(request) if request is None or isinstance(request, Decision) else self._mutate(request)
        return 200, Done(done_to)

    def _decide(self, request: Decision | None) -> str:
        """Approve, decline, run again; hold everything, or (None) lift the hold."""
        wall = world.WALL + self.moved
        match request:
            case ApproveRequest(id=wanted):
                return self._settle(wanted, state="approved", by="ana", decided_at=wall)
            case DeclineRequest(id=wanted, reason=reason):
                return self._settle(wanted, state="declined", by="ana", decided_at=wall, reason=reason)
            case RerunRequest(run=wanted):
                for one in list(self.firings.values()):
                    runs = [
                        msgspec.structs.replace(run, state="started") if run.id == wanted else run for run in one.runs
                    ]
                    self.put(msgspec.structs.replace(one, runs=runs))
                return wanted
            case _:
                self.status["hold"] = HoldView("ana", wall, request.reason) if request is not None else None
                self.beat()
                return ""

    def _settle(self, wanted: str, **facts: Any) -> str:
        for one in list(self.firings.values()):
            if any(each.id == wanted for each in one.proposals):
                found = [
                    msgspec.structs.replace(each, version=each.version + 1, **facts) if each.id == wanted else each
                    for each in one.proposals
                ]
                self.put(msgspec.structs.replace(one, proposals=found, version=one.version + 1))
        return wanted

    def _look_up(self, path: str, query: str) -> Any:  # noqa: PLR0911  # one a path
        """What is asked for by a path of its own."""
        match path:
            case "silences":
                return list(self.silences.values())
            case "receivers":
                return world.receivers()
            case _ if path.endswith("/curve"):
                found = self.firings.get(path.split("/")[1])
                return found and world.curve(found, parse_qs(query).get("stage", [""])[0])
            case _ if path.startswith("explain/"):
                found = self.firings.get(path.removeprefix("explain/"))
                return found and world.story(found, parse_qs(query).get("receiver", [""])[0])
            case "noise":
                return msgspec.structs.replace(self.noise, days=int(query.removeprefix("days=")))
            case "rules/file":
                return self.rule_files.get(unquote(query.removeprefix("name=")))
            case _:
                return {"rules": self.rules, "rules/reload": self.reloaded, "audit": self.audit}.get(path)

    def _mutate(self, request: Mutation) -> str:  # noqa: PLR0911  # one a request
        wall = world.WALL + self.moved
        match request:
            case AckRequest(firing=target):
                ack = AckView("ana", wall, wall + (request.length or 15 * world.MINUTE))
                one = self.firings[target]
                self.put(msgspec.structs.replace(one, ack=ack, version=one.version + 1))
                return target
            case UnackRequest(firing=target):
                one = self.firings[target]
                self.put(msgspec.structs.replace(one, ack=None, version=one.version + 1))
                return target
            case VerdictRequest(firing=target, verdict=verdict):
                one = self.firings[target]
                self.put(msgspec.structs.replace(one, verdict=verdict, version=one.version + 1))
                return target
            case MarkRequest(text=text):
                self.marks.append(MarkView(f"m{len(self.marks) + 1}", wall, request.kind, text, request.labels, "ana"))
                self.seq += 1
                self._send(Changes(self.seq, marks=self.marks[-1:]))
                return self.marks[-1].id
            case MissedRequest(rule=rule):
                return rule
            case SilenceRequest():
                return self._silence(request, wall)
            case ExpireRequest(id=gone):
                if known := self.silences.get(gone):
                    self.silences[gone] = msgspec.structs.replace(known, state="expired", ends_at=wall)
                hit = [one for one in self.firings.values() if gone in one.silenced_by]
                free: dict[str, Any] = {"silenced_by": [], "silenced_until": None, "silencer": ""}
                self.put(*(msgspec.structs.replace(one, **free) for one in hit))
                return gone

    def _preview(self, request: SilenceRequest) -> tuple[int, Any]:
        target = self.firings.get(request.firing)
        if target is None:
            return 404, Problem("no such firing")
        firings = [one for one in self.firings.values() if one.state != "resolved"]
        hit = [one for one in firings if one.rule == target.rule and (request.rule_wide or one.labels == target.labels)]
        critical = sum(one.severity == "critical" and one.stage == "hours" for one in hit)
        return 200, SilencePreview([], world.WALL, world.WALL, "end", len(hit), len(firings), critical)

    def _silence(self, request: SilenceRequest, wall: int) -> str:
        new = f"s{len(self.requests) + 100}"
        facts: dict[str, Any]
        if request.id:
            known = self.silences[request.id]
            over, start = known.state == "expired", max(wall, request.starts_at)
            name = new if over else request.id
            facts = {"id": name, "ends_at": start + request.length, "comment": request.comment or known.comment}
            facts |= {"state": "active", "starts_at": start} if over else {"version": known.version + 1}
            self.silences[name] = msgspec.structs.replace(known, **facts)
            return name
        target, ends = self.firings[request.firing], wall + request.length
        self.silences[new] = SilenceView(new, "active", [], wall, ends, "ana", "", wall)
        hit = [
            one
            for one in self.firings.values()
            if one.rule == target.rule and (request.rule_wide or one.labels == target.labels)
        ]
        facts = {"silenced_by": [new], "silenced_until": ends, "silencer": "ana"}
        self.put(*(msgspec.structs.replace(one, version=one.version + 1, **facts) for one in hit))
        self.beat()
        return new


async def look(path: str, *flags: str) -> None:
    """A busy evening that lives: values move, the clock goes on."""
    facts: dict[str, Any] = {}
    if "--errors" in flags:
        facts["rule_errors"] = [world.RULE_ERROR]
    if "--coach" in flags:
        facts["coach"] = "Try it: the cursor is on negative-share. Press s, then ⏎, to silence it for 15 minutes."
    daemon = FakeDaemon([] if "--quiet" in flags else None, **facts)
    dice, started = random.Random(7), time.monotonic()  # noqa: S311  # nothing is secret here
    async with daemon.serving(path):
        while True:
            await asyncio.sleep(1.0)
            daemon.moved = int((time.monotonic() - started) * 1000)
            for one in [one for one in daemon.firings.values() if one.state == "firing" and dice.random() < 0.4]:
                daemon.put(msgspec.structs.replace(one, value=(one.value or 1) * dice.uniform(0.95, 1.05)))
            daemon.beat()


if __name__ == "__main__":
    asyncio.run(look(*sys.argv[1:]))

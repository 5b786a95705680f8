"""Fallbacks (`Reactor.divert`): who is told instead, once, and of the end as well; heartbeat and re-sending."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fakes import StillClock
from fakes_receivers import AT, MENTIONS, told, voice

from rtmd.alerting.correlation import Join
from rtmd.alerting.correlations import Correlations
from rtmd.config import AlertmanagerReceiver, Config, DaemonConfig
from rtmd.model.effects import LedgerSaved, Notify
from rtmd.model.firing import Firing
from rtmd.model.inputs import ReactionsLoaded, Undelivered
from rtmd.model.reaction import Notification, Told
from rtmd.model.replace import replace
from rtmd.pipeline.reactor import Reactor
from rtmd.receivers.post import Post
from rtmd.receivers.webhook import PostedAlerts
from rtmd.runtime.pulse import Pulse

ENDED = replace(MENTIONS, resolved_at=AT)


class World:
    """A reactor to which one firing is known."""

    def __init__(self) -> None:
        self.now = MENTIONS
        nothing = Correlations(Join(), lambda _: None)
        self.reactor = Reactor(lambda _: self.now, lambda _: None, nothing, lambda _: None, lambda _: None)
        list(self.reactor.load(ReactionsLoaded(frozenset({"desk", "mail"}), fallbacks={"desk": "mail"}), [], AT, AT))
        self.ledger = self.reactor.dispatch.ledger


def diverted(
    world: World, message: Notification, *, now: Firing = MENTIONS, at: int = AT + 9
) -> list[tuple[str, Told, str]]:
    world.now = now
    effects = list(world.reactor.divert(Undelivered(message, "answered 503"), at))
    sent = [effect.notification for effect in effects if isinstance(effect, Notify)]
    assert sum(isinstance(effect, LedgerSaved) for effect in effects) == len(sent)
    assert all(each.because == "answered 503" for each in sent)
    return [(each.receiver, each.alerts[0].told, each.instead_of) for each in sent]


def test_the_fallback_is_told_once_and_of_the_end_by_the_ledger() -> None:
    world = World()
    message = told(MENTIONS, Told.FIRING)
    assert diverted(world, message) == [("mail", Told.FIRING, "desk")]
    assert diverted(world, message) == []
    world.now = ENDED
    list(world.reactor.dispatch.settle(ENDED, AT + 20))
    (message,) = (each.notification for each in world.reactor.dispatch.flush(AT + 20, 0) if isinstance(each, Notify))
    assert (message.receiver, message.alerts[0].told) == ("mail", Told.RESOLVED)


def test_a_fallback_that_was_told_the_same_by_itself_is_not_told_again() -> None:
    world = World()
    world.ledger.tell(MENTIONS, "mail", Told.FIRING, MENTIONS.stage, at=AT, reason="why")
    assert diverted(world, told(MENTIONS, Told.FIRING)) == []


def test_a_rise_that_could_not_be_told_is_told_to_a_fallback_that_knew_less() -> None:
    world = World()
    diverted(world, told(MENTIONS, Told.FIRING))
    rise = replace(told(MENTIONS, Told.RAISED, seq=2), at=AT + 100)
    assert diverted(world, rise, at=AT + 200) == [("mail", Told.RAISED, "desk")]


def test_of_what_is_over_only_the_end_is_told() -> None:
    world = World()
    assert diverted(world, told(MENTIONS, Told.FIRING), now=ENDED) == []
    assert diverted(world, told(ENDED, Told.RESOLVED, seq=2), now=ENDED) == [("mail", Told.RESOLVED, "desk")]
    assert diverted(world, told(ENDED, Told.RESOLVED, seq=2), now=ENDED) == []


def test_without_a_fallback_and_for_tests_nobody_is_told() -> None:
    world = World()
    message = told(MENTIONS, Told.FIRING)
    assert diverted(world, replace(message, receiver="mail")) == []
    assert diverted(world, replace(message, test=True)) == []


@dataclass
class Beats:
    """A sleep that ends after so many times, and says what is wrong in between."""

    ailments: list[str]
    asked: list[str] = field(default_factory=list)

    def ailment(self) -> str:
        return self.ailments.pop(0)

    async def sleep(self, seconds: float) -> None:
        assert seconds == 60
        if not self.ailments:
            raise asyncio.CancelledError


async def test_the_heartbeat_is_withheld_while_something_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    beats = Beats(["", "not on disk: full", "not on disk: full", ""])

    def answer(request: httpx.Request) -> httpx.Response:
        beats.asked.append(f"{request.method} {request.url.path}")
        return httpx.Response(200, stream=httpx.ByteStream(b""))

    url = "https://hc.example/secret"
    daemon = DaemonConfig(rules=(), state=Path("/nonexistent"), listen=(), heartbeat=url)
    transport = httpx.MockTransport(answer)
    pulse = Pulse(Config(daemon), transport, beats.ailment, sleep=beats.sleep)
    with caplog.at_level(logging.INFO), pytest.raises(asyncio.CancelledError):
        await pulse.beat()
    assert beats.asked == ["GET /secret", "GET /secret"]
    said = [record.getMessage() for record in caplog.records if record.name == "rtmd.runtime.pulse"]
    assert said == ["the heartbeat is withheld: not on disk: full", "the heartbeat goes out again"]
    assert "secret" not in repr(pulse)


async def test_an_end_never_overtakes_what_is_being_sent_again() -> None:
    under_way, release = asyncio.Event(), asyncio.Event()
    posted: list[bool] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        again = b"2027-01-15T08:04:00" in request.content  # its end is still to come
        if again:
            under_way.set()
            await release.wait()
        posted.append(again)
        return httpx.Response(200, stream=httpx.ByteStream(b""))

    transport = httpx.MockTransport(answer)
    config = AlertmanagerReceiver("am", "http://am.example")
    post = Post(transport, config.url, config.timeout)
    receiver = PostedAlerts(config, post, voice=voice(), clock=StillClock(AT), daemon="rtmd")
    standing = [told(MENTIONS, Told.FIRING)]

    def stands() -> Iterable[Notification]:
        return list(standing)

    again = asyncio.create_task(receiver.send_again(stands))
    await under_way.wait()
    standing.clear()
    end = asyncio.create_task(receiver.send(told(ENDED, Told.RESOLVED, seq=2)))
    late = asyncio.create_task(receiver.send_again(stands))
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(again, end, late)
    assert posted == [True, False]

"""The daemon: everything put together, started in order, and stopped in the opposite one.

Start: open the storage, choose the rules, bring windows and decisions back, skip the downtime as a gap; then the
loop turns, the outbox delivers what is left, the sockets open, sources run, and systemd hears READY. Stop: no more
samples, the loop drains, what is under way gets a few seconds, windows and log go to disk. Nothing here decides
about alerts; this is wiring.

Exit codes: 0 asked to stop, 75 the disk or a step failed in a way that only a restart can mend (operating: P15).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any, TypeAlias

import httpx
from msgspec import Struct

from rtmd.api.app import build_app
from rtmd.api.server import Server
from rtmd.api.stream import Hub
from rtmd.config import Config, GraphiteSource, ScrapeSource
from rtmd.formats.batch import SeriesTable
from rtmd.model.inputs import ReactionsLoaded
from rtmd.pipeline import Input
from rtmd.ports import Clock, Source
from rtmd.receivers.actions import Actions
from rtmd.receivers.make import Kit, make_receivers
from rtmd.receivers.post import make_transport
from rtmd.runtime.boot import restored_pipeline
from rtmd.runtime.deliveries import Deliveries, patience_of
from rtmd.runtime.feeds import Feeds
from rtmd.runtime.heart import Heart
from rtmd.runtime.loop import Inbox, StepLoop
from rtmd.runtime.office import Board, Office
from rtmd.runtime.outbox import Outbox
from rtmd.runtime.performer import Performer
from rtmd.runtime.pulse import Pulse, ailment
from rtmd.runtime.readers import Readers
from rtmd.runtime.reload import Reloader
from rtmd.runtime.resend import Resender
from rtmd.runtime.storage import Storage, open_storage
from rtmd.runtime.systemd import Notifier
from rtmd.sources.refusals import Refusals

GRACE = 5.0  # seconds for deliveries and programs under way when stopping
EX_TEMPFAIL = 75
_FIXED = {
    "daemon": ("state", "listen", "name"),
    "limits": ("series", "new_series_per_post", "instances_per_rule", "sample_log", "sample_log_bytes"),
}
_COLLECT_AFTER = (10_000, 20, 20)  # objects, and collections of the younger ones

log = logging.getLogger(__name__)

# Makes one more source, given series, clock and where inputs go that are no samples: the demo brings its own.
MakeSource: TypeAlias = Callable[[SeriesTable, Clock, Callable[[Input], None]], Source]


class Extras(Struct, frozen=True):
    """What an embedding program adds: sources of its own, and a line of advice for the screen by engine time."""

    sources: Sequence[MakeSource] = ()
    coach: Callable[[int], str] | None = None


class _Hands(Struct, frozen=True):
    """What acts on the world."""

    transport: httpx.AsyncBaseTransport
    outbox: Outbox
    performer: Performer
    deliveries: Deliveries


class Daemon:
    """One running rtmd. `load_config` reads rtmd.toml again for a reload (None: the configuration stays).

    `inherited` are sockets of socket activation. `addresses` are known once `started` is set.
    """

    def __init__(
        self,
        config: Config,
        *,
        load_config: Callable[[], Config] | None = None,
        extras: Extras | None = None,
        inherited: Sequence[socket.socket] = (),
    ) -> None:
        self.config = config
        self.addresses: list[str] = []
        self.started = asyncio.Event()
        self._load_config = load_config
        self._extras = extras or Extras()
        self._inherited = inherited
        self._board = Board()
        self._inbox = Inbox()
        self._systemd = Notifier()
        self._stop = asyncio.Event()
        self._reloading: asyncio.Task[None] | None = None
        self._followers: list[Callable[[Config], None]] = []  # parts that take a new configuration while they run

    def __repr__(self) -> str:
        return f"<Daemon {self.config.daemon.name} {' '.join(self.addresses) or 'not started'}>"

    def stop(self) -> None:
        """Ask it to end."""
        self._stop.set()

    async def run(self) -> int:
        """Run until `stop`, SIGTERM or SIGINT; gives the exit code. StoreError when the state cannot be used."""
        async with AsyncExitStack() as stack:
            storage = await open_storage(self.config, stack)
            reloader = Reloader(
                self.config,
                storage,
                put=self._inbox.put,
                board=self._board,
                load_config=self._load_config,
                configure=self._configure,
            )
            rules = await reloader.first()
            pipeline, opening = await restored_pipeline(storage, self.config, rules, reactions_of(self.config))
            hands = self._hands(storage, stack)
            outbox, performer = hands.outbox, hands.performer
            loop = StepLoop(pipeline, self._inbox, storage=storage, perform=performer)
            loop.step(opening, loop.at)
            reloader.firing = lambda: frozenset(
                each.rule for each in pipeline.firings() if each.open and not each.origin
            )
            loop.start(stack)
            loop.turn()  # the rules as the files have them now
            gc.freeze()  # rules and windows stay: see StepLoop.step
            # Firings that open by the thousand are no garbage: a fifth of what that took went into looking for some.
            gc.set_threshold(*_COLLECT_AFTER)
            outbox.start()
            stack.push_async_callback(outbox.stop, GRACE)
            stack.push_async_callback(performer.finish, GRACE)
            readers = Readers(storage.folder)
            stack.push_async_callback(readers.stop)
            office = Office(
                loop, hands.deliveries, self._board, name=self.config.daemon.name, reload=reloader.ask, readers=readers
            )
            hub = performer.hub = Hub(office)
            self._board.watching = hub.watching
            await self._serve(office, hub, stack)
            await self._feed(office, storage, stack)
            heart = Heart(loop, office, hub, self._systemd, coach=self._extras.coach)
            pulse = Pulse(self.config, hands.transport, lambda: ailment(loop, outbox))
            self._followers.append(pulse.configure)
            resender = Resender(lambda: outbox.receivers, pipeline, storage.clock.now)
            for work in (heart.beat, heart.save_windows, reloader.keep_up, pulse.beat, resender.keep_up):
                _background(work, stack)
            self._handle_signals(reloader)
            self.started.set()
            self._systemd.ready(heart.line())
            log.info("serving on %s", ", ".join(self.addresses))
            code = await self._until_stopped(loop)
            self._systemd.stopping()
            return code

    def _hands(self, storage: Storage, stack: AsyncExitStack) -> _Hands:
        """What acts on the world: receivers behind the outbox, and action programs."""
        transport = make_transport()
        stack.push_async_callback(transport.aclose)
        kit = Kit(transport, storage.clock, daemon=self.config.daemon.name)
        receivers = make_receivers(self.config.receivers, kit)
        outbox = Outbox(storage.store, receivers, storage.clock, on_result=self._inbox.put)
        actions = Actions(self.config.actions, kit)
        deliveries = Deliveries(outbox, storage.store, storage.clock, self.config, failures=kit.failures)

        def follow(config: Config) -> None:
            outbox.patience = patience_of(config)
            outbox.replace(make_receivers(config.receivers, kit))

        outbox.patience = patience_of(self.config)
        self._followers += [
            follow,
            deliveries.configure,
            lambda config: actions.replace(config.actions),
            lambda config: self._inbox.put(reactions_of(config)),
        ]
        performer = Performer(self._inbox.put, storage, outbox=outbox, actions=actions)
        return _Hands(transport, outbox, performer, deliveries)

    async def _serve(self, office: Office, hub: Hub, stack: AsyncExitStack) -> None:
        app = build_app(office, hub, self.config)
        server = Server(
            app,
            self.config.daemon.listen,
            inherited=self._inherited,
            beyond=bool(self.config.tokens),
            closing=hub.close,
        )
        self.addresses = await server.start()
        stack.push_async_callback(server.stop)
        self._followers.append(app.configure)

    async def _feed(self, office: Office, storage: Storage, stack: AsyncExitStack) -> None:
        feeds = Feeds(office.ingest, series=storage.series, clock=storage.clock)
        stack.push_async_callback(feeds.stop)
        self._board.sources = feeds.sources

        def configure(config: Config) -> None:
            self._board.lateness = lateness_of(config)
            feeds.configure(config.sources, decoded_bytes=config.limits.decoded_bytes)

        configure(self.config)
        feeds.add(Refusals(storage.series, storage.clock, office.refusals))
        for make in self._extras.sources:
            feeds.add(make(storage.series, storage.clock, self._inbox.put))
        self._followers.append(configure)
        await asyncio.sleep(0)  # each takes its first step: who is told READY finds them listening

    def _configure(self, config: Config) -> None:
        """A new rtmd.toml is in force; what cannot change while it runs is said."""
        stays = waits_for_a_restart(self.config, config)
        if stays:
            notice = f"rtmd.toml: {', '.join(stays)} changed: takes a restart"
            self._board.notices.append(notice)
            log.warning("%s", notice)
        for follow in self._followers:
            follow(config)
        log.info("configuration reloaded")

    def _handle_signals(self, reloader: Reloader) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._hangup, reloader)

    def _hangup(self, reloader: Reloader) -> None:
        self._reloading = asyncio.create_task(self._reload(reloader))

    async def _reload(self, reloader: Reloader) -> None:
        self._systemd.reloading()
        await reloader.ask()
        self._systemd.ready("reloaded")

    async def _until_stopped(self, loop: StepLoop) -> int:
        loop.fatal.add_done_callback(lambda _: self.stop())
        await self._stop.wait()
        if loop.fatal.done():
            log.critical("stopping: %s", loop.fatal.result())
            return EX_TEMPFAIL
        return 0


def _background(work: Callable[[], Coroutine[Any, Any, None]], stack: AsyncExitStack) -> None:
    """Run it until the stack unwinds; what ends it before is said, as nobody else would notice."""
    task = asyncio.create_task(work(), name=work.__qualname__)
    task.add_done_callback(_say_why)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


def _say_why(ended: asyncio.Task[None]) -> None:
    if not ended.cancelled() and (error := ended.exception()) is not None:
        log.critical("%s failed, and is missing from now on", ended.get_name(), exc_info=error)


def waits_for_a_restart(running: Config, wanted: Config) -> list[str]:
    """The keys that another configuration has otherwise, and that do not change while the daemon runs."""
    pairs = {"daemon": (running.daemon, wanted.daemon), "limits": (running.limits, wanted.limits)}
    return [
        f"{table}.{key}"
        for table, keys in _FIXED.items()
        for key in keys
        if getattr(pairs[table][0], key) != getattr(pairs[table][1], key)
    ]


def lateness_of(config: Config) -> dict[str, int]:
    """How late samples may come, in ms, for sources that say so."""
    return {
        source.name: source.lateness for source in config.sources if isinstance(source, ScrapeSource | GraphiteSource)
    }


def reactions_of(config: Config) -> ReactionsLoaded:
    """What the pipeline needs to know of a configuration."""
    return ReactionsLoaded(
        receivers=frozenset(config.receivers),
        actions={name: action.action for name, action in config.actions.items()},
        policy=config.policy,
        react=config.daemon.react,
        external=config.external,
        storms={name: receiver.storm for name, receiver in config.receivers.items()},
        fallbacks={name: receiver.fallback for name, receiver in config.receivers.items() if receiver.fallback},
    )

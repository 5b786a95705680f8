"""Reloading (semantics S11): rules and configuration again from disk, checked before anything changes.

Looks are asked for by `Watch` (hints and rescans), by SIGHUP and by POST /-/reload. A look that finds the same
bytes as the last one costs a read and nothing else. Everything is parsed in a thread; the swap itself is one input.

A start is a reload too: the rules that the last run used are taken up first, with all that they had decided, and what
the files say now takes their place. Where files would make most of the firing rules vanish at once, the old set stays
until the files are back, or somebody confirms it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from rtmd.config import Config
from rtmd.errors import FileErrors, Located, StoreError
from rtmd.model.display import safe
from rtmd.model.inputs import RulesLoaded
from rtmd.model.replace import replace
from rtmd.model.rule import RuleSet
from rtmd.pipeline import Input
from rtmd.rulefile.builtin import is_built_in, with_built_in
from rtmd.rulefile.correlation import check_correlations
from rtmd.rulefile.difference import Difference, difference, vanishing
from rtmd.rulefile.files import read_rule_files
from rtmd.rulefile.named import check_names
from rtmd.runtime.office import Board
from rtmd.runtime.rulebook import Choice, Rulebook, missing
from rtmd.runtime.storage import Storage
from rtmd.runtime.watch import Watch
from rtmd.wire.rules import ReloadView

_SETTLING = 0.25  # seconds that rtmd.toml must stay as it is

log = logging.getLogger(__name__)


class Reloader:
    """Keeps what runs equal to what the files say, as far as they can be used.

    `load_config` reads rtmd.toml again (None: there is none to watch); `configure` puts a new one in force.
    """

    def __init__(  # its collaborators, injected
        self,
        config: Config,
        storage: Storage,
        *,
        put: Callable[[Input], None],
        board: Board,
        load_config: Callable[[], Config] | None,
        configure: Callable[[Config], None],
    ) -> None:
        self.config = config
        self._saved: Mapping[str, bytes] = storage.store.last_good()
        self._rulebook = Rulebook(self._saved)
        self._put = put
        self._load_config = load_config
        self._configure = configure
        self._board = board
        self._store = storage.store
        self._clock = storage.clock
        self._files: Mapping[str, bytes] = {}
        self._choice = Choice(RuleSet(), {})
        self._gone: list[Path] = []
        self._config_errors: tuple[Located, ...] = ()
        self._found: Config | tuple[Located, ...] = config  # what the latest look made of rtmd.toml
        self._unreadable: tuple[Located, ...] = ()  # while there are such, all rules stay as they are
        self._named: tuple[RuleSet, Config, list[Located]] | None = None  # what is wrong with names, of these two
        self._unsettled = False
        self._unsaved = False  # and it was said
        self._held: tuple[str, ...] = ()  # firing rules that would vanish
        self._one_at_a_time = asyncio.Lock()
        self.firing: Callable[[], frozenset[str]] = lambda: _firing_on_disk(storage)  # the rules that fire
        self.watch = Watch(config.daemon.rules)

    def __repr__(self) -> str:
        return f"<Reloader {len(self._files)} files, {len(self._choice.rules.rules)} rules>"

    async def first(self) -> RuleSet:
        """The rules to start with: those of the last run. What the files make of them is put; bad ones are reported."""
        before = await asyncio.to_thread(self._rulebook.restore)
        self._choice = Choice(before.rules, before.texts)
        await self._look_at_rules(asked=True)
        self._report()
        await self._save_last_good()
        return with_built_in(before.rules)

    async def ask(self, confirmed_by: str = "") -> None:
        """Somebody asked for a reload: look now, and report at once; with a name firing rules may vanish."""
        await self.look(asked=True, confirmed_by=confirmed_by)

    async def keep_up(self) -> None:
        """Look whenever a look is due, for ever."""
        async for _ in self.watch.looks():
            try:
                await self.look()
            except Exception:  # whatever went wrong once, the next edit must be seen
                log.exception("a look at the rule files failed")

    async def look(self, *, asked: bool = False, confirmed_by: str = "") -> None:
        """Compare with the disk and take over what changed; with `asked` nothing is given time to settle."""
        async with self._one_at_a_time:
            await self._look_at_config(asked=asked)
            await self._look_at_rules(asked=asked, confirmed_by=confirmed_by)
            self._report()
            await self._save_last_good()

    async def _look_at_rules(self, *, asked: bool, confirmed_by: str = "") -> None:
        folders = self.config.daemon.rules
        self._gone = missing(folders)
        if self._gone:
            return  # an accident, not an order to drop the rules
        try:
            files = await asyncio.to_thread(read_rule_files, folders)
        except FileErrors as errors:
            self._unreadable = errors.problems
            return
        self._unreadable = ()
        if files == self._files and not (asked or self._unsettled or self._held):
            return
        choice, again = await asyncio.to_thread(self._rulebook.choose, files, self._clock.now(), settled=asked)
        self._files = files
        self._unsettled = again is not None
        if again is not None:
            self.watch.look_after(max(0, again - self._clock.now()) / 1000)
        self._take_over(choice, confirmed_by)

    def _take_over(self, choice: Choice, confirmed_by: str) -> None:
        """Put this choice in force, unless too many firing rules would vanish with it."""
        before, firing = self._choice, frozenset(name for name in self.firing() if not is_built_in(name))
        held, self._held = self._held, vanishing(before.rules, choice.rules, firing)
        if self._held and not confirmed_by:
            self._rulebook.last_good = before.texts
            self._choice = replace(before, errors=choice.errors)
            self._board.reload = msgspec.structs.replace(self._board.reload, held_back=list(self._held))
            return
        by, self._held, self._choice = confirmed_by if self._held else "", (), choice
        if held:
            self._board.reload = msgspec.structs.replace(self._board.reload, held_back=[])
        if choice.texts == before.texts:
            return
        note = ""
        if before.texts:  # not at the very first start
            what = difference(before.rules, choice.rules, firing)
            note = f"rules reloaded: {what}"
            log.info("%s%s", safe(note), f" (confirmed by {safe(by)})" if by else "")
            self._board.reload = reload_view(what, self._clock.wall())
        self._put(RulesLoaded(with_built_in(choice.rules), note, by))

    async def _save_last_good(self) -> None:
        """What is in use is what a restart falls back to; tried again at every look while the disk refuses."""
        texts = self._choice.texts
        if texts == self._saved:
            return
        try:
            await self._store.save_last_good(texts)
        except StoreError as error:
            if not self._unsaved:
                log.warning("the rules in use could not be saved: %s", error)
            self._unsaved = True
        else:
            self._saved, self._unsaved = texts, False

    async def _look_at_config(self, *, asked: bool) -> None:
        """Take over a configuration that was there twice alike: of one half written each look sees something else."""
        if self._load_config is None:
            return
        found: Config | tuple[Located, ...]
        try:
            found = await asyncio.to_thread(self._load_config)
        except FileErrors as errors:
            found = errors.problems
        before, self._found = self._found, found
        if found != before and not asked:
            self.watch.look_after(_SETTLING)
        elif isinstance(found, tuple):
            self._config_errors = found
        else:
            self._config_errors = ()
            if found != self.config:
                self.config = found
                self.watch.follow(found.daemon.rules)
                self._configure(found)

    def _names(self) -> list[Located]:
        """What the rules name and the configuration does not have; looked up again when either is another one."""
        rules, config = self._choice.rules, self.config
        if self._named is None or self._named[0] is not rules or self._named[1] is not config:
            wrong = check_names(rules.rules.values(), config)
            self._named = rules, config, [*wrong, *check_correlations(rules, config.receivers, config.actions)]
        return self._named[2]

    def _report(self) -> None:
        """Show what is wrong with the files on disk, and log it when it is new."""
        config = self.config
        gone = [Located(str(folder), 0, 0, "the folder is gone: its rules stay in force") for folder in self._gone]
        held = [Located(str(config.daemon.rules[0]), 0, 0, _held_back(self._held))] if self._held else []
        errors = [*self._config_errors, *gone, *self._unreadable, *held, *self._choice.errors, *self._names()]
        for error in errors:
            if error not in self._board.rule_errors:
                log.error("%s", safe(str(error)))
        self._board.rule_errors = errors


def reload_view(what: Difference, wall: int) -> ReloadView:
    """A reload as the API shows it."""
    return ReloadView(
        wall=wall,
        kept=what.kept,
        added=list(what.added),
        changed=dict(what.changed),
        rejudging=dict(what.rejudging),
        removed=list(what.removed),
        removed_firing=list(what.removed_firing),
        summary=str(what),
    )


def _held_back(rules: tuple[str, ...]) -> str:
    return (
        f"{len(rules)} firing rules would vanish ({', '.join(rules)}): the old rules stay in force until their files "
        "are back, or until `rtmd reload --confirm`"
    )


def _firing_on_disk(storage: Storage) -> frozenset[str]:
    return frozenset(each.rule for each in storage.store.restore().firings if each.open and not each.origin)

"""Reloading (semantics S11): rules and configuration again from disk, checked before anything changes.

Looks are asked for by `Watch` (hints and rescans), by SIGHUP and by POST /-/reload. A look that finds the same
bytes as the last one costs a read and nothing else. Everything is parsed in a thread; the swap itself is one input.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from rtmd.config import Config
from rtmd.errors import FileErrors, Located, StoreError
from rtmd.model.display import safe
from rtmd.model.inputs import RulesLoaded
from rtmd.model.rule import RuleSet
from rtmd.pipeline import Input
from rtmd.rulefile.builtin import with_built_in
from rtmd.rulefile.files import read_rule_files
from rtmd.rulefile.lint import check_names
from rtmd.runtime.office import Board
from rtmd.runtime.rulebook import Choice, Rulebook, missing
from rtmd.runtime.storage import Storage
from rtmd.runtime.watch import Watch

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
        self._unsettled = False
        self._unsaved = False  # and it was said
        self._one_at_a_time = asyncio.Lock()
        self.watch = Watch(config.daemon.rules)

    def __repr__(self) -> str:
        return f"<Reloader {len(self._files)} files, {len(self._choice.rules.rules)} rules>"

    async def first(self) -> RuleSet:
        """The rules to start with; bad files are reported at once."""
        files = await asyncio.to_thread(read_rule_files, self.config.daemon.rules)
        self._choice, _ = await asyncio.to_thread(self._rulebook.choose, files, self._clock.now(), settled=True)
        self._files = files
        self._report()
        await self._save_last_good()
        return with_built_in(self._choice.rules)

    async def ask(self) -> None:
        """Somebody asked for a reload: look now, and report at once."""
        await self.look(asked=True)

    async def keep_up(self) -> None:
        """Look whenever a look is due, for ever."""
        async for _ in self.watch.looks():
            try:
                await self.look()
            except OSError as error:
                log.warning("rule files cannot be read: %s", error)
            except Exception:  # whatever went wrong once, the next edit must be seen
                log.exception("a look at the rule files failed")

    async def look(self, *, asked: bool = False) -> None:
        """Compare with the disk and take over what changed; with `asked` nothing is given time to settle."""
        async with self._one_at_a_time:
            await self._look_at_config()
            await self._look_at_rules(asked=asked)
            self._report()
            await self._save_last_good()

    async def _look_at_rules(self, *, asked: bool) -> None:
        folders = self.config.daemon.rules
        self._gone = missing(folders)
        if self._gone:
            return  # an accident, not an order to drop the rules
        files = await asyncio.to_thread(read_rule_files, folders)
        if files == self._files and not asked and not self._unsettled:
            return
        choice, again = await asyncio.to_thread(self._rulebook.choose, files, self._clock.now(), settled=asked)
        before, self._choice, self._files = self._choice, choice, files
        self._unsettled = again is not None
        if again is not None:
            self.watch.look_after(max(0, again - self._clock.now()) / 1000)
        if choice.texts != before.texts:
            log.info("rules reloaded: %s", difference(before.rules, choice.rules))
            self._put(RulesLoaded(with_built_in(choice.rules)))

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

    async def _look_at_config(self) -> None:
        if self._load_config is None:
            return
        try:
            config = await asyncio.to_thread(self._load_config)
        except FileErrors as errors:
            self._config_errors = errors.problems
            return
        except OSError as error:
            self._config_errors = (Located(self.config.file, 0, 0, f"cannot be read: {error.strerror}"),)
            return
        self._config_errors = ()
        if config != self.config:
            self.config = config
            self._configure(config)

    def _report(self) -> None:
        """Show what is wrong with the files on disk, and log it when it is new."""
        config = self.config
        rules = self._choice.rules.rules.values()
        undoable = {name for name, action in config.actions.items() if action.undo}
        names = check_names(rules, receivers=config.receivers, actions=config.actions, undoable=undoable)
        gone = [Located(str(folder), 0, 0, "the folder is gone: its rules stay in force") for folder in self._gone]
        errors = [*self._config_errors, *gone, *self._choice.errors, *names]
        for error in errors:
            if error not in self._board.rule_errors:
                log.error("%s", safe(str(error)))
        self._board.rule_errors = errors


def difference(before: RuleSet, after: RuleSet) -> str:
    """What a reload does, in one line: added, changed, removed."""
    old, new = before.rules, after.rules
    changed = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    parts = [
        f"{verb} {', '.join(names)}"
        for verb, names in (
            ("added", sorted(new.keys() - old.keys())),
            ("changed", changed),
            ("removed", sorted(old.keys() - new.keys())),
        )
        if names
    ]
    return "; ".join(parts) or "nothing changed"

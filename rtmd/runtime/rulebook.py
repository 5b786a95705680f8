"""Which text of each rule file is in use (semantics S11): the one on disk, or its last good one.

A file that cannot be used changes nothing: its last good text stays in force, also across a restart with the bad
file on disk. A file that was just written and is bad may be half a file: it is not complained about until it has
stood for a second. A rules folder that is gone altogether is an accident, not an order to drop its rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from rtmd.errors import Located
from rtmd.model.rule import RuleSet
from rtmd.rulefile.load import Loaded, Loader, load_rules

SETTLING = 1_000  # ms a bad file must stand before it is reported


class Choice(Struct, frozen=True):
    """What is in force: rules, the texts they come from, and what is wrong with the files on disk."""

    rules: RuleSet
    texts: Mapping[str, bytes]
    errors: tuple[Located, ...] = ()


class Rulebook(Struct):
    """Chooses; `last_good` starts with what the store kept."""

    last_good: Mapping[str, bytes] = field(default_factory=dict)
    _loader: Loader = field(default_factory=Loader)
    _bad_since: dict[tuple[str, bytes], int] = field(default_factory=dict)

    def restore(self) -> Choice:
        """What the last run used."""
        return choose(self.last_good, self.last_good, self._loader.load)

    def choose(self, files: Mapping[str, bytes], at: int, *, settled: bool = False) -> tuple[Choice, int | None]:
        """The choice for these files; the second is when to look again because a bad file has not settled yet.

        With `settled` (at start, or when somebody asked for a reload) bad files are reported at once.
        """
        choice = choose(files, self.last_good, self._loader.load)
        self.last_good = choice.texts
        bad = {(error.file, files.get(error.file, b"")) for error in choice.errors}
        self._bad_since = {key: self._bad_since.get(key, at) for key in bad}
        if settled:
            return choice, None
        young = [since + SETTLING for since in self._bad_since.values() if at - since < SETTLING]
        reported = tuple(
            error for error in choice.errors if at - self._bad_since[error.file, files.get(error.file, b"")] >= SETTLING
        )
        return Choice(choice.rules, choice.texts, reported), min(young, default=None)


def choose(
    files: Mapping[str, bytes],
    last_good: Mapping[str, bytes],
    load: Callable[[Mapping[str, bytes]], Loaded] = load_rules,
) -> Choice:
    """For each file the text on disk if it can be used, else its last good text, else none; pure."""
    texts = dict(files)
    errors: list[Located] = []
    while True:
        loaded = load(texts)
        if not loaded.problems:
            return Choice(loaded.rules, texts, tuple(errors))
        errors += [problem for problem in loaded.errors if texts[problem.file] == files[problem.file]]
        for name in loaded.problems:
            fallback = last_good.get(name)
            if fallback is not None and texts[name] != fallback:
                texts[name] = fallback
            else:
                del texts[name]


def missing(folders: Sequence[Path]) -> list[Path]:
    """Rule folders that are not there."""
    return [folder for folder in folders if not _stands(folder)]


def _stands(folder: Path) -> bool:
    try:
        return folder.exists()
    except OSError:
        return True  # why it cannot be looked at is said by whoever reads it

"""What one rule set makes of another (semantics S11): said before it is put in force, logged, and served.

Rules are compared by name. What a changed rule looks at (`Stage.looks_at`) decides whether its firings are judged anew;
everything else they keep. `vanishing` is the guard against accidents: an emptied folder, a bad merge, half a copy.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from rtmd.model.rule import Correlation, Rule, RuleSet, Stage

GUARDED = 3  # firing rules that may always vanish are fewer than this

_RULE_PLACES = frozenset({"name", "file", "line", "stages"})
_STAGE_PLACES = frozenset({"name", "line", "signal_text", "guard_text", "recent_signal"})
# Where people call it something else.
_KEYS = {"condition": "threshold", "hold": "for", "grid": "every", "left_limit": "no_data_limit"}


class Difference(Struct, frozen=True):
    """Names of rules, sorted, in pairs with what changed; a rule stands in one list only (`kept` is their number)."""

    kept: int = 0
    added: tuple[str, ...] = ()
    changed: tuple[tuple[str, str], ...] = ()
    rejudging: tuple[tuple[str, str], ...] = ()  # it fires, and looks at something else now
    removed: tuple[str, ...] = ()
    removed_firing: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any((self.added, self.changed, self.rejudging, self.removed, self.removed_firing))

    def __str__(self) -> str:
        parts = (
            ("added", ", ".join(self.added)),
            ("changed", _with_reasons(self.changed)),
            ("rejudging", _with_reasons(self.rejudging)),
            ("removed", ", ".join(self.removed)),
            ("removed while firing", ", ".join(self.removed_firing)),
            ("kept", str(self.kept) if self.kept else ""),
        )
        return "; ".join(f"{what} {which}" for what, which in parts if which) or "nothing is left"


def difference(before: RuleSet, after: RuleSet, firing: frozenset[str]) -> Difference:
    """What becomes of the rules of `before`; `firing` names those with open firings."""
    old, new = before.entries, after.entries
    both = [name for name in new if name in old]
    read_anew = sorted(name for name in both if old[name] is not new[name])  # of untouched files they are the very same
    changes = {name: what for name in read_anew if (what := ", ".join(_changes(old[name], new[name])))}
    rejudged = {name for name in changes if name in firing and _looks_elsewhere(old[name], new[name])}
    gone = sorted(old.keys() - new.keys())
    return Difference(
        kept=len(both) - len(changes),
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple((name, what) for name, what in changes.items() if name not in rejudged),
        rejudging=tuple((name, what) for name, what in changes.items() if name in rejudged),
        removed=tuple(name for name in gone if name not in firing),
        removed_firing=tuple(name for name in gone if name in firing),
    )


def vanishing(before: RuleSet, after: RuleSet, firing: frozenset[str]) -> tuple[str, ...]:
    """The firing rules that `after` lacks, where they are too many to go without a confirmation.

    Those that went a moment ago and still fire count: a folder may be emptied file by file.
    """
    gone = sorted(firing - after.entries.keys())
    guarded = len(gone) >= GUARDED and 2 * len(gone) > len(firing) and not before.entries.keys().isdisjoint(gone)
    return tuple(gone) if guarded else ()


def _changes(old: Rule | Correlation, new: Rule | Correlation) -> Iterator[str]:
    """The keys that differ, as they are written in rule files."""
    if type(old) is not type(new):
        yield f"a {type(new).__name__.lower()} now"
        return
    yield from _differing(old, new, _RULE_PLACES)
    if isinstance(old, Rule) and isinstance(new, Rule):
        yield from _changes_of_stages(old, new)


def _changes_of_stages(old: Rule, new: Rule) -> Iterator[str]:
    single = len(old.stages) == len(new.stages) == 1
    for stage in new.stages:
        before = old.stage(stage.name)
        prefix = "" if single else f"{stage.name}."
        if before is None:
            yield f"{stage.name} added"
        else:
            yield from (prefix + key for key in dict.fromkeys(_differing(before, stage, _STAGE_PLACES)))
    yield from (f"{stage.name} removed" for stage in old.stages if new.stage(stage.name) is None)


def _differing(old: Rule | Correlation | Stage, new: Rule | Correlation | Stage, but: frozenset[str]) -> Iterator[str]:
    windows = [getattr(each, "window", None) for each in (old, new)]
    for name in old.__struct_fields__:
        # With another window the signal over it is another one, too: the window says it all.
        if name in but or (name in ("signal", "guard", "recent") and windows[0] != windows[1]):
            continue
        if getattr(old, name) != getattr(new, name):
            yield _KEYS.get(name, name)


def _looks_elsewhere(old: Rule | Correlation, new: Rule | Correlation) -> bool:
    if not (isinstance(old, Rule) and isinstance(new, Rule)):
        return False
    pairs = ((stage, new.stage(stage.name)) for stage in old.stages)
    return any(after is not None and after.looks_at != before.looks_at for before, after in pairs)


def _with_reasons(pairs: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name} ({what})" for name, what in pairs)

"""The order of rows, as pure functions: sorted, or held with the new ones put in; flat, or in groups of a rule.

A group is a row of its own, with an id that no firing can have. A rule with one firing is no group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_GROUP = "\x00"


def group_id(rule: str) -> str:
    """The id of a rule's group row."""
    return _GROUP + rule


def rule_of(row_id: str) -> str | None:
    """The rule of a group row; None for the row of a firing."""
    return row_id[1:] if row_id.startswith(_GROUP) else None


def in_order(keys: Mapping[str, Any], before: Iterable[str], *, held: bool) -> list[str]:
    """The ids by their keys; held, those of before stay in their order and new ones stand before the first greater."""
    if not held:
        return sorted(keys, key=keys.__getitem__)
    kept = [one for one in before if one in keys]
    new = sorted(keys.keys() - set(kept), key=keys.__getitem__)
    # Each new one stands where the one before it does, or later: one walk over both.
    merged: list[str] = []
    place = 0
    for one in new:
        while place < len(kept) and keys[kept[place]] <= keys[one]:
            merged.append(kept[place])
            place += 1
        merged.append(one)
    return merged + kept[place:]


def grouped(
    keys: Mapping[str, Any],
    by_rule: Mapping[str, set[str]],
    tops: Mapping[str, Any],
    before: list[str],
    *,
    unfolded: set[str],
    held: bool,
) -> list[str]:
    """Groups by their keys in `tops`; below an unfolded one its firings."""
    inner: dict[str, list[str]] = {}
    if held:
        wanted = {one: rule for rule in unfolded for one in by_rule.get(rule, ())}
        for one in before:
            if one in wanted:
                inner.setdefault(wanted[one], []).append(one)
    rows: list[str] = []
    for row_id in in_order(tops, before, held=held):
        rows.append(row_id)
        rule_name = rule_of(row_id)
        if rule_name is not None and rule_name in unfolded:
            members = {one: keys[one] for one in by_rule[rule_name]}
            rows += in_order(members, inner.get(rule_name, ()), held=held)
    return rows

"""Groups, marks, freezing and the order: the list when there is more than one can read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import world
from fake_daemon import FakeDaemon
from seat import sitting
from test_screen_roster import Evening, crit, warn

from rtmd.wire import FiringView
from tui.arrange import group_id, in_order
from tui.counts import Counts
from tui.members import Sort
from tui.picture import Picture
from tui.roster import Grouping
from tui.states import condition


def storm(rules: int, each: int) -> list[FiringView]:
    """Some rules with many firings."""
    return [
        warn(f"{rule}-{n:02}", rule + 1, rule=f"rule-{rule}", labels={"site": "eu", "host": f"h{n}"})
        for rule in range(rules)
        for n in range(each)
    ]


def test_a_storm_groups_by_rule_and_a_calm_list_does_not() -> None:
    evening = Evening(*storm(3, 5), height=5, grouping=Grouping.AUTO)
    assert not evening.roster.grouped
    evening.put(warn("one-more", rule="rule-9"))
    assert evening.show(4_000) == [group_id("rule-0"), "one-more", group_id("rule-1"), group_id("rule-2")]
    evening.put(gone=tuple(f"2-{n:02}" for n in range(5)))
    assert evening.show(60_000)[1:] == [group_id("rule-1"), "one-more"] or evening.roster.grouped
    evening.put(gone=("1-00", "1-01"))
    assert not (evening.show(60_000), evening.roster.grouped)[1]


def test_groups_stand_where_their_most_urgent_firing_would() -> None:
    firings = [*storm(2, 3), crit("worst", 50, rule="rule-1")]
    evening = Evening(*firings, height=9, grouping=Grouping.ON)
    assert evening.roster.order == [group_id("rule-1"), group_id("rule-0")]
    assert evening.roster.target == "worst"


@pytest.mark.parametrize("changes", range(1, 6))
def test_a_rule_that_comes_back_stands_where_its_new_firing_belongs(changes: int) -> None:
    firings = [crit("top", 1, rule="top"), crit("first", 9, rule="calm"), *storm(2, 3)]
    evening = Evening(*firings, height=9, grouping=Grouping.ON)
    assert evening.roster.order == ["top", "first", group_id("rule-0"), group_id("rule-1")]
    evening.put(gone=("first",))
    assert "first" not in evening.show(60_000)
    evening.roster.freeze()
    for version in range(changes):
        evening.put(warn("again", 99, rule="calm", version=version))
    evening.roster.freeze()
    assert evening.show() == ["top", group_id("rule-0"), group_id("rule-1"), "again"]


def test_unfolding_shows_the_firings_below_their_group_and_folding_takes_the_cursor_back() -> None:
    evening = Evening(*storm(2, 3), height=9, grouping=Grouping.ON)
    evening.roster.unfold()
    assert evening.show() == [group_id("rule-0"), "0-00", "0-01", "0-02", group_id("rule-1")]
    evening.roster.move(2, evening.mono)
    assert evening.roster.cursor == "0-01"
    evening.roster.fold()
    assert evening.show() == [group_id("rule-0"), group_id("rule-1")]
    assert evening.roster.cursor == group_id("rule-0")


def test_a_firing_that_somebody_works_on_stays_a_row_when_its_rule_becomes_a_group() -> None:
    evening = Evening(warn("a", rule="x"), warn("b", 2, rule="y"), height=9, grouping=Grouping.ON)
    evening.roster.move(1, evening.mono)
    evening.put(warn("c", 1, rule="y"))
    assert evening.roster.cursor == "b"
    assert evening.show() == ["a", group_id("y"), "b", "c"] or evening.roster.order == ["a", group_id("y"), "c", "b"]


def test_a_cursor_that_nobody_moved_goes_to_the_group() -> None:
    evening = Evening(warn("a", rule="x"), height=9, grouping=Grouping.ON)
    evening.put(warn("b", rule="x"))
    assert evening.roster.order == [group_id("x")]
    assert evening.roster.cursor == group_id("x")
    evening.put(gone=("a",))
    assert evening.show(40_000) == ["b"]
    assert evening.roster.cursor == "b"


def test_flat_again_the_cursor_is_on_the_most_urgent_of_the_group() -> None:
    evening = Evening(*storm(2, 3), height=9, grouping=Grouping.ON)
    evening.roster.move(1, evening.mono)
    evening.roster.grouping = Grouping.OFF
    assert len(evening.show()) == 6
    assert evening.roster.cursor == "1-00"


def test_fold_in_a_flat_list_groups_it() -> None:
    evening = Evening(*storm(2, 3), height=9)
    evening.roster.fold()
    assert evening.show() == [group_id("rule-0"), group_id("rule-1")]


def test_held_the_order_of_groups_and_of_their_firings_stays() -> None:
    evening = Evening(*storm(2, 3), height=9, grouping=Grouping.ON)
    evening.roster.unfold()
    evening.show()
    evening.roster.move(0, evening.mono)
    before = list(evening.roster.order)
    evening.put(crit("1-00", rule="rule-1"), crit("0-02", rule="rule-0"))
    assert evening.roster.order == before
    after = evening.show(4_000)
    assert after[:2] == [group_id("rule-0"), "0-02"] or after[0] == group_id("rule-1")


def test_in_order_is_sorting_or_putting_in() -> None:
    keys = {"a": 1, "b": 2, "c": 3, "d": 4}
    assert in_order(keys, ["d", "a"], held=False) == ["a", "b", "c", "d"]
    assert in_order(keys, ["d", "a", "gone"], held=True) == ["b", "c", "d", "a"]
    assert in_order(keys, ["b", "d"], held=True) == ["a", "b", "c", "d"]
    assert in_order(keys, [], held=True) == ["a", "b", "c", "d"]


def test_frozen_nothing_moves_and_what_came_is_counted() -> None:
    evening = Evening(warn("a"), warn("b", 2), warn("c", 3))
    evening.roster.freeze()
    evening.put(crit("new"), crit("c"), gone=("b",))
    assert evening.show(120_000) == ["a", "b", "c"]
    assert (evening.roster.frozen, evening.roster.queued) == (True, 1)
    evening.roster.freeze()
    assert set(evening.show()) == {"new", "c", "a"}
    assert not evening.roster.frozen


def test_marks_are_bound_to_firings_and_go_with_them() -> None:
    evening = Evening(*(warn(f"w{n}", n) for n in range(1, 6)), height=9)
    roster = evening.roster
    roster.mark()
    roster.move(2, evening.mono)
    roster.mark_range()
    assert roster.marks == {"w1", "w2", "w3"}
    roster.mark()
    assert roster.marks == {"w1", "w2"}
    evening.put(gone=("w1",))
    evening.show(600_000)
    assert roster.marks == {"w2"}
    roster.mark_all()
    assert roster.marks == {"w2", "w3", "w4", "w5"}
    roster.mark_all()
    assert roster.marks == set()


def test_marking_a_group_marks_what_is_in_it() -> None:
    evening = Evening(*storm(2, 3), height=9, grouping=Grouping.ON)
    evening.roster.mark()
    assert evening.roster.marks == {"0-00", "0-01", "0-02"}
    evening.roster.mark()
    assert evening.roster.marks == set()


@pytest.mark.parametrize(
    ("sort", "order"), [(Sort.URGENCY, "cab"), (Sort.NEWEST, "abc"), (Sort.OLDEST, "cba"), (Sort.RULE, "abc")]
)
def test_the_list_has_other_orders(sort: Sort, order: str) -> None:
    firings = [warn("a", 1, rule="r1"), warn("b", 2, rule="r2"), crit("c", 3, rule="r3")]
    evening = Evening(*firings)
    evening.roster.sort = sort
    assert "".join(evening.show()) == order


def test_the_orders_go_round() -> None:
    sort, seen = Sort.URGENCY, []
    for _ in Sort:
        seen.append(sort)
        sort = sort.following
    assert (sort, set(seen)) == (Sort.URGENCY, set(Sort))


def test_counts_kept_change_by_change_are_those_of_a_count_from_the_start() -> None:
    dice = random.Random(7)  # noqa: S311  # nothing is secret here
    evening = Evening()
    for _ in range(300):
        name = f"f{dice.randrange(20)}"
        changes = dice.choice([
            {}, {"ack": world.ack()}, {"silenced_by": ["s"], "silenced_until": dice.randrange(5)}, {"flags": ["unfed"]},
            {"state": "resolved", "resolved_at": world.AT}, {"severity": "critical"}, {"state": "recovering"},
        ])  # fmt: skip
        evening.put(*([] if dice.random() < 0.2 else [warn(name, **changes)]), gone=(f"f{dice.randrange(20)}",))
        evening.show(dice.randrange(20_000))
        fresh = Counts()
        for firing in evening.picture.firings.values():
            fresh.add(firing, condition(firing))
        assert evening.picture.counts == fresh
        assert evening.picture.counts.next_end == fresh.next_end
        assert set(evening.roster.order) == evening.roster.members.keys.keys()
        listed = {one for ids in evening.roster.members.by_rule.values() for one in ids}
        assert listed == evening.roster.members.keys.keys()


def test_a_picture_is_taken_in_piece_by_piece() -> None:
    picture = Picture()
    pieces = list(picture.hearing(world.snapshot(storm(10, 100)), 0))
    assert len(pieces) == 4
    assert picture.counts.open == 1000


async def test_a_storm_on_the_screen_is_groups_with_its_first_rule_on_top(tmp_path: Path) -> None:
    firings = [*storm(4, 30), crit("first", 90, rule="disk-full", labels={"host": "db"})]
    async with sitting(tmp_path, FakeDaemon(firings), (120, 30)) as seat:
        await seat.sees("STORM 121 firings / 5 rules · first disk-full 12:33:07Z · most rule-0 30", "▸ rule-0")
        await seat.sees("eu · 30 firings", "30 NEW")
        await seat.press("j", "l")
        await seat.sees("▾ rule-0", "h0 · eu")
        await seat.press("h")
        await seat.sees("▸ rule-0")
        await seat.press("v", "v")
        await seat.until(lambda: "STORM" not in seat.text and "121 firings" not in seat.text)
        await seat.press("v")
        await seat.sees("STORM")


async def test_why_on_a_group_is_about_its_most_urgent_firing(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(storm(4, 30))) as seat:
        await seat.sees("▸ rule-0", "30 firings")
        await seat.press("enter")
        await seat.sees(
            "WHY  rule-0", seat.app.desk.picture.firings[seat.app.desk.roster.target].labels["host"], "stages"
        )


async def test_marks_freeze_order_and_jump_have_their_keys(tmp_path: Path) -> None:
    async with sitting(tmp_path, FakeDaemon(), (120, 30)) as seat:
        await seat.press("space", "space")
        await seat.sees("+ 2 marked", "+▲ CRIT", ">◆ WARN")
        await seat.press("k")
        await seat.sees("»▲ CRIT")
        await seat.press("G", "V")
        await seat.until(lambda: len(seat.app.desk.roster.marks) > 5)
        await seat.press("escape", "*")
        await seat.sees("9 marked")
        await seat.press("*", "Z")
        seat.daemon.put(world.firing("late", rule="late-comer"))
        await seat.sees("FROZEN  1 new wait (Z)")
        assert "late-comer" not in seat.text
        await seat.press("Z", "o", "o")
        await seat.sees("late-comer", "by oldest (=)")
        await seat.press("=", "!")
        await seat.until(lambda: seat.cursor == "f01")

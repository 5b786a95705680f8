"""The list: order, cursor, hold, tombstones, filter; the strip; the picture."""

from __future__ import annotations

import msgspec
import pytest
import world

from rtmd.wire import Beat, Changes, FiringView
from tui.filter import parse
from tui.picture import Picture
from tui.roster import Grouping, Roster
from tui.silencing import Cancel, Commit, SilenceStrip, hit_by, open_strip, parse_length, press

MINUTE = 60_000


class Evening:
    """A picture and a list that are driven by hand."""

    def __init__(self, *firings: FiringView, height: int = 5, grouping: Grouping = Grouping.OFF) -> None:
        self.picture = Picture()
        self.roster = Roster(height=height, grouping=grouping)
        self.mono = 0
        self.seq = 1
        self.picture.hear(world.snapshot(list(firings)), self.mono)
        self.show()

    def show(self, passed: int = 0) -> list[str]:
        """Let time pass, and arrange."""
        self.mono += passed
        self.roster.arrange(self.picture, self.mono)
        return self.roster.order

    def put(self, *firings: FiringView, gone: tuple[str, ...] = ()) -> list[str]:
        """The stream says something."""
        self.seq += 1
        self.picture.hear(Changes(self.seq, list(firings), list(gone)), self.mono)
        return self.show()

    def screen_line(self) -> int:
        """Where the cursor's row is on the screen."""
        return self.roster.index - self.roster.top


def warn(name: str, minutes: int = 1, **changes: object) -> FiringView:
    """A warning that fires since some minutes."""
    return world.firing(name, fired_at=world.AT - minutes * MINUTE, **changes)


def crit(name: str, minutes: int = 1, **changes: object) -> FiringView:
    """A critical one."""
    return warn(name, minutes, severity="critical", **changes)


def test_nobodys_come_first_then_severity_stage_and_newest() -> None:
    evening = Evening(
        crit("owned", ack=world.ack()), warn("old", 9), warn("young", 1), crit("c"), warn("hours", ladder_text="SMH")
    )
    assert evening.roster.order == ["c", "hours", "young", "old", "owned"]


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_new_row_moves_neither_the_row_under_the_cursor_nor_itself_out_of_sight(steps: int) -> None:
    evening = Evening(*(warn(f"w{n}", n) for n in range(1, 4)), height=10)
    evening.roster.move(steps, evening.mono)
    chosen, line = evening.roster.cursor, evening.screen_line()
    for n in range(4):
        evening.put(crit(f"c{n}"))
        for passed in (0, 4_000):
            evening.show(passed)
            assert (evening.roster.cursor, evening.screen_line()) == (chosen, line)
            assert f"c{n}" in evening.roster.visible()


def test_on_a_long_list_the_row_under_the_cursor_stays_where_it_is_too() -> None:
    evening = Evening(*(warn(f"w{n:02}", n) for n in range(40)), height=5)
    evening.roster.move(20, evening.mono)
    line = evening.screen_line()
    evening.put(*(crit(f"c{n}") for n in range(7)), gone=("w03", "w39"))
    evening.show(4_000)
    assert evening.roster.cursor == "w20"
    assert evening.screen_line() == line


def test_an_unattended_list_puts_the_row_where_it_belongs_and_settles_at_its_top() -> None:
    evening = Evening(*(warn(f"w{n}", n) for n in range(1, 4)))
    evening.roster.move(1, evening.mono)
    evening.put(crit("c0"), crit("c1"))
    assert evening.show(4_000) == ["c0", "w2", "c1", "w1", "w3"]
    assert evening.show(31_000) == ["c0", "c1", "w1", "w2", "w3"]
    assert evening.roster.cursor == "w2"
    assert evening.roster.top == 0


def test_the_order_is_held_for_three_seconds_after_a_cursor_key() -> None:
    evening = Evening(crit("a"), warn("b", 1), warn("c", 2))
    evening.roster.move(1, evening.mono)
    evening.put(crit("c"))
    assert evening.roster.order == ["a", "b", "c"]
    assert set(evening.show(2_900)) == {"a", "b", "c"}
    assert evening.roster.order == ["a", "b", "c"]
    assert evening.show(200) == ["a", "b", "c"]
    evening.roster.move(1, evening.mono)
    evening.roster.move(-2, evening.mono)
    assert evening.show(3_100) == ["a", "c", "b"]


def test_the_row_under_the_cursor_keeps_its_place_when_it_is_acked_or_silenced() -> None:
    evening = Evening(crit("a"), warn("b"), warn("c", 2))
    evening.put(crit("a", ack=world.ack()))
    assert evening.show(60_000)[0] == "a"
    evening.put(crit("a", silenced_by=["s"], silenced_until=world.WALL))
    assert evening.show(60_000)[0] == "a"
    evening.roster.move(1, evening.mono)
    assert evening.show(4_000) == ["b", "c"]
    assert evening.roster.hidden == 1


def test_a_resolved_row_stays_thirty_seconds_in_its_place() -> None:
    evening = Evening(crit("a"), warn("b"), warn("c", 2))
    evening.put(warn("b", state="resolved", resolved_at=world.AT))
    assert evening.show(29_000) == ["a", "b", "c"]
    assert evening.show(2_000) == ["a", "c"]


def test_a_resolved_row_stays_while_the_cursor_is_on_it_even_when_the_daemon_forgot_it() -> None:
    evening = Evening(crit("a"), warn("b"))
    evening.put(gone=("a",))
    assert evening.show(600_000) == ["a", "b"]
    assert evening.picture.firings["a"].state == "resolved"
    evening.roster.move(1, evening.mono)
    assert evening.show(4_000) == ["b"]
    assert "a" not in evening.picture.firings


def test_paging_stops_at_the_ends_and_keeps_the_cursor_in_view() -> None:
    evening = Evening(*(warn(f"w{n:02}", n) for n in range(20)), height=5)
    evening.roster.move(7, 0)
    assert evening.roster.cursor in evening.roster.visible()
    evening.roster.move(100, 0)
    assert evening.roster.cursor == "w19"
    assert evening.roster.visible()[-1] == "w19"
    evening.roster.move(-100, 0)
    assert evening.roster.top == 0


def test_silenced_rows_are_hidden_counted_and_shown_on_request() -> None:
    evening = Evening(warn("a"), warn("s", silenced_by=["x"]))
    assert evening.roster.order == ["a"]
    assert evening.roster.hidden == 1
    evening.roster.show_silenced = True
    assert evening.show() == ["a", "s"]
    evening.roster.show_silenced = False
    evening.roster.filter = parse("state:sil")
    assert "s" in evening.show()


def test_a_filter_takes_the_cursor_with_it_and_remembers_that_nobody_moved_it() -> None:
    evening = Evening(warn("a", rule="one"), warn("b", 2, rule="two"))
    evening.roster.refilter(parse("two"), evening.picture, evening.mono)
    assert evening.show() == ["b"]
    assert evening.roster.cursor == "b"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "abc"), ("SURGE", "a"), ("brand=glob", "b"), ("state:new", "ac"), ("state:ack", "b"), ("sev:crit", "c"),
        ("state:new sev:warn", "a"), ("state:", "abc"), ("state:nodata", "c"), ("nothing", ""), ("acme surge", "a"),
        ("brand=gl*x", "b"), ("brand=*o*", "b"), ("brand=lob", ""), ("brand!=acme", "bc"), ("!brand=acme", "bc"),
        ("!surge", "bc"), ("!state:new", "b"), ("rule=th", "c"), ("by=ana", "b"), ("by!=ana", "ac"), ("brand=", "abc"),
        ("severity=crit", "c"), ("!", "abc"), ("!brand=", "abc"), ("BRAND=acme", ""), ("brand=ACM?", "a"),
        ("brand=[a", ""), ("=x", ""), ("sev:", "abc"),
    ],
)  # fmt: skip
def test_the_filter_finds_words_states_and_severities(text: str, found: str) -> None:
    firings = [
        world.firing("a"),
        world.firing("b", rule="other", title="", labels={"brand": "globex"}, ack=world.ack()),
        world.firing("c", rule="third", title="", labels={}, severity="critical", flags=["unfed"]),
    ]
    assert "".join(one.id for one in firings if parse(text).passes(one)) == found


def test_the_strip_commits_in_two_keys_and_in_three_for_the_rule() -> None:
    firings = [world.firing(f"f{n}", labels={"n": str(n)}) for n in range(3)]
    strip = open_strip(firings[0], firings)
    once = press(strip, "enter", firings)
    assert isinstance(once, Commit)
    assert (once.requests[0].length, once.requests[0].rule_wide, once.requests[0].firing) == (15 * MINUTE, False, "f0")
    third = press(strip, "3", firings)
    assert isinstance(third, Commit)
    assert third.requests[0].length == 60 * MINUTE
    wide = press(strip, "r", firings)
    assert isinstance(wide, SilenceStrip)
    assert len(hit_by(wide.target, firings, rule_wide=True)) == 3
    done = press(wide, "enter", firings)
    assert isinstance(done, Commit)
    assert done.requests[0].rule_wide
    assert isinstance(press(strip, "escape", firings), Cancel)
    assert press(strip, "z", firings) == strip
    assert press(strip, "5", firings) == strip


def test_the_strip_takes_a_typed_length() -> None:
    firings = [world.firing()]
    strip = open_strip(firings[0], firings)
    for key in ("e", "9", "x", "0", "m"):
        strip = press(strip, key, firings)  # type: ignore[assignment]
    done = press(strip, "enter", firings)
    assert isinstance(done, Commit)
    assert done.requests[0].length == 90 * MINUTE
    back = press(strip, "escape", firings)
    assert isinstance(back, SilenceStrip)
    assert back.typed is None


@pytest.mark.parametrize(
    ("text", "length"), [("90s", 90_000), ("1h30m", 90 * MINUTE), ("", None), ("5", None), ("0m", None)]
)
def test_lengths_are_exact_or_refused(text: str, length: int | None) -> None:
    assert parse_length(text) == length


def test_a_silence_that_hides_a_lot_or_something_critical_needs_a_second_key() -> None:
    many = [world.firing(f"f{n}", labels={"n": str(n)}) for n in range(12)]
    wide = press(open_strip(many[0], many), "r", many)
    assert isinstance(wide, SilenceStrip)
    asks = press(wide, "enter", many)
    assert isinstance(asks, SilenceStrip)
    assert asks.asks == "hides 12 of 12 open firings"
    assert press(asks, "enter", many) == asks
    assert isinstance(press(asks, "y", many), Commit)
    worst = [world.firing("f", "SMH", severity="critical")]
    strip = press(open_strip(worst[0], worst), "enter", worst)
    assert isinstance(strip, SilenceStrip)
    assert strip.asks == "hides something critical at hours"


def test_a_silence_over_a_week_is_asked_for_and_over_thirty_days_refused() -> None:
    firings = [world.firing()]
    for text, says in (("8d", "lasts over 7 days"), ("31d", "30d is the longest")):
        strip = press(open_strip(firings[0], firings), "e", firings)
        for key in (*text, "enter"):
            strip = press(strip, key, firings)  # type: ignore[arg-type]
        assert isinstance(strip, SilenceStrip)
        assert says in (strip.asks or strip.wrong)


def test_a_set_that_grew_since_the_strip_opened_is_asked_for() -> None:
    one, two = world.firing("a", labels={"n": "1"}), world.firing("b", labels={"n": "2"})
    wide = press(open_strip(one, [one]), "r", [one])
    assert isinstance(wide, SilenceStrip)
    grown = press(wide, "enter", [one, two])
    assert isinstance(grown, SilenceStrip)
    assert grown.asks == "grew from 1 to 2 firings"


def test_the_daemons_clocks_go_on_between_beats() -> None:
    picture = Picture(started_wall=5)
    assert picture.moment(7).wall == 12
    picture.hear(world.snapshot([]), 1_000)
    assert picture.moment(3_500).wall == world.WALL + 2_500
    assert picture.moment(3_500).at == world.AT + 2_500
    picture.hear(Beat(2, world.status(wall=world.WALL + 9_000)), 4_000)
    assert picture.moment(4_000).wall == world.WALL + 9_000


def test_a_snapshot_replaces_the_picture_but_open_rows_end_visibly() -> None:
    picture = Picture()
    picture.hear(world.snapshot([world.firing("a"), world.firing("b")]), 0)
    picture.hear(world.snapshot([world.firing("b")]), 0)
    assert picture.firings["a"].state == "resolved"
    assert picture.counts.open == 1


def test_serials_rise_with_each_change_so_that_caches_see_it() -> None:
    picture = Picture()
    picture.hear(world.snapshot([world.firing("a")]), 0)
    before = picture.serials["a"]
    picture.hear(Changes(2, [msgspec.structs.replace(world.firing("a"), value=1.0)]), 0)
    assert picture.serials["a"] > before

"""The story of a firing under Why: how it reads, and when it is asked for again."""

from __future__ import annotations

import msgspec
import world

from rtmd.model.replace import replace
from rtmd.wire.explain import EntryView, StandingView
from tui.story import WAITING, due
from tui.view.glyphs import UNICODE
from tui.view.line import plain
from tui.view.moment import Moment
from tui.view.story import MOST, StoryPage

NOW = Moment(mono=10_000, wall=world.WALL, at=world.AT)
STORY_80 = """\

 story
 13:59:07Z  transition   the firing opens, at seconds
 13:59:07Z  transition   seconds fires: condition held (312)
 13:59:07Z  told         desk is told: firing (first firing): condition held
                         delivered
 13:59:08Z  delivery     desk has it, at attempt 2
 14:02:07Z  suppressed   not told to lead: silenced by cy until 14:20 UTC
                         silence s1: over-reactive
 14:03:07Z  ack          ana has it
                         on it

 now           desk: told last at 13:59:07Z: firing; its group (route, seconds)
               is looked at 14:03:16Z
               lead: withheld since 14:02:07Z: silenced by cy until 14:20 UTC;
               its group (route, minutes) waits for something to happen"""


def test_the_story_has_everything_in_its_order_and_the_values_of_stages_only_once() -> None:
    told = world.story(world.busy()[0])
    lines = StoryPage().lines(told, "", NOW, 80, UNICODE)
    assert "\n".join(plain(line).rstrip() for line in lines) == STORY_80


def test_a_story_is_laid_out_once_until_it_or_what_it_depends_on_is_another() -> None:
    page, told = StoryPage(), world.story(world.busy()[0])
    first = page.lines(told, "", NOW, 80, UNICODE)
    assert page.lines(told, "", replace(NOW, wall=NOW.wall + 1_000), 80, UNICODE) is first
    for other in (
        page.lines(told, "desk", NOW, 80, UNICODE),
        page.lines(told, "", NOW, 70, UNICODE),
        page.lines(told, "", replace(NOW, wall=NOW.wall + 86_400_000), 80, UNICODE),
        page.lines(world.story(world.busy()[0], "lead"), "lead", NOW, 80, UNICODE),
    ):
        assert other != first


def test_of_a_story_that_is_too_long_the_latest_is_shown() -> None:
    entries = [EntryView(world.WALL, "told", f"message {number}") for number in range(MOST + 1)]
    told = msgspec.structs.replace(world.story(world.busy()[0]), entries=entries)
    texts = [plain(line).strip() for line in StoryPage().lines(told, "", NOW, 80, UNICODE)]
    assert texts[1:3] == ["story", "the oldest of it is left out"]
    assert texts[3].endswith("message 1")


def test_a_story_is_asked_for_again_when_something_was_planned_or_is_on_its_way() -> None:
    told = world.story(world.busy()[0])
    assert due(told, 0) == 10_000  # a second after the group is looked at
    assert due(told, 2_000) == 20_000  # it takes long
    still = msgspec.structs.replace(told, now=[StandingView("desk", note="nothing leads there")])
    assert due(still, 0) is None
    waiting = [msgspec.structs.replace(entry, waits=entry.kind == "told") for entry in told.entries]
    assert due(msgspec.structs.replace(still, entries=waiting), 0) == WAITING

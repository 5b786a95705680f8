"""The views as text: what an operator reads, without an application."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
import world
from rich.cells import cell_len

from rtmd.wire import FiringView, RelatedView
from rtmd.wire.curves import CurveView
from rtmd.wire.explain import EntryView, ExplainView, StandingView
from rtmd.wire.marks import MarkView
from rtmd.wire.noise import RuleNoiseView, ShareView
from rtmd.wire.origin import OriginView
from tui.filter import parse
from tui.picture import Picture
from tui.roster import Roster
from tui.silencing import open_strip
from tui.view.empty import empty, too_small
from tui.view.footer import silence_line
from tui.view.glyphs import ASCII, UNICODE, Glyphs
from tui.view.header import counters, header
from tui.view.info import coach, info, rule_error
from tui.view.line import Piece, cut, fit, pad, plain, wrap
from tui.view.moment import Moment, countdown
from tui.view.row import Look, heading, row
from tui.view.story import StoryPage
from tui.view.why import Known, preview, title, why

NOW = Moment(mono=10_000, wall=world.WALL, at=world.AT)


def picture(firings: list[object] | None = None, **status: object) -> Picture:
    """A picture that heard one snapshot just now."""
    shown = Picture()
    shown.hear(world.snapshot(firings, **status), NOW.mono)  # type: ignore[arg-type]
    return shown


def live(cells: int, rows: int, *, glyphs: Glyphs = UNICODE) -> list[str]:
    """Header, heading and rows of the busy evening."""
    shown, roster = picture(), Roster(height=rows)
    roster.arrange(shown, NOW.mono)
    lines = [
        header(shown, NOW, cells, glyphs),
        info(shown, roster, NOW, cells, glyphs),
        heading(cells, glyphs),
        *(row(shown.firings[one], NOW, cells, glyphs, Look(selected=one == roster.cursor)) for one in roster.visible()),
    ]
    return [plain(line).rstrip() for line in lines]


BUSY_80 = """\
 rtmd prod-a  ● LIVE 0.0s  ▲3 new 5 ◆3 ●2  ack 2  ⊘ 1 (14m)  ∅ 1  4.2k ev/s  ana
                                              10 open   ⊘ 2 silenced hidden (x)
     STG RULE             WHERE             VALUE THRESH   FOR  WHO / STATE
>▲ C SM· negative-share   acme · launch     0.412 > 0.25    4m  NEW
 ▲ C S·· tls-handshake-f… lb-2                7.1 > 2      12s  NEW
 ◆ W  M  site-latency     eu-1 · checkout     812 > 600    26m  ∅ NODATA NEW
 ● I S·· hashtag-rising   fr · #rtmd           62 > 60      8s  NEW
 ● I Sm  creator-mention  a-very-long-cr…       1 has a…    3m  NEW
 ▲ C SMH disk-full        db-07 · /var      0.031 < 0.05  2h00  ack ana 12m
 ◆ W SM· mention-surge    globex            9 312 > 5 000  11m  ↑ ack bo 4m
 ◆ W S·  engagement-drop  initech · video     0.4 < 0.6    31s  RECOV 12s
 ◆ W ··· reach-spike      umbrella             90 > 120     5m  ✓ OK 9s ago"""

BUSY_120 = """\
 rtmd prod-a   ● LIVE 0.0s   ▲3 new 5  ◆3  ●2   ack 2   ⊘ 1 (next in 14m)   ∅ 1       4.2k ev/s  ana@operate  14:03:07Z
                                                                                      10 open   ⊘ 2 silenced hidden (x)
 SEV    STG RULE                        WHERE                         VALUE THRESHOLD      FOR  WHO / STATE
>▲ CRIT SM· negative-share              acme · launch                 0.412 > 0.25          4m  NEW
 ▲ CRIT S·· tls-handshake-fail          lb-2                            7.1 > 2            12s  NEW
 ◆ WARN  M  site-latency                eu-1 · checkout                 812 > 600          26m  ∅ NODATA NEW
 ● INFO S·· hashtag-rising              fr · #rtmd                       62 > 60            8s  NEW
 ● INFO Sm  creator-mention             a-very-long-creator-name          1 has a result    3m  NEW
 ▲ CRIT SMH disk-full                   db-07 · /var                  0.031 < 0.05        2h00  ack ana 12m
 ◆ WARN SM· mention-surge               globex                        9 312 > 5 000        11m  raised ack bo 4m
 ◆ WARN S·  engagement-drop             initech · video                 0.4 < 0.6          31s  RECOVERING 12s
 ◆ WARN ··· reach-spike                 umbrella                         90 > 120           5m  ✓ OK 9s ago"""


@pytest.mark.parametrize(("cells", "golden"), [(80, BUSY_80), (120, BUSY_120)], ids=["80", "120"])
def test_a_busy_evening_reads_like_this(cells: int, golden: str) -> None:
    assert "\n".join(live(cells, 20)) == golden


@pytest.mark.parametrize("cells", [60, 79, 80, 99, 100, 120, 200, 300])
def test_no_line_is_wider_than_the_screen(cells: int) -> None:
    assert all(cell_len(line) <= cells for line in live(cells, 20))


def test_wide_screens_keep_the_figures_near_the_words() -> None:
    line = live(200, 20)[3]
    assert line.index("0.412") < 110


def test_in_ascii_every_mark_is_ascii() -> None:
    for line in live(120, 20, glyphs=ASCII):
        assert line.isascii(), line


def test_every_state_is_told_without_colour() -> None:
    shown = picture()
    shown.firings["f09"] = world.busy()[8]
    texts = [plain(row(one, NOW, 120, UNICODE))[80:] for one in world.busy()]
    assert len(set(texts) - {texts[0]}) >= 7
    for word in ("NEW", "NODATA", "ack ana", "raised", "RECOVERING", "SIL 14m cy", "OK"):
        assert any(word in text for text in texts), word


def test_a_firing_whose_rule_changed_says_so_in_the_list_and_in_why() -> None:
    minutes = world.stage("minutes", "pending", rejudging_since=world.AT - 40_000)
    changed = world.firing("c", " m ", rule="hot", flags=["rejudging"], stages=[minutes])
    for cells in (80, 120):
        assert "NEW rejudging" in plain(row(changed, NOW, cells, UNICODE))
    told = "\n".join(plain(line) for line in why(changed, Known(), NOW, (120, 30), UNICODE))
    assert "rejudging 40s, its rule changed" in told
    assert parse("state:rejudging").passes(changed)
    assert not parse("state:rejudging").passes(world.busy()[0])


def test_the_header_drops_slots_from_the_right_and_keeps_link_new_and_silenced() -> None:
    shown = picture()
    for cells in range(60, 130):
        text = plain(header(shown, NOW, cells, UNICODE))
        assert cell_len(text) <= cells
        assert "LIVE" in text
        assert "new 5" in text
        assert "⊘ 1" in text
    assert "ev/s" not in plain(header(shown, NOW, 62, UNICODE))
    assert "14:03:07Z" in plain(header(shown, NOW, 120, UNICODE))


def test_a_stale_link_says_since_when_and_when_it_tries_again() -> None:
    shown = picture()
    shown.lost("gone", NOW.mono + 16_000)
    later = Moment(NOW.mono + 12_000, NOW.wall, NOW.at)
    text = plain(header(shown, later, 120, UNICODE))
    assert "■ STALE 00:12 retry 4s" in text
    assert "new 5" in text
    assert "■ STALE 00:12 retry in 4s" in plain(header(shown, later, 160, UNICODE))


def test_a_silent_link_is_stale_before_it_is_lost() -> None:
    shown = picture()
    assert "LIVE 2.9s" in plain(header(shown, Moment(NOW.mono + 2_900, NOW.wall, NOW.at), 120, UNICODE))
    assert "STALE 00:03" in plain(header(shown, Moment(NOW.mono + 3_100, NOW.wall, NOW.at), 120, UNICODE))


def nothing(shown: Picture, roster: Roster | None = None, cells: int = 80) -> str:
    """The text in place of an empty list."""
    return "\n".join(plain(line).rstrip() for line in empty(shown, roster or Roster(), NOW, cells, UNICODE))


def test_quiet_gives_proof_of_life_and_what_ended_lately() -> None:
    ended = world.firing(state="resolved", resolved_at=world.AT - 60_000, rule="reach-spike")
    text = nothing(picture([ended], silences=3, silenced=118), cells=100)
    assert text == (
        "\n  Nothing firing.\n"
        "  212 rules · last evaluation 0.3s ago · 4.2k ev/s · 3 silences hide 118 firings (x)\n"
        "\n  Resolved lately\n"
        "  ✓  60s ago   reach-spike  acme · eu"
    )


def test_no_rules_says_what_to_do() -> None:
    assert "rtmd import prometheus" in nothing(picture([], rules=0))


def test_a_filter_that_hides_all_says_so() -> None:
    assert nothing(picture(), Roster(filter=parse("nowhere"))) == '\n  0 of 10 match "nowhere" · esc clears'


def test_an_unreachable_daemon_is_told_in_words() -> None:
    shown = Picture()
    assert "connecting" in nothing(shown)
    shown.lost("cannot reach /run/x.sock (ENOENT). systemctl status rtmd", NOW.mono + 2_000)
    text = nothing(shown)
    assert "cannot reach /run/x.sock (ENOENT)" in text
    assert "next try in 2s · r tries now" in text


def test_too_small_still_counts() -> None:
    lines = [plain(line) for line in too_small(40, 5, counters(picture(), UNICODE))]
    assert lines == ["terminal too small", "(need 60x12)", "▲3 ◆3 ●2 new 5 ack 2 ⊘ 2"]


@pytest.mark.parametrize("cells", [60, 80, 120, 200])
def test_the_strip_shows_target_hits_and_lengths(cells: int) -> None:
    firings = world.busy()
    strip = open_strip(firings[0], firings)
    text = plain(silence_line(strip, firings, cells, UNICODE))
    assert cell_len(text) == cells
    assert "SILENCE negative-sh" in text
    assert "(1)" in text
    assert "[15m]" in text
    if cells >= 80:
        assert text.rstrip().endswith("⏎ 15m")


def test_rule_errors_and_the_coach_are_one_line_each() -> None:
    status = world.status(rule_errors=[world.RULE_ERROR, world.RULE_ERROR], coach="press s\x1b[2J")
    assert plain(rule_error(status, 100, UNICODE)) == (
        " ✗ rules/mentions.toml:14: minutes.above must be > clear  (+1 more)"
    )
    assert plain(coach(status, 30, UNICODE)) == " press s␛[2J".ljust(30)
    assert rule_error(world.status(), 80, UNICODE) == ()


WHY_80 = """\
 acme: share of negative posts
 0.412   threshold > 0.25   since 13:59:07Z

 stages
 S seconds  firing      312 > 120      peak 400   fired 13:59:07Z · judged in 9m
 · minutes  pending     60 > 80                   pending 30s
 · hours    inactive    - > 60

 why seconds
 recorded 13:59:07Z
 ✓ window         312  sum by (brand) (rate(mentions_total[30s])) * 60 > 120
 ✗ guard           12  sum by (brand) (increase(mentions_total[30s])) > 20
 ✓ for              -  held 5 s of 5 s
 behind seconds, by reach
   48 200  @ana
           acme, what is this?
           https://social.example/1
      120  @bo
           small voice

 ack           ana until 14:15:07Z (12m) · "on it"

 actions       hold-queue  done  seconds  14:02:17Z  held

 labels        brand=acme  topic=launch

 links         runbook  https://wiki.example/surge"""


def test_why_shows_the_recorded_evidence() -> None:
    told = world.story(world.busy()[0])
    lines = why(told.firing, Known(told.firing), NOW, (80, 24), UNICODE)
    assert "\n".join(plain(line).rstrip() for line in lines) == WHY_80


def test_why_says_who_raised_an_alert_of_others_and_what_they_say_of_it() -> None:
    said = {"summary": "db-1: disk full", "description": "for\n5m", "runbook_url": "https://wiki.example/disk"}
    origin = OriginView("Prometheus", world.WALL - 60_000, said, "http://prom/graph")
    links = {"source": "http://prom/graph", "runbook": "https://wiki.example/disk"}
    one = world.firing(title="db-1: disk full", value=None, threshold="", origin=origin, links=links)
    text = "\n".join(plain(line).rstrip() for line in why(one, Known(), NOW, (80, 24), UNICODE))
    assert " raised by Prometheus   since 14:02:07Z" in text
    assert "says          description: for" in text
    assert "threshold" not in text
    assert text.count("db-1: disk full") == 1
    assert text.count("https://wiki.example/disk") == 1


def test_why_names_the_firings_of_a_correlation_and_the_correlation_of_a_firing() -> None:
    other = RelatedView("s1", "mention-surge", {"brand": "acme"}, "minutes", "resolved")
    joined = world.firing("k", " m ", rule="backlash", members=[other])
    part = world.firing(
        "s1", " m ", rule="mention-surge", part_of=[RelatedView("k", "backlash", {}, "minutes", "firing")]
    )
    told = ["\n".join(plain(line) for line in why(each, Known(), NOW, (120, 30), UNICODE)) for each in (joined, part)]
    assert re.search(r"members +mention-surge  brand=acme  minutes  resolved  s1", told[0])
    assert re.search(r"part of +backlash  minutes  firing  k", told[1])


def test_the_preview_stays_within_its_lines() -> None:
    lines = preview(world.busy()[0], NOW, 120, 8, UNICODE)
    assert len(lines) <= 8
    assert all(cell_len(plain(line)) <= 120 for line in lines)
    assert "negative-share · acme · launch" in plain(lines[0])


def acts(text: str) -> bool:
    """Something in it would act on a terminal or on the direction of reading."""
    return any(ord(char) < 32 or 127 <= ord(char) < 160 or char in "\u202e\u2066\u200b\ufeff\u2028" for char in text)


def hostile_story(of: FiringView, payload: str) -> ExplainView:
    """The story of a firing, told in bad words."""
    entry = EntryView(world.WALL, payload, payload, payload, [payload])
    standing = StandingView(payload, payload, payload, payload, world.WALL, payload, payload, 1, payload, 1)
    return msgspec.structs.replace(world.story(of), entries=[entry], now=[standing, StandingView("x", note=payload)])


@pytest.mark.parametrize("payload", world.HOSTILE, ids=range(len(world.HOSTILE)))
@pytest.mark.parametrize("cells", [60, 80, 120])
def test_hostile_strings_stay_text_in_every_view(payload: str, cells: int) -> None:
    one = world.firing(
        id=payload, rule=payload, title=payload, labels={payload: payload}, severity=payload, stage=payload,
        threshold=payload, unit=payload, reason=payload, owner=payload, follows=payload, flags=[payload],
        ack=world.ack(payload, note=payload), links={payload: payload},
        origin=OriginView(payload, 1, {payload: payload + "x"}, payload),
    )  # fmt: skip
    silenced = msgspec.structs.replace(one, silenced_by=[payload], silencer=payload)
    shown = picture([one, silenced], name=payload, coach=payload, notices=[payload])
    known = Known(
        world.story(one).firing,
        CurveView(one.id, payload, payload, world.AT - 60_000, 10_000, [1, None, 1e300, -1e300, 5, 6, 7], [3]),
        RuleNoiseView(payload, 9, 1.0, false_starts={payload: ShareView(1, 2)}),
        related=[msgspec.structs.replace(one, rule=payload)],
        marks=[MarkView("m", world.WALL - 30_000, payload, payload, by=payload)],
    )
    lines = [
        row(one, NOW, cells, UNICODE),
        row(silenced, NOW, cells, UNICODE, Look(selected=True)),
        title(one, NOW, cells, UNICODE),
        *why(one, known, NOW, (cells, 30), UNICODE),
        *StoryPage().lines(hostile_story(one, payload), payload, NOW, cells, UNICODE),
        *preview(silenced, NOW, cells, 8, UNICODE),
        header(shown, NOW, cells, UNICODE),
        silence_line(open_strip(one, [one]), [one], cells, UNICODE),
    ]
    for line in lines:
        assert cell_len(plain(line)) <= cells
        assert not acts(plain(line))
        assert "unrenderable" not in plain(line)


def test_a_row_that_fails_to_format_is_named_and_nothing_else_breaks() -> None:
    broken = msgspec.structs.replace(world.firing("f[1]\x1b"), fired_at="soon")  # type: ignore[arg-type]
    assert plain(row(broken, NOW, 80, UNICODE)).strip() == "<unrenderable f[1]␛>"


def test_cutting_counts_cells_not_characters() -> None:
    assert cut("日本語", 5) == "日本…"
    assert cut("日本語", 6) == "日本語"
    assert pad("日本語", 4) == "日… "
    assert cell_len(plain(fit((Piece("日本語ab"),), 4))) <= 4
    assert wrap("a bb ccc", 4) == ["a bb", "ccc"]
    assert wrap("", 4) == [""]


def test_times_say_their_zone_and_their_day() -> None:
    assert NOW.clock(world.WALL) == "14:03:07Z"
    assert NOW.clock(world.WALL + 86_400_000) == "11-03 14:03:07Z"
    assert NOW.engine_clock(world.AT) == "14:03:07Z"
    assert not Moment(0, world.WALL, world.AT, utc=False).clock(world.WALL).endswith("Z")
    assert countdown(12_000) == "00:12"
    assert countdown(3_730_000) == "1:02:10"


@pytest.mark.parametrize("cells", [80, 120])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_every_two_states_differ_in_text_alone(cells: int, glyphs: Glyphs) -> None:
    quiet: dict[str, Any] = {"silenced_by": ["s"], "silenced_until": world.WALL + 1, "silencer": "ana"}
    states: list[dict[str, Any]] = [
        {}, {"severity": "critical"}, {"severity": "info"}, {"ack": world.ack()}, {"ack": world.ack("bo")},
        {"ack": world.ack(raised=True)}, quiet, {"state": "recovering"}, {"state": "resolved", "resolved_at": world.AT},
        {"flags": ["unfed"]}, {"flags": ["unfed"], "ack": world.ack()}, {"flags": ["rejudging"]},
        {"ladder_text": "SMH"}, {"ladder_text": "Sm."}, {"ladder_text": "S  "},
        {"inhibited_by": "f", "inhibitor": "site-down"},
    ]  # fmt: skip
    texts = [plain(row(world.firing("f", **changes), NOW, cells, glyphs)) for changes in states]
    assert len(set(texts)) == len(states)
    live, stale = picture([]), picture([])
    stale.lost("gone", 0)
    assert plain(header(live, NOW, cells, glyphs)) != plain(header(stale, NOW, cells, glyphs))

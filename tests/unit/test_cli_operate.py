from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result
from fakes_api import ME, NOW, Served, config, firing_view, serving, silence_view
from msgspec.structs import replace

from rtmd.api.questions import Answer, Instant
from rtmd.cli import VERBS, main
from rtmd.cli.target import SYSTEM_SOCKET, find_target
from rtmd.config import Role
from rtmd.formats.query_json import encode_matrix, encode_scalar, encode_vector
from rtmd.model.effects import Answered
from rtmd.model.inputs import AckSet, MarkMade, SilenceExpired, SilenceSet
from rtmd.model.mark import MarkKind
from rtmd.model.rule import MINUTE
from rtmd.model.silence import Lift
from rtmd.wire import AckView, RuleErrorView
from rtmd.wire.actions import HoldView
from rtmd.wire.audit import VerifiedView
from rtmd.wire.explain import EntryView, ExplainView, StandingView
from rtmd.wire.marks import MarkView
from rtmd.wire.rules import ReloadView
from rtmd.wire.watchers import WatcherView
from tui.options import Options

FROM = f"unix uid {os.geteuid()}"
HOSTILE = "\x1b]52;c;x\x07[/red]\u202e\x9b"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path, config(tcp_role=Role.VIEW)) as running:
        yield running


async def rtmd(served: Served, *arguments: str, tcp: bool = False) -> Result:
    """Run a verb against the running server."""
    where = f"tcp:127.0.0.1:{served.port}" if tcp else str(served.path)
    return await asyncio.to_thread(CliRunner().invoke, main, arguments, env={"RTMD_CONNECT": where})


async def test_firings_are_a_table_of_what_is_open(served: Served) -> None:
    served.desk.open["f0"] = firing_view("f0", resolved_at=NOW, state="resolved")
    served.desk.open["f1"] = firing_view(ack=AckView("ana", NOW, NOW + 1))
    result = await rtmd(served, "firings")
    assert result.exit_code == 0
    assert [line.split()[:4] for line in result.output.splitlines()] == [
        ["ID", "SEVERITY", "STAGE", "STATE"],
        ["f1", "warning", "minutes", "firing"],
    ]
    assert "60s  93 mentions/min  > 80       ana  acme: mentions surge  brand=acme" in result.output
    assert "f0" in (await rtmd(served, "firings", "--all")).output


async def test_columns_are_aligned_whatever_is_in_them(served: Served) -> None:
    served.desk.open["f2"] = firing_view("f2", title="日本", labels={"a": 'x "y"', "b": "1"})
    header, *rows = (await rtmd(served, "firings")).output.splitlines()
    place = header.index("LABELS")
    assert rows[0][place:] == "brand=acme"
    assert rows[1].endswith('a="x \\"y\\"" b=1')


async def test_nothing_from_outside_acts_on_the_terminal(served: Served) -> None:
    served.desk.open["f1"] = firing_view(title=HOSTILE, labels={HOSTILE: HOSTILE})
    served.desk.kept_silences = [silence_view(comment=HOSTILE, created_by=HOSTILE, matchers=[HOSTILE])]
    served.desk.errors = [RuleErrorView(HOSTILE, 1, 1, HOSTILE)]
    served.desk.answered = Answered(request=1, status=409, error=HOSTILE)
    served.desk.watchers = [WatcherView(HOSTILE, 0, [HOSTILE])]
    for verb in (["firings"], ["silence", "list"], ["ack", "f1"], ["status"]):
        for extra in ([], ["--json"]):
            output = (await rtmd(served, *verb, *extra)).output
            assert output
            assert not set(output) & set("\x1b\x07\u202e\x9b"), (verb, extra)


async def test_status_says_who_watches(served: Served) -> None:
    served.desk.watchers = [WatcherView("ana", served.desk.time - 720_000, ["tcp 10.0.0.7", "unix uid 1000"], 2)]
    assert "ana for 12m (tcp 10.0.0.7, unix uid 1000)" in (await rtmd(served, "status")).output


async def test_status_says_who_holds_everything_and_why(served: Served) -> None:
    assert "HELD" not in (await rtmd(served, "status")).output
    served.desk.held = HoldView("kim", 1_790_000_000_000, "wrong prices")
    assert "by kim since 2026-09-21T14:13:20Z: wrong prices" in (await rtmd(served, "status")).output


async def test_json_is_what_the_daemon_said(served: Served) -> None:
    served.desk.open["f1"] = firing_view(title=HOSTILE)
    firings = json.loads((await rtmd(served, "firings", "--json")).output)
    assert [firing["title"] for firing in firings] == [HOSTILE]
    assert json.loads((await rtmd(served, "rules", "--json")).output)[0]["name"] == "mention-surge"
    assert json.loads((await rtmd(served, "status", "--json")).output)["name"] == "rtmd"


async def test_silencing_a_firing_and_by_matchers(served: Served) -> None:
    result = await rtmd(served, "silence", "add", "--firing", "f1", "--for", "15m", "--comment", "known")
    hides = 'rule="mention-surge" matches 3 of 12 open firings; for 15m.'
    assert (result.exit_code, result.output.splitlines()) == (0, [hides, "made-1"])
    await rtmd(served, "silence", "add", "brand=acme", 'stage=~"sec.*"')
    first, second = served.desk.asked
    assert isinstance(first, SilenceSet)
    assert isinstance(second, SilenceSet)
    assert (first.ends_at - first.starts_at, first.comment, len(first.matchers)) == (15 * MINUTE, "known", 3)
    assert [str(matcher) for matcher in second.matchers] == ['brand="acme"', 'stage=~"sec.*"']


async def test_what_hides_much_is_asked_about_and_yes_answers(served: Served) -> None:
    served.desk.weighed = replace(served.desk.weighed, asks=["hides 60 of 80 open firings"], critical=2)
    asked = await rtmd(served, "silence", "add", "brand=acme")
    assert asked.exit_code == 1
    assert "hides 2 critical at hours" in asked.output
    assert "This hides 60 of 80 open firings. Silence it? [y/N]" in asked.output
    assert served.desk.asked == []
    assert (await rtmd(served, "silence", "add", "brand=acme", "--yes")).exit_code == 0
    assert (await rtmd(served, "silence", "edit", "s1", "--for", "2h", "--version", "3", "--yes")).exit_code == 0
    made, edited = served.desk.asked
    assert isinstance(made, SilenceSet)
    assert isinstance(edited, SilenceSet)
    assert made.confirmed
    assert (edited.id, edited.version, edited.confirmed) == ("s1", 3, True)


async def test_until_resolved_and_a_preview_that_makes_nothing(served: Served) -> None:
    served.desk.weighed = replace(served.desk.weighed, lift="resolved")
    seen = await rtmd(served, "silence", "add", "--firing", "f1", "--until-resolved", "--preview")
    assert "until all of that has resolved, at most for 15m." in seen.output
    assert served.desk.asked == []
    [wanted] = served.desk.previewed
    assert (wanted.lift, wanted.ends_at - wanted.starts_at) == (Lift.RESOLVED, 8 * 60 * MINUTE)


async def test_forgotten_silences_are_listed_with_the_reason(served: Served) -> None:
    served.desk.kept_silences.append(silence_view("s2", forgotten=["matches nothing for 3d"], lift="resolved"))
    shown = (await rtmd(served, "silence", "list", "--forgotten")).output
    assert "matches nothing for 3d" in shown
    assert "when resolved, in 10m at the latest" in shown
    assert "s1" not in shown


async def test_expiring_and_acking(served: Served) -> None:
    assert (await rtmd(served, "silence", "expire", "s1")).output == "s1 has ended.\n"
    assert (await rtmd(served, "ack", "f1", "--for", "1h", "--note", "on it")).output == "You have f1.\n"
    expired, ack = served.desk.asked
    assert isinstance(expired, SilenceExpired)
    assert isinstance(ack, AckSet)
    assert (ack.length, ack.note) == (60 * MINUTE, "on it")


async def test_a_story_is_told_with_its_days_its_zone_and_where_receivers_stand(served: Served) -> None:
    hour = 3_600_000
    day = NOW - NOW % (24 * hour)
    fired = EntryView(day - hour, "transition", "minutes fires: condition held (182)", more=["window: 182  m > 120"])
    held = EntryView(day + 1_000, "suppressed", HOSTILE, "desk", [HOSTILE])
    desk = StandingView("desk", "route", "minutes", "withheld", day, "silenced by ana", looks_at=day + 2 * hour)
    lead = StandingView("lead", "route", "minutes", "firing", day, acked_by="kim", acked_until=day + 3 * hour)
    boss = StandingView("boss", note="nothing leads from this firing to boss")
    served.desk.story = ExplainView(day + hour, firing_view(), [fired, held], [desk, lead, boss], truncated=True)
    shown = (await rtmd(served, "explain", "f1", "--zone", "Europe/Paris", "--receiver", "desk")).output
    assert not set("\x1b\x07\u202e\x9b") & set(shown)
    lines = [line for line in shown.splitlines() if line and "␛" not in line]
    waits = "its group (route, minutes) waits for something to happen"
    assert lines == [
        "acme: mentions surge  mention-surge brand=acme",
        "firing at minutes, warning. Times are CEST, UTC+0200.",
        "The oldest lines are left out.",
        "Monday, 2026-09-21",
        "01:00:00  transition  minutes fires: condition held (182)",
        f"{'':23}window: 182  m > 120",
        "Now, 03:00:00",
        "  desk: withheld since 02:00:00: silenced by ana; its group (route, minutes) is looked at 04:00:00",
        f"  lead: told last at 02:00:00: firing; no repeats until 05:00:00: kim has it; {waits}",
        "  boss: nothing leads from this firing to boss",
    ]
    assert served.desk.explained == [("f1", "desk")]


async def test_a_story_in_json_or_in_a_zone_that_is_none(served: Served) -> None:
    assert json.loads((await rtmd(served, "explain", "f1", "--json")).output)["firing"]["id"] == "f1"
    assert (await rtmd(served, "explain", "f1", "--zone", "Mars/Base")).exit_code == 2
    assert "no firing" in (await rtmd(served, "explain", "f9")).output


async def test_the_audit_trail_is_listed_by_who_and_what(served: Served) -> None:
    shown = (await rtmd(served, "audit", "--by", "ana")).output.splitlines()
    assert [line.split()[2:] for line in shown[1:]] == [["ana", "-", "ack", "f1", "on", "it"]]
    assert len((await rtmd(served, "audit", "--limit", "1")).output.splitlines()) == 2
    assert (await rtmd(served, "audit", "--what", "s9")).output == "Nobody changed anything.\n"
    assert [line["by"] for line in json.loads((await rtmd(served, "audit", "--json")).output)] == ["ana", "bo"]


async def test_verifying_the_audit_trail_fails_when_it_was_tampered_with(served: Served) -> None:
    assert "2 lines, as they were written" in (await rtmd(served, "audit", "--verify")).output
    served.desk.audit.verified = VerifiedView(1, "ab12", "line 2 is not what was written")
    broken = await rtmd(served, "audit", "--verify")
    assert (broken.exit_code, "tampered with: line 2" in broken.output) == (1, True)


async def test_a_mark_is_a_text_a_kind_and_labels(served: Served) -> None:
    assert (await rtmd(served, "mark", "v2.3 is live", "kind=deploy", "service=shop")).output == "made-1\n"
    await rtmd(served, "mark", "kick-off", "--ago", "2m")
    first, second = served.desk.asked
    assert first == MarkMade(1, ME, MarkKind.DEPLOY, "v2.3 is live", (("service", "shop"),), origin=FROM)
    assert second == MarkMade(2, ME, MarkKind.EVENT, "kick-off", time=NOW - 2 * MINUTE, origin=FROM)
    refused = await rtmd(served, "mark", "v2.3", "is", "live")
    assert (refused.exit_code, "is no label" in refused.output) == (2, True)


async def test_marks_are_listed_and_nothing_in_them_acts(served: Served) -> None:
    assert (await rtmd(served, "marks")).output == "Nothing was reported.\n"
    served.desk.kept_marks = [
        MarkView("m0", NOW - 90_000_000, "deploy", "long ago"),
        MarkView("m1", NOW, "deploy", HOSTILE, {"service": HOSTILE}, "ci"),
        MarkView("m2", NOW, "post", "out now", {}, "ana"),
    ]
    shown = (await rtmd(served, "marks", "--kind", "deploy")).output
    assert [line.split()[1] for line in shown.splitlines()] == ["KIND", "deploy"]
    assert not set("\x1b\x07\u202e\x9b") & set(shown)


async def test_silences_rules_and_status_are_shown(served: Served) -> None:
    served.desk.kept_silences.append(silence_view("s2", state="expired"))
    shown = (await rtmd(served, "silence", "list")).output
    assert 's1  active  in 10m  ana  1        0           rule="mention-surge"  known' in shown
    assert "s2" not in shown
    assert "s2" in (await rtmd(served, "silence", "list", "--all")).output
    assert "seconds,minutes" in (await rtmd(served, "rules")).output
    assert "12.5/s" in (await rtmd(served, "status")).output


async def test_rules_say_what_is_not_as_usual(served: Served) -> None:
    usual = served.desk.kept_rules[0]
    served.desk.kept_rules = [
        usual,
        msgspec.structs.replace(usual, name="b", enabled=False),
        msgspec.structs.replace(usual, name="c", shadow=True, unfed=1, rejudging=2),
        msgspec.structs.replace(usual, name="d", problems=["x"], refused=3, unfed_since=NOW),
    ]
    header, *shown = (await rtmd(served, "rules")).output.splitlines()
    states = ["on", "off", "shadow, no data, rejudging", "error, full, no data"]
    place = header.index("STATE")
    assert [line[place : header.index("KIND")].strip() for line in shown] == states


async def test_a_reload_says_what_it_did_and_confirms_only_when_told(tmp_path: Path) -> None:
    async with serving(tmp_path, config(tcp_role=Role.ADMIN)) as served:
        assert (await rtmd(served, "reload", tcp=True)).output == "Nothing has changed since the start.\n"
        served.desk.reloaded = ReloadView(wall=NOW, changed={"surge": "for"}, summary="changed surge (for)")
        result = await rtmd(served, "reload", "--confirm", tcp=True)
        assert result.output.endswith(": changed surge (for).\n")
        assert [bool(by) for by in served.desk.reloads] == [False, True]
        served.desk.errors = [RuleErrorView("rules", 0, 0, "4 firing rules would vanish")]
        refused = await rtmd(served, "reload", tcp=True)
        assert (refused.exit_code, "4 firing rules would vanish" in refused.output) == (1, True)
        assert (await served.tcp.post("/-/reload?confirm=perhaps")).status_code == 400


async def test_empty_tables_say_so(served: Served) -> None:
    served.desk.open.clear()
    served.desk.kept_silences.clear()
    served.desk.kept_rules.clear()
    outputs = [
        (await rtmd(served, *verb)).output for verb in (["firings"], ["silence", "list"], ["rules"], ["eval", "up"])
    ]
    assert outputs == ["Nothing fires.\n", "No silences.\n", "No rules are loaded.\n", "No result.\n"]


async def test_eval_prints_a_vector_a_range_or_a_number(served: Served) -> None:
    served.desk.told = Answer((encode_vector([((("brand", "acme"),), 93.0)], 5000),))
    assert (await rtmd(served, "eval", "up", "--time", "5", tcp=True)).output.splitlines()[1].split() == [
        "93",
        "brand=acme",
    ]
    curve = ((("brand", "acme"),), np.array([4_500, 5_000]), np.array([1.0, 2.5]))
    served.desk.told = Answer((encode_matrix([curve]),))
    lines = (await rtmd(served, "eval", "up[1m]")).output.splitlines()
    assert [line.split() for line in lines[1:]] == [["4.500", "1", "brand=acme"], ["5.000", "2.5", "brand=acme"]]
    served.desk.told = Answer((encode_scalar(2.5, 5000),))
    assert (await rtmd(served, "eval", "1 + 1.5")).output == "2.5\n"
    assert json.loads((await rtmd(served, "eval", "2.5", "--json")).output)["result"][1] == "2.5"
    assert served.desk.questions[0][0] == Instant("up", 5000)


async def test_a_refusal_is_one_line_and_exit_1(served: Served) -> None:
    served.desk.answered = Answered(request=1, status=409, error="bo has it")
    served.desk.told = Answer(error_type="bad_data", error="the expression is empty")
    for arguments, words in (
        (["ack", "f1"], "bo has it"),
        (["eval", ""], "the expression is empty"),
        (["silence", "add", 'a=~".*"'], "empty string"),
    ):
        result = await rtmd(served, *arguments)
        assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
        assert words in result.output
    assert "tcp has view" in (await rtmd(served, "ack", "f1", tcp=True)).output


@pytest.mark.parametrize(
    "arguments",
    [
        ["silence", "add"],
        ["silence", "add", "a=b", "--firing", "f1"],
        ["silence", "add", "a=b", "--rule-wide"],
        ["silence", "add", "a=b", "--for", "soon"],
        ["silence", "add", "a=b", "--for", "0s"],
        ["ack"],
        ["nonsense"],
        ["completion", "csh"],
    ],
)
def test_wrong_usage_is_exit_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


@pytest.mark.parametrize(
    "target", ["/nonexistent/rtmd.sock", "http://127.0.0.1:1", "http://[", "http://x\x00y", "a" * 200]
)
def test_an_unreachable_daemon_is_one_line_and_exit_1(target: str) -> None:
    result = CliRunner().invoke(main, ["status", "--connect", target])
    assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_the_target_is_what_was_asked_for_or_the_first_socket_there_is(tmp_path: Path) -> None:
    (tmp_path / "rtmd").mkdir()
    (tmp_path / "rtmd" / "rtmd.sock").touch()
    assert find_target("unix:/a", {"RTMD_CONNECT": "/b"}) == "/a"
    assert find_target(None, {"RTMD_CONNECT": "tcp:127.0.0.1:9095"}) == "http://127.0.0.1:9095"
    assert find_target(None, {"XDG_RUNTIME_DIR": str(tmp_path)}) == f"{tmp_path}/rtmd/rtmd.sock"
    assert find_target(None, {"RUNTIME_DIRECTORY": f"{tmp_path}/rtmd"}) == f"{tmp_path}/rtmd/rtmd.sock"
    assert find_target(None, {"XDG_RUNTIME_DIR": "/nonexistent"}) == SYSTEM_SOCKET


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_the_shell(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert (result.exit_code, "_RTMD_COMPLETE" in result.output) == (0, True)


def test_verbs_complete_without_being_imported() -> None:
    environment = {"_RTMD_COMPLETE": "bash_complete", "COMP_WORDS": "rtmd s", "COMP_CWORD": "1"}
    result = CliRunner().invoke(main, [], prog_name="rtmd", env=environment)
    assert result.output.split() == ["plain,silence", "plain,status", "plain,service"]


def test_the_screen_is_opened_on_the_target_and_its_exit_code_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, Options]] = []

    def screen(target: str, options: Options) -> int:
        opened.append((target, options))
        return 3

    monkeypatch.setattr("tui.app.main", screen)
    flags = ["--connect", "tcp:127.0.0.1:9095", "--ascii", "--readonly", "--open", "firing/f1"]
    result = CliRunner().invoke(main, ["tui", *flags])
    wanted = Options(ascii_only=True, read_only=True, open_at="firing/f1")
    assert (result.exit_code, opened) == (3, [("http://127.0.0.1:9095", wanted)])


def test_version_is_printed() -> None:
    assert CliRunner().invoke(main, ["version"]).output.startswith("rtmd 0.")


def test_help_names_every_verb_and_imports_none() -> None:
    script = (
        "import sys\nfrom rtmd.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print(*(name for name in ('httpx', 'msgspec', 'numpy', 'textual', 'uvicorn') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    *help_lines, heavy = done.stdout.splitlines()
    assert heavy == ""
    assert all(any(line.strip().startswith(verb) for line in help_lines) for verb in VERBS)

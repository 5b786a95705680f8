"""The verbs of operators against one real daemon: what they print, what they refuse, and with which exit code.

Each test has a brand of its own, so that they can share the daemon in any order.
"""

from __future__ import annotations

import os
import pwd
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest
from click.testing import CliRunner, Result
from daemon import Rtmd, cli

from rtmd.cli import main
from rtmd.wire.audit import AuditView
from rtmd.wire.explain import ExplainView
from rtmd.wire.silences import SilencePreview, SilenceView

ME = pwd.getpwuid(os.geteuid()).pw_name
RULE = """
[rules.hot]
signal = 'm'
no_data_limit = "1h"
[rules.hot.seconds]
above = 10
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rtmd]:
    with Rtmd(tmp_path_factory.mktemp("operated"), "", {"r.toml": RULE}) as running:
        yield running.start()


def rtmd(daemon: Rtmd, *arguments: str, connect: str = "", typed: str | None = None) -> Result:
    """Run a verb; `typed` is what somebody answers to a question."""
    where = {"RTMD_CONNECT": connect or str(daemon.socket)}
    return CliRunner().invoke(main, arguments, env=where, input=typed)


def failed(result: Result) -> tuple[int, str]:
    """The exit code, and why, of a verb that printed nothing else."""
    assert result.stdout == ""
    return result.exit_code, result.stderr


def fire(daemon: Rtmd, brand: str) -> str:
    """Have something fire; gives its id."""
    daemon.client.send("m", 20, brand=brand)

    def look() -> str:
        found = daemon.client.open_firings()
        return next((one.id for one in found if one.labels.get("brand") == brand), "")

    return daemon.until(f"{brand} fires", look)


def test_a_firing_is_explained_in_text_in_json_and_for_one_receiver(daemon: Rtmd) -> None:
    firing = fire(daemon, "explained")
    daemon.until("the log has it", lambda: "log has it" in rtmd(daemon, "explain", firing).stdout)
    shown = rtmd(daemon, "explain", firing, "--zone", "UTC").stdout
    assert shown.startswith("hot")
    assert "firing at seconds, info. Times are UTC, UTC+0000." in shown
    for text in ("the firing opens, at seconds", "window: 20  m > 10", "log is told: firing (first firing)", "Now, "):
        assert text in shown
    told = msgspec.json.decode(rtmd(daemon, "explain", firing, "--json").stdout, type=ExplainView)
    assert told.firing.id == firing
    assert [entry.kind for entry in told.entries] == ["transition", "transition", "told", "delivery"]
    boss = rtmd(daemon, "explain", firing, "--receiver", "boss").stdout
    assert "boss: nothing leads from this firing to boss" in boss


def test_what_cannot_be_explained_says_so(daemon: Rtmd) -> None:
    assert failed(rtmd(daemon, "explain", "nonesuch")) == (1, 'Error: there is no firing "nonesuch"\n')
    code, why = failed(rtmd(daemon, "explain", "nonesuch", "--zone", "Mars/Base"))
    assert (code, "is no time zone" in why) == (2, True)


def test_a_mark_stands_in_the_story_of_what_fires_after_it(daemon: Rtmd) -> None:
    made = rtmd(daemon, "mark", "v2.3 is live", "kind=deploy", "brand=marked")
    assert (made.exit_code, made.stdout.strip()) == (0, daemon.client.http.get("/api/rtmd/v1/marks").json()[-1]["id"])
    assert "v2.3 is live" in rtmd(daemon, "marks", "--kind", "deploy").stdout
    assert "v2.3 is live" not in rtmd(daemon, "marks", "--kind", "post").stdout
    firing = fire(daemon, "marked")
    assert 'deploy: v2.3 is live {brand="marked"}' in rtmd(daemon, "explain", firing).stdout
    code, why = failed(rtmd(daemon, "mark", "launch", "kind=party"))
    assert (code, "party" in why) == (1, True)
    assert failed(rtmd(daemon, "mark", "v2.3", "is", "live"))[0] == 2


def test_a_silence_is_weighed_made_changed_and_ended(daemon: Rtmd) -> None:
    fire(daemon, "calm")
    mine = 'brand="hushed"'
    seen = rtmd(daemon, "silence", "add", mine, "--preview", "--json")
    assert msgspec.json.decode(seen.stdout, type=SilencePreview).matches == 0
    made = rtmd(daemon, "silence", "add", mine, "--for", "2h", "--comment", "launch")
    assert made.exit_code == 0
    silence = made.stdout.split()[-1]
    firing = fire(daemon, "hushed")
    held = f"not told to log: silenced by {ME} until"
    daemon.until("it is held back", lambda: held in rtmd(daemon, "explain", firing).stdout)
    assert mine in rtmd(daemon, "silence", "list").stdout

    changed = rtmd(daemon, "silence", "edit", silence, "--for", "1h", "--version", "1")
    assert (changed.exit_code, changed.stdout.split()[-1]) == (0, silence)
    code, why = failed(rtmd(daemon, "silence", "expire", silence, "--version", "1"))
    assert (code, why.startswith("Error: ")) == (1, True)
    assert rtmd(daemon, "silence", "expire", silence).stdout == f"{silence} has ended.\n"
    assert mine not in rtmd(daemon, "silence", "list").stdout
    over = msgspec.json.decode(rtmd(daemon, "silence", "list", "--all", "--json").stdout, type=list[SilenceView])
    assert [(each.state, each.comment) for each in over if each.id == silence] == [("expired", "launch")]


def test_a_silence_that_lasts_long_is_asked_about_and_what_is_none_is_refused(daemon: Rtmd) -> None:
    long = ("silence", "add", 'brand="long"', "--for", "10d")
    for typed in ("n\n", ""):
        refused = rtmd(daemon, *long, typed=typed)
        assert (refused.exit_code, "Silence it?" in refused.stderr, "Aborted!" in refused.stderr) == (1, True, True)
    assert 'brand="long"' not in rtmd(daemon, "silence", "list").stdout
    made = rtmd(daemon, *long, "--yes")
    assert made.exit_code == 0
    assert rtmd(daemon, "silence", "expire", made.stdout.split()[-1]).exit_code == 0
    assert failed(rtmd(daemon, "silence", "add"))[0] == 2
    assert failed(rtmd(daemon, "silence", "add", "brand=a", "--rule-wide"))[0] == 2
    for wrong in (
        ("add", 'brand=~"("'),
        ("add", 'brand=~".*"'),
        ("add", "brand=a", "--for", "31d"),
        ("expire", "none"),
    ):
        code, why = failed(rtmd(daemon, "silence", *wrong))
        assert (code, why.startswith("Error: "), why.count("\n")) == (1, True, 1), wrong


def test_everything_is_held_until_it_is_released_and_everybody_is_told_why(daemon: Rtmd) -> None:
    assert rtmd(daemon, "hold", "wrong prices").stdout == "Everything is held.\n"
    assert f"HELD by {ME}: wrong prices" in rtmd(daemon, "proposals").stdout
    assert daemon.client.status().hold is not None
    assert rtmd(daemon, "release").stdout == "Nothing is held any more.\n"
    assert daemon.client.status().hold is None
    assert failed(rtmd(daemon, "hold"))[0] == 2
    code, why = failed(rtmd(daemon, "hold", " "))
    assert (code, "reason" in why) == (1, True)


def test_who_may_only_look_holds_nothing_and_stands_in_the_trail(daemon: Rtmd) -> None:
    code, why = failed(rtmd(daemon, "hold", "mischief", connect=daemon.tcp))
    assert (code, "operate" in why) == (1, True), daemon.log

    def denied() -> list[AuditView]:
        lines = rtmd(daemon, "audit", "--what", "denied", "--json").stdout
        return [each for each in msgspec.json.decode(lines, type=list[AuditView]) if "hold" in each.object]

    assert daemon.until("the attempt is written down", denied)[0].origin.startswith("tcp 127.0.0.1")


def test_the_trail_says_who_did_what_and_whether_somebody_wrote_in_it(daemon: Rtmd) -> None:
    rtmd(daemon, "mark", "for the trail", "brand=trail")
    lines = msgspec.json.decode(rtmd(daemon, "audit", "--by", ME, "--json").stdout, type=list[AuditView])
    mark = next(each for each in lines if "for the trail" in each.detail)
    assert (mark.verb, mark.origin) == ("mark", f"unix uid {os.geteuid()}")
    assert "for the trail" in rtmd(daemon, "audit", "--what", "mark", "--since", "1h").stdout
    assert rtmd(daemon, "audit", "--by", "nobody-at-all").stdout == "Nobody changed anything.\n"
    whole = rtmd(daemon, "audit", "--verify")
    assert (whole.exit_code, "lines, as they were written" in whole.stdout) == (0, True)
    with closing(sqlite3.connect(daemon.folder / "state" / "state.db", timeout=30)) as intruder, intruder:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            intruder.execute("DELETE FROM audit")
        intruder.execute("DROP TRIGGER audit_unchanged")  # whoever means harm gets around that
        intruder.execute("UPDATE audit SET by = 'somebody else' WHERE seq = ?", (mark.seq,))
    broken = rtmd(daemon, "audit", "--verify")
    assert (broken.exit_code, f"tampered with: line {mark.seq} is not what was written" in broken.stderr) == (1, True)


def test_a_verb_without_a_daemon_is_one_line_on_stderr_and_exit_code_1(daemon: Rtmd) -> None:
    alone = cli(daemon.folder, "explain", "f1", "--connect", "elsewhere.sock")
    assert (alone.returncode, alone.stdout) == (1, "")
    why = "there is no such socket; is the daemon running?"
    assert alone.stderr == f"Error: cannot reach rtmd at elsewhere.sock: {why}\n"

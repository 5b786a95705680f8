"""Rule tests: what passes, what fails and how that reads, and mistakes in the tests themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rtmd.cli import main

ROOT = Path(__file__).parents[2]
RULES = """
[rules.hot]
title = "{i} is hot"
signal = 'avg_over_time(m[$window])'
labels = { team = "a" }
[rules.hot.seconds]
window = "10s"
above = 5
run = ["hold"]
notify = ["desk"]
[rules.hot.minutes]
window = "1m"
above = 5
guard = 'n > 0'
[rules.other]
signal = 'm'
above = 1
every = "1m"
no_data = "resolve"
"""
SERIES = """series = { 'm{i="1"}' = "0x30 9x8 0x60", 'n{i="1"}' = "1x100" }\n"""


def run(folder: Path, text: str, *options: str, rules: str = RULES) -> Result:
    (folder / "r.toml").write_text(rules)
    (folder / "r.test.toml").write_text(f'interval = "1s"\n[[case]]\nname = "it"\n{text}')
    return CliRunner().invoke(main, ["test", *options, str(folder)])


def test_the_shipped_rules_do_what_their_tests_say() -> None:
    done = CliRunner().invoke(main, ["test", str(ROOT / "rules")])
    assert done.exit_code == 0, done.output
    assert "11 passed, 0 failed" in done.output


def test_everything_that_can_be_expected(tmp_path: Path) -> None:
    text = """
[[case.expect]]
at = "36s"
rule = "hot"
told = [{ receiver = "desk", what = "firing", at = "36s", rule = "hot", labels = { i = "1", team = "a" } }]
outcome = []
resolved = []
[[case.expect.firing]]
labels = { i = "1" }
stage = "seconds"
state = "firing"
severity = "info"
value = [5, 7]
title = "1 is hot"
outcome = "none"
ack = "none"
silenced = false
[[case.expect]]
at = "2m"
rule = "hot"
firing = []
resolved = [{ rule = "hot", stage = "seconds", outcome = "handled", reason = "cleared" }]
outcome = [{ rule = "hot", stage = "seconds", outcome = "handled" }]
told = [{ receiver = "desk", what = "resolved" }]
eval = [
  { expr = "m + 0", value = nan },
  { expr = "sum(n)", value = 1 },
  { expr = "n", labels = { i = "1" }, value = [0, 2] },
  { expr = "nothing", rows = [] },
  { expr = "n * 2", rows = [{ labels = { i = "1" }, value = 2 }] },
  { expr = "time() % 60", value = 0 },
]
"""
    series = SERIES.replace("0x60", "0x50 NaN _x40 NaNx9")
    done = run(tmp_path, series + text)
    assert done.output == "1 passed, 0 failed\n"
    assert done.exit_code == 0


def test_a_failure_names_the_place_the_expectation_and_what_every_stage_saw(tmp_path: Path) -> None:
    text = '[[case.expect]]\nat = "36s"\nrule = "hot"\nfiring = [{ labels = { i = "1" }, stage = "minutes" }]\n'
    done = run(tmp_path, SERIES + text)
    assert done.exit_code == 1
    place, *details, summary = done.output.splitlines()
    assert place == f'{tmp_path}/r.test.toml:5:8: "it", at 36s: firing is not as expected'
    assert summary == "0 passed, 1 failed"
    assert [" ".join(line.split()) for line in details] == [
        'expected hot {i="1"} stage=minutes',
        'found hot {i="1"} stage=seconds state=firing value=5.4',
        'hot {i="1"}',
        "seconds firing since 36s",
        "signal 5.4 avg_over_time(m[10s]) > 5",
        "minutes inactive",
        "signal 1.45946 avg_over_time(m[1m]) > 5",
        "recent 9 over 5s",
        "guard 1 n > 0",
    ]


def test_firings_that_nobody_expects_fail_unless_the_rest_may_be_more(tmp_path: Path) -> None:
    text = '[[case.expect]]\nat = "1m"\nfiring = [{ rule = "hot" }]\n'
    series = SERIES.replace("9x8", "9x60")
    done = run(tmp_path, series + text)
    assert "found     other" in done.output
    assert run(tmp_path, series + text + "partial = true\n").exit_code == 0
    assert run(tmp_path, series + text + 'rule = "hot"\n').exit_code == 0
    assert run(tmp_path, 'rule = "hot"\n' + series + text).exit_code == 0


def test_samples_of_an_instant_are_seen_by_the_evaluation_at_that_instant(tmp_path: Path) -> None:
    series = """series = { 'm{i="1"}' = { values = "5x9", offset = "1m", interval = "20s" } }\n"""
    text = """expect = [{ at = "59s", rule = "other", firing = [] }, { at = "1m", rule = "other", firing = [{}] }]"""
    assert run(tmp_path, series + text).output == "1 passed, 0 failed\n"


def test_people_say_something_at_their_time(tmp_path: Path) -> None:
    text = """
rule = "other"
silence = [{ at = "30s", match = ['rule="other"'], for = "5m" }]
ack = [{ at = "90s", by = "ana", labels = { i = "1" } }, { at = "91s", rule = "other", by = "ben" }]
expect = [{ at = "2m", firing = [{ ack = "ben", silenced = true }], told = [] }]
"""
    assert run(tmp_path, """series = { 'm{i="1"}' = "0x20 9x300" }""" + text).output == "1 passed, 0 failed\n"


def test_a_mark_lets_a_rule_be_judged(tmp_path: Path) -> None:
    rules = "[rules.other]\nsignal = 'm'\nwithin = '1m of deploy'\nabove = 5\n"
    text = """
mark = [{ at = "30s", kind = "deploy", text = "v2", labels = { i = "1" } }, { at = "31s" }]
expect = [
  { at = "29s", firing = [] },
  { at = "35s", firing = [{ labels = { i = "1" } }] },
  { at = "90s", firing = [], resolved = [{ rule = "other" }] },
]
"""
    series = """series = { 'm{i="1"}' = "9x300", 'm{i="2"}' = "9x300" }"""
    assert run(tmp_path, series + text, rules=rules).output == "1 passed, 0 failed\n"


def test_what_people_cannot_do_fails(tmp_path: Path) -> None:
    text = 'ack = [{ at = "1s", rule = "other" }]\nexpect = [{ at = "2s", firing = [] }]\n'
    done = run(tmp_path, text)
    assert "r.test.toml:4" in done.output
    assert "0 firings are other: an ack is for one" in done.output


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", 'the case "it" expects nothing'),
        ("expect = [{ firing = [] }]", "at is missing"),
        ('expect = [{ at = "1s" }]', "nothing is expected"),
        ('expect = [{ at = "1s", firng = [] }]', 'firng is not known: did you mean "firing"?'),
        ('expect = [{ at = "1s", firing = [{ rule = "hott" }] }]', 'none of the rules: did you mean "hot"?'),
        ('expect = [{ at = "1s", firing = [{ stage = "minute" }] }]', 'hours: did you mean "minutes"?'),
        ('expect = [{ at = "1s", firing = [{ value = "x" }] }]', "value must be a number, or [low, high]"),
        ('expect = [{ at = "1s", eval = [{ expr = "sum(" , value = 1 }] }]', "4:45"),
        ('expect = [{ at = "1s", eval = [{ expr = "m" }] }]', "needs a value, or rows"),
        ('series = { "m{" = "1" }\nexpect = [{ at = "1s", firing = [] }]', "is not a series"),
        ('series = { m = "1 x" }\nexpect = [{ at = "1s", firing = [] }]', '4:16: "x" is not known in values'),
        ('start = "now"\nexpect = [{ at = "1s", firing = [] }]', "start must be a date and time"),
        ('mark = [{ at = "1s", kind = "deploi" }]\nexpect = [{ at = "1s", firing = [] }]', 'did you mean "deploy"?'),
        ('silence = [{ at = "1s", match = ["x"] }]\nexpect = [{ at = "1s", firing = [] }]', "match is wrong"),
    ],
)
def test_mistakes_in_a_test_are_told_with_their_place(tmp_path: Path, text: str, problem: str) -> None:
    done = run(tmp_path, text)
    assert done.exit_code == 1
    assert problem in done.output
    assert f"{tmp_path}/r.test.toml:" in done.output


def test_rules_that_are_wrong_fail_the_test_at_their_own_place(tmp_path: Path) -> None:
    done = run(tmp_path, 'expect = [{ at = "1s", firing = [] }]', rules="[rules.x]\nsignal = 'm'\nabov = 1\n")
    assert (
        f"{tmp_path}/r.toml:3:1: minutes" in done.output or f"{tmp_path}/r.toml:3:1: abov is not known" in done.output
    )
    assert "0 passed, 1 failed" in done.output


def test_a_start_moves_time_itself(tmp_path: Path) -> None:
    text = 'start = 2026-01-05T08:00:00Z\nexpect = [{ at = "1h", eval = [{ expr = "hour()", value = 9 }] }]'
    assert run(tmp_path, text).exit_code == 0


def test_the_timeline_and_the_document(tmp_path: Path) -> None:
    text = 'rule = "hot"\n' + SERIES + 'expect = [{ at = "2m", firing = [{}] }]'
    assert "0:36  seconds fires        hot" in run(tmp_path, text, "-v").output
    answer = json.loads(run(tmp_path, text, "--json").stdout)
    assert (answer["passed"], answer["failed"]) == (0, 1)
    (case,) = answer["cases"]
    (failure,) = case["failures"]
    assert (case["name"], case["line"], failure["line"]) == ("it", 2, 6)
    assert failure["details"][0] == "expected  hot"


def test_no_tests_is_no_success(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["test", str(tmp_path)])
    assert done.exit_code == 1
    assert "there are no rule tests here" in done.output


def test_the_same_test_gives_the_same_bytes(tmp_path: Path) -> None:
    text = SERIES + 'expect = [{ at = "2m", firing = [{}] }]'
    assert run(tmp_path, text, "-v").output == run(tmp_path, text, "-v").output

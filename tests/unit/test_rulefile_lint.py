"""Warnings, names, the report of `rtmd check`, and the explanation of a rule."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from rtmd.cli import main
from rtmd.config import load_config
from rtmd.errors import FileErrors
from rtmd.rulefile.check import check_files
from rtmd.rulefile.explain import explain_rule
from rtmd.rulefile.files import read_rule_files

ROOT = Path(__file__).parents[2]

CONFIG = """
[receivers.desk]
kind = "webhook"
url = "http://localhost:1/x"
[actions.hold]
argv = ["hold"]
undo = ["release"]
[actions.post]
argv = ["post"]
"""


def warnings_of(text: str) -> list[str]:
    report = check_files({"a.toml": text})
    assert report.errors == ()
    return [str(warning).removeprefix("a.toml:") for warning in report.warnings]


def test_windows_that_hardly_grow_are_a_warning() -> None:
    text = "[rules.x]\nsignal = 'rate(a[$window])'\n[rules.x.seconds]\nwindow = '1m'\n[rules.x.minutes]\nwindow = '3m'"
    (warning,) = warnings_of(text)
    assert warning == "5: x: the window of minutes (3m) should be at least 4 times that of seconds (1m) to judge it"


def test_two_metrics_without_a_hold_are_a_warning() -> None:
    assert "combines two metrics" in warnings_of("[rules.x]\nsignal = 'a / b'")[0]
    assert warnings_of("[rules.x]\nsignal = 'a / b'\nfor = '2s'") == []
    assert warnings_of("[rules.x]\nsignal = 'sum(a) / sum(a)'") == []
    assert warnings_of("[rules.x]\nsignal = 'a / 3'") == []


@pytest.mark.parametrize(
    ("signal", "warned"),
    [
        ("'sum(increase(a[$window]))'", True),
        ("'sum(increase(a[$window])) / $window'", False),
        ("'sum(increase(a[$window])) / sum(increase(b[$window]))'", False),
        ("'sum(rate(a[$window]))'", False),
        ("{ count = 'a' }", False),
        ("'count(increase(a[$window]))'", False),
    ],
)
def test_totals_against_one_number_over_two_windows_are_a_warning(signal: str, *, warned: bool) -> None:
    found = warnings_of(f"[rules.x]\nsignal = {signal}\nwindow = '10m'\nabove = 5\nfor = '2s'")
    assert [("recent" in warning) for warning in found] == ([True] if warned else [])


def test_names_that_the_configuration_lacks_are_errors() -> None:
    config = load_config(CONFIG, file="rtmd.toml", base=Path("/etc/rtmd"), env={})
    rule = """[rules.x]
signal = 'rate(a[$window])'
[rules.x.seconds]
window = '10s'
notify = ['desk', 'log', '@route', 'dsk']
run = ['hold', 'post', 'hodl']
[rules.x.minutes]
window = '1m'
run = ['post']
"""
    problems = [str(error) for error in check_files({"a.toml": rule}, config).errors]
    assert problems == [
        (
            'a.toml:3: x: seconds.notify names the receiver "dsk", which the configuration does not have:'
            ' did you mean "desk"?'
        ),
        'a.toml:3: x: seconds.run names the action "hodl", which the configuration does not have: did you mean "hold"?',
        'a.toml:3: x: seconds.run: the action "post" has no undo, and what seconds do must be reversible',
    ]
    assert check_files({"a.toml": rule}).errors == ()


def test_the_shipped_configuration_and_rules_have_no_errors_and_no_warnings() -> None:
    text = (ROOT / "rtmd.toml").read_text()
    config = load_config(text, file="rtmd.toml", base=ROOT, env={"HOME": "/home/ana"})
    report = check_files(read_rule_files(config.daemon.rules), config)
    assert report.errors == ()
    assert report.warnings == ()
    assert {"mention-surge", "negative-share", "cpu-busy", "disk-full"} <= set(report.rules.rules)


def test_an_explanation_says_what_will_happen() -> None:
    report = check_files(read_rule_files([ROOT / "rules"]))
    text = explain_rule(report.rules.rules["negative-share"])
    for piece in (
        "increase(replies_total[10m])) >= 40",
        "when > 0.4 for 2m",
        "at ≤ 0.33",
        "2m to 2m5s after the onset",
        "8.22 kB a series of replies_total at 1 sample/s: samples of 10m",
        "180 buckets of 1m",
        "the route of rtmd.toml",
        "by hours",
        "must agree",
    ):
        assert piece in text


@pytest.mark.parametrize(
    ("keys", "piece"),
    [
        ("for = { count = 3, of = 5 }\nbelow = 1\nclear = 2", "when < 1 at 3 of the last 5 grid points"),
        ("for = { count = 3 }", "at 3 grid points in a row"),
        ("below = 1\nclear = 2", "at ≥ 2"),
        ("outside = [1, 4]\nclear = [2, 3]", "inside [2, 3]"),
        ("notify = []", "nobody"),
        ("notify = ['desk', '@route']", "desk, the route of rtmd.toml"),
        ("judge = 'off'", "not judged"),
        ("escalate = 'desk'", "escalates   by desk, while nobody has it"),
        ("within = '15m of deploy'", "15m of deploy: judged so long after such a mark"),
        ("shadow = true", "shadow: judged and never reacted to"),
    ],
)
def test_explanations_of_single_keys(keys: str, piece: str) -> None:
    report = check_files({"a.toml": f"[rules.x]\nsignal = 'up'\n{keys}"})
    assert piece in explain_rule(report.rules.rules["x"])


def test_rule_files_are_the_toml_files_of_a_folder_and_below(tmp_path: Path) -> None:
    wanted = ["a.toml", "sub/b.toml", "link.toml"]
    others = [".a.toml", "a.toml~", "a.toml.swp", "#a.toml#", "a.test.toml", "..data/c.toml", ".git/d.toml", "x.txt"]
    (tmp_path / "target").write_text("# linked")
    for name in [*wanted[:2], *others, "demo/e.toml", "demo/.rtmdignore"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"# {name}")
    (tmp_path / "link.toml").symlink_to(tmp_path / "target")
    (tmp_path / "dangling.toml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle.toml").symlink_to(tmp_path / "circle.toml")
    (tmp_path / "folder.toml").mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s.toml"))
    found = read_rule_files([tmp_path])
    assert list(found) == sorted(str(tmp_path / name) for name in wanted)
    assert found[str(tmp_path / "link.toml")] == b"# linked"
    assert read_rule_files([tmp_path / "sub" / "b.toml", tmp_path / "nowhere"]) == {
        str(tmp_path / "sub" / "b.toml"): b"# sub/b.toml"
    }


def test_what_is_there_and_cannot_be_read_is_named_and_no_rule_is_taken_for_gone(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("# fine")
    (tmp_path / "bad.toml").symlink_to("/proc/self/mem")  # a file whose first byte is an error, whoever reads it
    with pytest.raises(FileErrors) as caught:
        read_rule_files([tmp_path])
    assert str(caught.value) == f"{tmp_path}/bad.toml: cannot be read: Input/output error"
    checked = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert (checked.exit_code, "bad.toml: cannot be read" in checked.output) == (1, True)


def test_pipes_are_not_waited_for_and_large_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with (tmp_path / "sparse.toml").open("wb") as stream:
        stream.truncate(2 * 1024**3)
    found = read_rule_files([tmp_path])
    assert list(found) == [str(tmp_path / "sparse.toml")]
    (problem,) = check_files(found).errors
    assert problem.problem == "the file is larger than 256 KiB"

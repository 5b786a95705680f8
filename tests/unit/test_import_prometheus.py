"""Prometheus' rule files: what they become, what is told about the rest, and YAML that means harm."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rtmd.cli import main
from rtmd.errors import FileErrors
from rtmd.model.rule import NoData, Rule, StageName
from rtmd.rulefile import load_rules
from rtmd.rulefile.prometheus.groups import read_groups
from rtmd.rulefile.prometheus.templates import go_number, read_template, render, title_of
from rtmd.rulefile.prometheus.translate import Translation, translate
from rtmd.rulefile.prometheus.yaml_tree import read_yaml

HUMAN = "{{ $value | humanize }}"


def translated(rules: str, group: str = "", stage: StageName = StageName.MINUTES) -> Translation:
    text = f"groups:\n- name: g\n{group}  rules:\n{rules}"
    return translate({"f.yml": read_groups(text, file="f.yml")}, stage=stage)


def one(expr: str, more: str = "") -> dict[str, Any]:
    (rule,) = translated(f"  - alert: A\n    expr: {expr}\n{more}").rules
    return dict(rule.table)


def loaded(translation: Translation) -> dict[str, Rule]:
    found = load_rules({"out.toml": translation.document()})
    assert found.errors == ()
    return dict(found.rules.rules)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("up > 5", {"signal": "up", "above": 5}),
        ("up >= -5", {"signal": "up", "at_least": -5}),
        ("up < 1.5", {"signal": "up", "below": 1.5}),
        ("up <= 1e3", {"signal": "up", "at_most": 1000}),
        ("5 < up", {"signal": "up", "above": 5}),
        ("5 >= up", {"signal": "up", "at_most": 5}),
        ("(rate(x[5m])) > 2 * (60 + 1)", {"signal": "rate(x[5m])", "above": 122}),
        ("sum by (a) (x) / 2 > 1", {"signal": "sum by (a) (x) / 2", "above": 1}),
        ("up > 1 > 0", {"signal": "up > 1", "above": 0}),
        ("up == 0", {"signal": "up == 0"}),
        ("up > bool 0", {"signal": "up > bool 0"}),
        ("up > Inf", {"signal": "up > Inf"}),
        ("up > NaN", {"signal": "up > NaN"}),
        ("up > time()", {"signal": "up > time()"}),
        ("up > on (a) down", {"signal": "up > on (a) down"}),
        ("up > 1 and down > 2", {"signal": "up > 1 and down > 2"}),
        ("absent(up)", {"signal": "absent(up)"}),
    ],
)
def test_a_comparison_with_a_number_becomes_the_threshold(expr: str, expected: dict[str, Any]) -> None:
    assert one(expr) == expected | {"every": "1m"}


def test_a_rule_of_prometheus_becomes_a_rule_that_judges_like_it() -> None:
    rules = """
  - alert: HighLatency
    expr: latency > 0.5
    for: 5m
    keep_firing_for: 90s
    labels: {severity: page, tier: web}
    annotations:
      summary: "{{ $labels.job }} on {{$labels.host}} {slow}: {{ $value }}"
      runbook_url: https://wiki.example/latency
"""
    translation = translated(rules, "  interval: 30s\n  labels: {tier: none, team: infra}\n")
    assert [str(remark) for remark in translation.remarks] == ['f.yml:7: HighLatency: severity "page" became critical']
    rule = loaded(translation)["HighLatency"]
    (stage,) = rule.stages
    assert (stage.name, stage.grid, stage.hold.duration, stage.keep) == (StageName.MINUTES, 30_000, 300_000, 90_000)
    assert (stage.coverage, stage.no_data, stage.recent, rule.reopen) == (0, NoData.RESOLVE, None, 0)
    assert (str(stage.condition), str(stage.severity)) == ("> 0.5", "critical")
    assert rule.title == "{job} on {host} {{slow}}: {value}"
    assert rule.labels == (("team", "infra"), ("tier", "web"))
    assert rule.links == (("runbook", "https://wiki.example/latency"),)


@pytest.mark.parametrize("stage", StageName)
def test_it_becomes_whichever_stage_is_asked_for(stage: StageName) -> None:
    rule = loaded(translated("  - {alert: A, expr: up == 0, for: 1m}\n", stage=stage))["A"]
    assert [(each.name, each.hold.duration, each.eager) for each in rule.stages] == [(stage, 60_000, False)]


def test_whatever_cannot_come_along_is_told_with_its_line_and_why() -> None:
    rules = """
  - record: job:up
    expr: sum by (job) (up)
  - alert: Two words
    expr: sum by (job) (up) > 1
    labels: {severity: sev1, job: x, kind: y, who: "{{ $labels.job }}"}
    annotations: {title: "{{ $value | humanize }}", description: d, z: z}
  - alert: Two-words
    expr: up
  - alert: Broken
    expr: |
      sum(
        rate(up))
  - alert: Native
    expr: histogram_sum(x)
"""
    group = "  limit: 5\n  query_offset: 1m\n  interval: 100ms\n"
    translation = translated(rules, group)
    assert [str(remark).removeprefix("f.yml:") for remark in translation.remarks] == [
        "3: group g: limit = 5 is not carried over: every instance fires",
        "4: group g: query_offset = 1m is not carried over: rules look at the present",
        "2: group g: every 100ms became every second",
        "10: Two words: is named Two-words here, and so is its alertname",
        '10: Two words: severity "sev1" is not carried over: it is neither critical, warning nor info here',
        f"10: Two words: the title is not carried over: its template says more than labels and value: {HUMAN}",
        "10: Two words: not carried over: annotations description, z",
        "10: Two words: the label job is not carried over: the expression has it already",
        "10: Two words: the label kind is not carried over: it is set here",
        "10: Two words: the label who is not carried over: labels have no templates here",
        "14: Two-words: is named Two-words-2 here, and so is its alertname",
    ]
    assert [str(remark).removeprefix("f.yml:") for remark in translation.left_out] == [
        "8: job:up: left out: a recording rule; write what it records into the rules",
        "19: Broken: left out: rate() needs a selector with a range, like rate(metric[5m])",
        "21: Native: left out: not supported: the function histogram_sum (native histograms)",
    ]
    assert translation.alerts_left_out == 2
    assert set(loaded(translation)) == {"Two-words", "Two-words-2"}


def test_the_verb_writes_a_file_that_check_accepts(tmp_path: Path) -> None:
    source, target = tmp_path / "node.yml", tmp_path / "rules" / "node.toml"
    target.parent.mkdir()
    source.write_text("groups:\n- name: g\n  rules:\n  - alert: Down\n    expr: up == 0\n    for: 1m\n")
    run = CliRunner().invoke
    shown = run(main, ["import", "prometheus", str(source)])
    assert tomllib.loads(shown.stdout)["rules"] == {"Down": {"signal": "up == 0", "for": "1m", "every": "1m"}}
    assert shown.stderr == "1 rules carried over, 0 alerts left out\n"
    words = ["import", "prometheus", str(source), "--output", str(target), "--interval", "15s", "--stage", "hours"]
    assert run(main, words).exit_code == 0
    assert 'every = "15s"' in target.read_text()
    assert run(main, ["check", str(target)]).exit_code == 0
    assert "--force replaces it" in run(main, words).output
    assert run(main, [*words, "--force"]).exit_code == 0


def test_alerts_that_are_left_out_and_mistakes_are_failures(tmp_path: Path) -> None:
    source = tmp_path / "r.yml"
    for text, problem in (
        ("groups:\n- name: g\n  rules:\n  - {alert: A, expr: sum(}\n", "r.yml:4: A: left out"),
        ("groups:\n- name: g\n  rules:\n  - alert: A\n", "r.yml:4:5: A has no expr"),
        ("groups:\n- name: g\n  rules:\n  - {alert: A, expr: up, for: 5 minutes}\n", "r.yml:4:31: for:"),
        ("groups:\n- rules:\n  - {alert: A, expr: up, fro: 5m}\n", "fro is not known"),
        ("groups:\n- name: [\n", "r.yml:3:1: not YAML"),
        ("a: 1\n", "there are no groups"),
    ):
        source.write_text(text)
        done = CliRunner().invoke(main, ["import", "prometheus", str(source)])
        assert (done.exit_code, problem in done.output) == (1, True), done.output


def test_a_prometheus_rule_of_kubernetes_is_read_too() -> None:
    text = "kind: PrometheusRule\nspec:\n  groups:\n  - name: g\n    rules:\n    - {alert: A, expr: up}\n"
    assert [rule.name for group in read_groups(text, file="f.yml") for rule in group.rules] == ["A"]


LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LAUGHS, "f.yml:6:4: the file stands for more than 1,000,000 values"),
        ("[" * 100_000, "f.yml:1:65: nested deeper than 64 levels"),
        ("- " * 100_000, "f.yml:1:129: nested deeper than 64 levels"),
        ("a: &a [*a]", "f.yml:1:8: the alias *a stands inside itself"),
        ("a: *b", "f.yml:1:4: the alias *b has no anchor"),
        ("x: " + "y" * 5_000_000, "f.yml: the file is larger than 4096 KiB"),
        ("a: 1\na: 2", 'f.yml:2:1: the key "a" stands here twice'),
        ("[a]: 1", "f.yml:1:1: a key must be text, not a list"),
        ("<<: {a: 1}", "f.yml:1:1: merging mappings with << is not supported: write the keys out"),
        ("a: 1\n---\nb: 2", "f.yml:2:1: the file has more than one document"),
        ("a: \x07", "f.yml:1: has a control character"),
        ("", "f.yml:1: the file is empty"),
    ],
)
def test_yaml_that_means_harm_is_one_located_problem(text: str, problem: str) -> None:
    with pytest.raises(FileErrors) as raised:
        read_yaml(text, file="f.yml")
    assert str(raised.value) == problem


def test_no_tag_makes_an_object() -> None:
    node = read_yaml("a: !!python/object/apply:os.system [x]\nb: !!int '7'", file="f.yml")
    assert node.entries is not None
    assert node.entries["b"][1].text == "7"


def test_bytes_that_are_no_text_are_told() -> None:
    with pytest.raises(FileErrors, match=r"f\.yml:2: the file is not UTF-8"):
        read_yaml(b"a: 1\nb: \xff", file="f.yml")


def test_templates_say_labels_and_value() -> None:
    parts = read_template('{{ $labels.a }} {{.Labels.b}} {{ index $labels "c" }} { {{ $value }} {{ .Value }}')
    assert parts is not None
    assert title_of(parts) == "{a} {b} {c} {{ {value} {value}"
    assert render(parts, {"a": "1", "c": "3"}, 0.1) == "1  3 { 0.1 0.1"
    for text in ("{{ $value | humanize }}", "{{- $value }}", "{{ if $value }}x{{ end }}", "{{ $externalLabels.a }}"):
        assert read_template(text) is None


def test_a_label_that_a_title_would_not_mean_is_not_carried_over() -> None:
    parts = read_template("{{ $labels.stage }}")
    assert parts is not None
    assert title_of(parts) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (100_000.0, "100000"),
        (1e6, "1e+06"),
        (123456789.0, "1.23456789e+08"),
        (0.00001, "1e-05"),
        (0.0001, "0.0001"),
        (12345678912345678912345.0, "1.234567891234568e+22"),
        (-0.1, "-0.1"),
        (0.0, "0"),
        (1200000.0, "1.2e+06"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_numbers_in_annotations_are_written_as_go_writes_them(value: float, text: str) -> None:
    assert go_number(value) == text

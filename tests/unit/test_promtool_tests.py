"""promtool's test files, run by our pipeline on imported rules."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from rtmd.cli import main

RULES = """
groups:
- name: g
  interval: 15s
  rules:
  - record: job:up
    expr: sum by (job) (up)
  - alert: Down
    expr: up == 0
    for: 5m
    labels: {severity: page, team: '{{ $labels.job }}-team', odd: '{{ $value | humanize }}'}
    annotations: {summary: "{{ $labels.instance }} is down: {{ $value }}", description: '{{ printf "%f" $value }}'}
  - alert: Down
    expr: absent(up{job="b"})
    keep_firing_for: 3m
"""
HEAD = """
rule_files: ['*.rules.yml', more.yml]
evaluation_interval: 1m
group_eval_order: [g]
tests:
- name: it
  interval: 1m
  external_labels: {a: b}
  input_series:
  - series: up{job="a", instance="x"}
    values: 1x3 0x10 1x5 _x20
  - series: up{job="b"}
    values: 1x4 _x7 1x30
"""
DOWN = """    - exp_labels: {job: a, instance: x, severity: page, team: a-team, odd: whatever}
      exp_annotations: {summary: "x is down: 0", description: whatever}
"""


def run(folder: Path, text: str, *options: str) -> Result:
    (folder / "a.rules.yml").write_text(RULES)
    (folder / "more.yml").write_text("groups: []\n")
    (folder / "it_test.yml").write_text(HEAD + text)
    return CliRunner().invoke(main, ["test", *options, str(folder)])


def test_what_promtool_accepts_passes(tmp_path: Path) -> None:
    alerts = f"""  alert_rule_test:
  - {{eval_time: 8m, alertname: Down}}
  - eval_time: 9m30s
    alertname: Down
    exp_alerts:
{DOWN}    - exp_labels: {{job: b}}
  - eval_time: 13m
    alertname: Down
    exp_alerts:
{DOWN}    - exp_labels: {{job: b}}
  - eval_time: 15m
    alertname: Down
    exp_alerts: []
"""
    samples = """  promql_expr_test:
  - {expr: 'sum(up) + 1', eval_time: 4m, exp_samples: [{labels: '{}', value: 2}]}
  - {expr: up, eval_time: 1m, exp_samples: [{labels: 'up{job="b"}', value: 1},
      {labels: 'up{instance="x", job="a"}', value: 1e0}]}
  - {expr: up / 0 * 0, eval_time: 1m, exp_samples: [{labels: '{job="b"}', value: .NaN},
      {labels: '{instance="x", job="a"}', value: .nan}]}
  - {expr: nothing, eval_time: 1m}
"""
    assert run(tmp_path, alerts + samples).output == "1 passed, 0 failed\n"


def test_a_difference_is_shown_with_what_the_rules_saw(tmp_path: Path) -> None:
    text = "  alert_rule_test:\n  - eval_time: 9m\n    alertname: Down\n    exp_alerts:\n    - exp_labels: {job: b}\n"
    done = run(tmp_path, text)
    assert done.exit_code == 1
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    assert lines[0] == f'{tmp_path}/it_test.yml:15: "it", at 9m: Down does not fire as expected'
    assert lines[1] == ('found {instance="x", job="a", severity="page", team="a-team"} {summary="x is down: 0"}')
    assert 'Down {instance="x", job="a"}' in lines
    assert "minutes firing since 4m" in lines
    assert any("job:up: left out: a recording rule" in line for line in lines)
    assert lines[-1] == "0 passed, 1 failed"


def test_mistakes_are_told_with_their_line(tmp_path: Path) -> None:
    for text, problem in (
        ("  alert_rule_test:\n  - eval_time: 5\n    alertname: A\n", 'it_test.yml:15:16: eval_time: "5" is not'),
        ("  alert_rule_test:\n  - eval_time: 5m\n", "it_test.yml:15:5: alertname is missing"),
        ("  promql_expr_test:\n  - {expr: 'sum(', eval_time: 5m}\n", "it_test.yml:15:12: "),
        ("  promql_expr_test:\n  - {expr: up, exp_samples: [{labels: 'x', histogram: y}]}\n", "native histograms"),
        ("  alert_rule_test: 5\n", "it_test.yml:14:20: alert_rule_test must be a list"),
    ):
        done = run(tmp_path, text)
        assert (done.exit_code, problem in done.output) == (1, True), done.output


def test_a_rule_file_that_is_missing_or_wrong_is_named(tmp_path: Path) -> None:
    (tmp_path / "x_test.yml").write_text("rule_files: [no.yml]\ntests: []\n")
    done = CliRunner().invoke(main, ["test", str(tmp_path)])
    assert f"{tmp_path}/no.yml: cannot be read" in done.output
    (tmp_path / "no.yml").write_text("groups:\n- name: a\n  rules: 5\n")
    done = CliRunner().invoke(main, ["test", str(tmp_path)])
    assert f"{tmp_path}/no.yml:3:10: rules must be a list" in done.output

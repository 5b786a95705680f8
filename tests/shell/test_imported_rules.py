"""Imported rules fire at the same evaluations as in Prometheus: our verdicts, written down for promtool to check.

Windows end between samples (Prometheus 2 closes them on the left, Prometheus 3 does not), and no gap leaves the newest
sample exactly five minutes behind an evaluation. How much of a counter came is not asked, only whether: Prometheus 3
extrapolates less than Prometheus 2 where a counter begins within the window.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtmd.replay.promtest import read_prom_tests
from rtmd.replay.trial import Trial

EVERY = 30  # seconds between evaluations
INTERVAL = 11  # between samples
EVALUATIONS = 60
EXPRESSIONS = [
    "m > 5",
    "7 > m",
    "3 <= m",
    "m < 2 * 2",
    "m >= 1 + 4",
    "m == 3",
    "m != 3",
    "m > bool 5",
    "-m > -4",
    "n",
    "sum by (i) (m) > 8",
    "avg without (j) (m) <= 5",
    "count(m > 4) >= 2",
    "max(m) - min(m) > 6",
    "topk(4, m) > 8",
    "rate(c[95s500ms]) > 0",
    "increase(c[40s500ms]) == 0",
    "irate(c[60s500ms]) > 0.5",
    "avg_over_time(m[70s500ms]) > 5",
    "max_over_time(m[3m7s500ms]) >= 9",
    "count_over_time(m[65s500ms]) < 4",
    "changes(m[2m500ms]) > 7",
    "resets(c[3m500ms]) > 0",
    "delta(m[100s500ms]) > 2",
    "deriv(m[100s500ms]) < 0",
    "m > 3 and on (i) n < 6",
    "m unless on (i) n > 5",
    "m > 8 or n > 8",
    "m / ignoring (j) group_left n > 1",
    "m - m offset 1m > 2",
    "absent(n)",
    'absent(n{i="a"} > 4)',
    'absent_over_time(n{i="b"}[80s500ms])',
    "sum(m) > 20 > 0",
    "clamp_max(m, 5) > 4",
    "quantile(0.5, m) > 5",
    "present_over_time(n[45s500ms])",
    "max_over_time((m > 6)[2m500ms:20s])",
    "scalar(max(m)) > n",
    'label_replace(m > 6, "k", "$1", "j", "(.).*")',
    "vector(time()) > 900",
    "vector(time()) % 240 < 90",
]
pytestmark = pytest.mark.prometheus


def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        (pytest.fail if os.environ.get("RTMD_CI") else pytest.skip)("promtool (Debian: prometheus) is not on PATH")
    return str(found)


def values(chance: random.Random, *, counter: bool) -> str:
    """As long as is evaluated, with gaps, ends, resets and numbers that are none."""
    items: list[str] = []
    place, total = 0, 0
    while place * INTERVAL < EVERY * EVALUATIONS:
        kind = chance.random()
        if kind < 0.06:
            gap = chance.choice([1, 2, 5, 12, 31, 40])
            if place % 30 == 1:  # the sample before it could be exactly five minutes old at an evaluation
                continue
            items.append(f"_x{gap}")
            place += gap
        elif kind < 0.10:
            items.append("stale")
            place, total = place + 1, 0
        elif kind < 0.14:
            items.append(chance.choice(["NaN", "Inf", "-Inf"]))
            place, total = place + 1, 0
        else:
            more = chance.choice([0, 1, 3, 8, 20])
            step = chance.choice([0, 2, 5, 9]) if counter else chance.choice([-1, 0, 0, 1])
            first = total if counter and kind < 0.9 else chance.randrange(11)
            items.append(f"{first}{'-' if step < 0 else '+'}{abs(step)}x{more}")
            place, total = place + more + 1, first + step * more
    return " ".join(items)


def rule(chance: random.Random, number: int, expr: str) -> dict[str, object]:
    written: dict[str, object] = {"alert": f"A{number}", "expr": expr}
    for key, lengths in (("for", ["30s", "1m", "80s", "3m"]), ("keep_firing_for", ["30s", "1m", "100s"])):
        if chance.random() < 0.5:
            written[key] = chance.choice(lengths)
    if chance.random() < 0.5:
        written["labels"] = {"severity": chance.choice(["page", "warning", "sev7"]), "team": "t{{ $labels.i }}"}
    return written


def series(chance: random.Random) -> Iterator[dict[str, str]]:
    for i in "ab":
        yield {"series": f'n{{i="{i}"}}', "values": values(chance, counter=False)}
        for j in "xy":
            yield {"series": f'm{{i="{i}",j="{j}"}}', "values": values(chance, counter=False)}
            yield {"series": f'c{{i="{i}",j="{j}"}}', "values": values(chance, counter=True)}


@pytest.mark.parametrize("seed", range(4))
def test_imported_rules_fire_at_the_same_evaluations(seed: int, tmp_path: Path) -> None:
    tool = promtool()
    chance = random.Random(seed)  # noqa: S311  # the same each time is what is wanted
    rules = [rule(chance, number, expr) for number, expr in enumerate(EXPRESSIONS)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "g", "interval": "15s", "rules": rules}]}))
    group = {
        "interval": f"{INTERVAL}s",
        "input_series": list(series(chance)),
        "alert_rule_test": [
            {"eval_time": f"{time}s", "alertname": each["alert"], "exp_alerts": []}
            for time in range(0, EVERY * EVALUATIONS, EVERY)
            for each in rules
        ],
    }
    document = {"rule_files": ["rules.yml"], "evaluation_interval": f"{EVERY}s", "tests": [group]}
    (case,), left_out = read_prom_tests(
        json.dumps(document), file="t.yml", find=lambda names: {each: (tmp_path / each).read_bytes() for each in names}
    )
    assert left_out == ()
    trial = Trial(case)
    fired = 0
    for deed, written in zip(case.deeds, group["alert_rule_test"], strict=True):
        trial.until(deed.at)
        alerts = [each.alert for each in deed.alerts(trial)]  # type: ignore[attr-defined]
        written["exp_alerts"] = [{"exp_labels": dict(each.labels)} for each in alerts]  # type: ignore[index]
        fired += len(alerts)
    assert fired > 1_000
    (tmp_path / "t.yml").write_text(json.dumps(document))
    done = subprocess.run([tool, "test", "rules", tmp_path / "t.yml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[:8_000] + done.stderr

"""Our reading of operators against Prometheus' own."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path

import pytest

from rtmd.model.expr import Binary, Expr, Negate, Number
from rtmd.promql import parse, show

TEXTS = [
    "-2 ^ 2",
    "2 ^ 3 ^ 2",
    "2 ^ -1 ^ 2",
    "-1 - -2 * 3",
    "7 % 4 ^ 0.5",
    "8 / 4 / 2",
    "8 - 4 - 2",
    "1 + 2 > bool 2 == bool 1",
    "(-2) ^ 2 * -3",
    "0x10 + 1e1 * .5",
    "2 * 3 % 4",
    "-(1 - 2) ^ 3",
]
OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": math.fmod,
    "^": math.pow,
    ">": lambda a, b: float(a > b),
    "==": lambda a, b: float(a == b),
}


def value_of(expr: Expr) -> float:
    match expr:
        case Number(value=value):
            return value
        case Negate(child=child):
            return -value_of(child)
        case Binary(op=op, left=left, right=right):
            return float(OPERATIONS[op](value_of(left), value_of(right)))
        case _:
            raise AssertionError(expr)


@pytest.mark.prometheus
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not on PATH")
def test_operators_bind_as_in_prometheus(tmp_path: Path) -> None:
    lines = ["rule_files: []", "tests:", "- interval: 1m", "  promql_expr_test:"]
    for text in TEXTS:
        tree = parse(text)
        for written in (text, show(tree)):
            lines += [f"  - expr: '{written}'", "    eval_time: 1m", "    exp_samples:"]
            lines += ["    - labels: '{}'", f"      value: {value_of(tree)!r}"]
    file = tmp_path / "operators.yml"
    file.write_text("\n".join(lines))
    done = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout

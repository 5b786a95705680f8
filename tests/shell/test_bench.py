"""The benchmarks work: each runs small, with everything that it compares; no figure is asserted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"
# compare.py, and what it runs.
PARTS = {f"{name}.py" for name in ("compare", "workload", "latency", "throughput", "reload", "memory", "tick")}
COMPARED = ("CPU", "push → webhook", "ingest", "reload", "memory a series")
PROGRAMS = ("prometheus", "prometheus-alertmanager", "victoria-metrics", "vmalert")


def run(script: str, folder: Path) -> str:
    """What it printed; it has to succeed."""
    env = {**os.environ, "RTMD_BENCH": "small"}
    argv = [sys.executable, str(BENCH / script), str(folder)]
    ran = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("script", sorted({path.name for path in BENCH.glob("[a-z]*.py")} - PARTS))
def test_a_benchmark_of_one_part_works(script: str, tmp_path: Path) -> None:
    assert run(script, tmp_path)


def test_rtmd_is_measured_beside_the_others(tmp_path: Path) -> None:
    rows = [line for line in run("compare.py", tmp_path).splitlines() if line.startswith("| ")][2:]
    assert any(row.startswith("| tick") for row in rows)
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        assert any("not installed" in row for row in rows)
        pytest.skip(f"measured, but compared with less than everything: {', '.join(missing)} not on PATH")
    for question in COMPARED:
        compared = [row for row in rows if row.startswith(f"| {question}") and " × / " in row]
        assert compared, f"{question} has no row with both others:\n" + "\n".join(rows)


def test_what_has_to_be_compared_and_is_not_here_is_an_error(tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path), "RTMD_BENCH": "small", "RTMD_CI": "1"}
    argv = [sys.executable, str(BENCH / "compare.py"), str(tmp_path)]
    ran = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert "Prometheus + Alertmanager cannot be measured: prometheus, prometheus-alertmanager" in ran.stderr

"""The histogram of how late steps begin."""

from __future__ import annotations

from rtmd.formats.exposition import render
from rtmd.runtime.delays import Delays


def page(*delays: int) -> list[str]:
    """What /metrics shows after these delays (ms)."""
    counted = Delays()
    for delay in delays:
        counted.add(delay)
    metric = counted.metric()
    return render([(metric.name, metric.kind, metric.help, metric.rows)]).decode().splitlines()


def test_a_delay_counts_in_its_own_bucket_and_in_all_above() -> None:
    lines = page(0, 50, 51, 9_000)
    assert 'rtmd_step_delay_seconds_bucket{le="0.001"} 1' in lines
    assert 'rtmd_step_delay_seconds_bucket{le="0.05"} 2' in lines
    assert 'rtmd_step_delay_seconds_bucket{le="0.1"} 3' in lines
    assert 'rtmd_step_delay_seconds_bucket{le="2"} 3' in lines
    assert 'rtmd_step_delay_seconds_bucket{le="+Inf"} 4' in lines


def test_sum_and_count_are_those_of_a_prometheus_histogram() -> None:
    lines = page(20, 30)
    assert "# TYPE rtmd_step_delay_seconds histogram" in lines
    assert lines[-2:] == ["rtmd_step_delay_seconds_sum 0.05", "rtmd_step_delay_seconds_count 2"]


def test_nothing_was_late_before_the_first_step() -> None:
    assert {line.rpartition(" ")[2] for line in page() if not line.startswith("#")} == {"0"}

"""What functions over ranges mean: the samples of one series, in plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from reference_values import arithmetic, greatest, mean, quantile, quotient, smallest, total, variance

Samples = list[tuple[int, float]]  # ms, value

PLAIN: dict[str, Callable[[list[float]], float]] = {
    "last_over_time": lambda values: values[-1],
    "avg_over_time": mean,
    "sum_over_time": total,
    "count_over_time": lambda values: float(len(values)),
    "present_over_time": lambda _: 1.0,
    "min_over_time": smallest,
    "max_over_time": greatest,
    "stdvar_over_time": variance,
    "stddev_over_time": lambda values: math.sqrt(variance(values)),
    "changes": lambda values: float(sum(a != b and not (math.isnan(a) and math.isnan(b)) for a, b in pairwise(values))),
    "resets": lambda values: float(sum(b < a for a, b in pairwise(values))),
}
ALL = (*PLAIN, "rate", "increase", "delta", "irate", "idelta", "deriv", "predict_linear", "quantile_over_time")


def over_range(  # noqa: PLR0911  # one a kind of function
    function: str, samples: Samples, *, seen: int, window: int, at: int, numbers: tuple[float, ...] = ()
) -> float | None:
    """The value over (seen − window, seen], evaluated at `at`; None without enough samples."""
    values = [value for _, value in samples]
    if function in PLAIN:
        return PLAIN[function](values) if samples else None
    if function == "quantile_over_time":
        return quantile(numbers[0], values) if samples else None
    if len(samples) < 2:
        return None
    match function:
        case "irate" | "idelta":
            return instant(function, samples)
        case "deriv":
            return line(samples, samples[0][0])[0]
        case "predict_linear":
            slope, intercept = line(samples, at)
            return arithmetic("+", arithmetic("*", slope, numbers[0]), intercept)
        case _:
            return extrapolated(function, samples, seen, window)


def instant(function: str, samples: Samples) -> float:
    (time_before, before), (time, value) = samples[-2:]
    if function == "idelta":
        return value - before
    return (value if value < before else value - before) / ((time - time_before) / 1000)


def line(samples: Samples, origin: int) -> tuple[float, float]:
    """Slope per second and value at `origin` of the least squares."""
    points = [((time - origin) / 1000, value) for time, value in samples]
    first = samples[0][1]
    if all(value == first for _, value in points):
        return (math.nan, math.nan) if math.isinf(first) else (0.0, first)
    n = len(points)
    sum_x, sum_y = total([x for x, _ in points]), total([y for _, y in points])
    sum_xy, sum_xx = total([x * y for x, y in points]), total([x * x for x, _ in points])
    slope = quotient(sum_xy - sum_x * sum_y / n, sum_xx - sum_x * sum_x / n)
    return slope, sum_y / n - slope * sum_x / n


def extrapolated(function: str, samples: Samples, at: int, window: int) -> float:
    """`extrapolatedRate` of Prometheus 3, promql/functions.go."""
    (first_time, first), (last_time, last) = samples[0], samples[-1]
    result = last - first
    if function != "delta":
        previous = first
        for _, value in samples[1:]:
            if value < previous:
                result += previous
            previous = value
    to_start = (first_time - (at - window)) / 1000
    to_end = (at - last_time) / 1000
    sampled = (last_time - first_time) / 1000
    average = sampled / (len(samples) - 1)
    if to_start >= average * 1.1:
        to_start = average / 2
    if function != "delta" and result > 0 and first >= 0:
        to_start = min(to_start, sampled * (first / result))
    if to_end >= average * 1.1:
        to_end = average / 2
    factor = (sampled + to_start + to_end) / sampled
    return result * (factor / (window / 1000) if function == "rate" else factor)

"""What functions of one instant, aggregations and histograms mean: one value after the other, in plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}
ARITHMETIC = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}


def arithmetic(op: str, a: float, b: float) -> float:
    with np.errstate(all="ignore"):
        return float(ARITHMETIC[op](np.float64(a), np.float64(b)))


def quotient(a: float, b: float) -> float:
    return arithmetic("/", a, b)


def total(values: list[float]) -> float:
    if all(map(math.isfinite, values)):
        try:
            return math.fsum(values)
        except OverflowError:
            pass
    result = 0.0
    for value in values:
        result += value
    return result


def mean(values: list[float]) -> float:
    average = total(values) / len(values)
    if math.isinf(average) and all(map(math.isfinite, values)):
        return total([value / len(values) for value in values])
    return average


def smallest(values: list[float]) -> float:
    numbers = [value for value in values if not math.isnan(value)]
    return min(numbers) if numbers else math.nan


def greatest(values: list[float]) -> float:
    return -smallest([-value for value in values])


def variance(values: list[float]) -> float:
    if not all(map(math.isfinite, values)):
        return math.nan
    middle = values[0] + total([value - values[0] for value in values]) / len(values)
    return total([(value - middle) ** 2 for value in values]) / len(values)


def quantile(wanted: float, values: list[float]) -> float:
    if math.isnan(wanted) or not 0 <= wanted <= 1:
        return math.nan if math.isnan(wanted) else math.inf * (1 if wanted > 1 else -1)
    ordered = sorted(values, key=lambda value: (not math.isnan(value), value))
    rank = wanted * (len(ordered) - 1)
    lower = math.floor(rank)
    upper = min(lower + 1, len(ordered) - 1)
    weight = rank - lower
    return ordered[lower] * (1 - weight) + ordered[upper] * weight


AGGREGATE: dict[str, Callable[[list[float]], float]] = {
    "sum": total,
    "avg": mean,
    "min": smallest,
    "max": greatest,
    "count": lambda values: float(len(values)),
    "group": lambda _: 1.0,
    "stdvar": variance,
    "stddev": lambda values: math.sqrt(variance(values)),
}


CYCLE = 146_097 * 86_400  # seconds in 400 years, after which the calendar repeats


def dated(part: str, value: float) -> float:
    """A part of the date so many seconds after the epoch; NaN for what is no time."""
    if not abs(value) < 2**53:
        return math.nan
    cycles, seconds = divmod(int(value), CYCLE)
    number = float(DATES[part](datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)))
    return number + 400 * cycles if part == "year" else number


def days_in_month(day: datetime) -> float:
    following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return float((following - timedelta(days=1)).day)


DATES: dict[str, Callable[[datetime], float]] = {
    "minute": lambda when: when.minute,
    "hour": lambda when: when.hour,
    "day_of_week": lambda when: when.isoweekday() % 7,
    "day_of_month": lambda when: when.day,
    "day_of_year": lambda when: when.timetuple().tm_yday,
    "days_in_month": days_in_month,
    "month": lambda when: when.month,
    "year": lambda when: when.year,
}


def clamp_min(value: float, low: float) -> float:
    return math.nan if math.isnan(value) or math.isnan(low) else max(value, low)


def clamp_max(value: float, high: float) -> float:
    return math.nan if math.isnan(value) or math.isnan(high) else min(value, high)


def rounded(value: float, to: float) -> float:
    inverse = quotient(1, to)
    scaled = arithmetic("+", arithmetic("*", value, inverse), 0.5)
    return quotient(math.floor(scaled) if math.isfinite(scaled) else scaled, inverse)


def elementwise(function: str, value: float, *numbers: float) -> float:
    """NaN where there is no such number."""
    if function in DATES:
        return dated(function, value)
    own: dict[str, Callable[..., float]] = {
        "round": rounded,
        "clamp": lambda v, low, high: clamp_min(clamp_max(v, high), low),
        "clamp_min": clamp_min,
        "clamp_max": clamp_max,
        "deg": lambda v: v * 180 / math.pi,
        "rad": lambda v: v * math.pi / 180,
        "sgn": lambda v: v if math.isnan(v) else float(int(v > 0) - int(v < 0)),
        "ln": np.log,
    }
    plain = {"acos": "arccos", "asin": "arcsin", "atan": "arctan"}
    plain |= {f"{name}h": f"{long}h" for name, long in plain.items()}
    with np.errstate(all="ignore"):
        return float((own.get(function) or getattr(np, plain.get(function, function)))(np.float64(value), *numbers))


Bucket = tuple[float, float]  # upper bound, how many observations lie at or below it


def evened(buckets: list[Bucket]) -> list[Bucket]:
    """Sorted, one for each bound, never falling."""
    counts: dict[float, float] = {}
    for bound, count in sorted(buckets, key=lambda bucket: bucket[0]):
        counts[bound] = counts.get(bound, 0.0) + count
    result: list[Bucket] = []
    for bound, count in counts.items():
        before = result[-1][1] if result else count
        same = count == before or abs(count - before) / (abs(count) + abs(before)) < 1e-12
        result.append((bound, before if same or count < before else count))
    return result


def histogram_quantile(wanted: float, given: list[Bucket]) -> float:
    if math.isnan(wanted) or not 0 <= wanted <= 1:
        return math.nan if math.isnan(wanted) else math.inf * (1 if wanted > 1 else -1)
    buckets = evened(given)
    if buckets[-1][0] != math.inf or len(buckets) < 2 or buckets[-1][1] == 0:
        return math.nan
    rank = wanted * buckets[-1][1]
    found = next((place for place, (_, count) in enumerate(buckets[:-1]) if count >= rank), len(buckets) - 1)
    bound, count = buckets[found]
    if found == len(buckets) - 1:
        return buckets[-2][0]
    if found == 0:
        return bound if bound <= 0 else quotient(rank, count) * bound
    low, passed = buckets[found - 1]
    return low + (bound - low) * quotient(rank - passed, count - passed)


def histogram_fraction(lower: float, upper: float, given: list[Bucket]) -> float:
    buckets = evened(given)
    count = buckets[-1][1]
    if buckets[-1][0] != math.inf or count == 0 or math.isnan(lower) or math.isnan(upper):
        return math.nan
    ranks = [below(bound, buckets) for bound in (lower, upper)]
    low, high = (min(rank, count) for rank in ranks)
    return quotient(high - low, count) if lower < upper else 0.0


def below(bound: float, buckets: list[Bucket]) -> float:
    low, passed = (0.0 if buckets[0][0] > 0 else -math.inf), 0.0
    for high, count in buckets:
        if bound <= low:
            return passed
        if bound < high:
            return count if math.isinf(low) else passed + (count - passed) * (bound - low) / (high - low)
        low, passed = high, count
    return passed

"""Samples and expressions for the comparison with a real Prometheus; all fixed, nothing left to chance.

Every sample stands 7 ms behind a multiple of 5 s, every length in an expression is a multiple of 5 s, and instants are
3 s behind one: so no sample and no step of a subquery stands on an edge, where Prometheus 2 and 3 differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

from rtmd.formats.batch import STALE

START = 1_700_000_000_000
INSTANT = START + 1_803_000
RANGE = (START + 603_000, START + 1_803_000, 85_000)
EVERY = 15_000
COUNT = 124

Series = tuple[dict[str, str], list[int], list[float]]


def samples() -> list[Series]:
    return [*_counters(), *_gauges(), *_histograms(), *_odd()]


def _times(skip: range = range(0)) -> list[int]:
    return [START + 7 + place * EVERY for place in range(COUNT) if place not in skip]


def _series(name: str, times: list[int], values: list[float], **labels: str) -> Series:
    return {"__name__": name, **labels}, times, values


def _counters() -> Iterator[Series]:
    """Counters that grow by fits and starts, some of them reset, one with a gap, one that ends."""
    random = Random(3)  # noqa: S311  # no secret
    for number, (job, instance) in enumerate([("api", "a"), ("api", "b"), ("web", "a"), ("web", "b"), ("web", "c")]):
        for code in ("200", "500"):
            value, values = 500.0 + 100 * number, []
            for place in range(COUNT):
                value += random.choice([0, 1, 2, 7, 30]) * (1 if code == "200" else 0.25)
                if number in (1, 3) and place in (40, 99, 117):
                    value = 300.0 + number
                values.append(value)
            gap = range(60, 66) if number == 2 else range(0)
            times = _times(gap)
            values = [value for place, value in enumerate(values) if place not in gap]
            if number == 4:
                times, values = times[:110], [*values[:109], float(STALE)]
            yield _series("requests_total", times, values, job=job, instance=instance, code=code)


def _gauges() -> Iterator[Series]:
    random = Random(5)  # noqa: S311  # no secret
    for number, instance in enumerate("abc"):
        values = [round(20 * math.sin(place / 9 + number) + random.uniform(-2, 2), 3) for place in range(COUNT)]
        yield _series("temperature", _times(), values, instance=instance, site="north" if number < 2 else "south")
        limits = [10.0 + number] * COUNT
        yield _series("limit", _times(), limits, instance=instance)
        yield _series("build_info", _times(), [1.0] * COUNT, instance=instance, version=f"1.{number}", le="x")
    yield _series("level", _times(), [float(place % 4) for place in range(COUNT)], site="north", zone="1")
    yield _series("level", _times(), [float(place % 3) for place in range(COUNT)], site="north", zone="2")
    yield _series("level", _times(), [float(place % 3) for place in range(COUNT)], site="south", zone="1")
    yield _series("deadline", _times(), [START / 1000 + 86_400.0 * place for place in range(COUNT)], site="north")
    yield _series("threshold", _times(), [5.5] * COUNT)


def _histograms() -> Iterator[Series]:
    random = Random(11)  # noqa: S311  # no secret
    for job in ("api", "web"):
        totals = dict.fromkeys(("0.1", "0.5", "1", "2.5", "+Inf"), 200.0)
        rows: dict[str, list[float]] = {le: [] for le in totals}
        for _ in range(COUNT):
            more = 0.0
            for le in totals:
                more += random.randint(0, 5)
                totals[le] += more
                rows[le].append(totals[le])
        for le, values in rows.items():
            yield _series("latency_bucket", _times(), values, job=job, le=le)


def _odd() -> Iterator[Series]:
    strange = [
        [math.nan, math.inf, -math.inf, 3.0][place % 4] if place % 9 == 0 else float(place) for place in range(COUNT)
    ]
    yield _series("odd", _times(), strange, kind="strange")
    cancelling = [[1e16, 1.0, -1e16, 2.5][place % 4] for place in range(COUNT)]
    yield _series("odd", _times(), cancelling, kind="cancelling")
    yield _series("odd", _times(range(20, 118)), [7.25] * 26, kind="rare")
    yield _series("gone", _times()[:30], [4.0] * 30, kind="long ago")


COUNTERS = ["requests_total", 'requests_total{job="web"}', 'requests_total{code=~"5.."}']
GAUGES = ["temperature", 'temperature{site="north"}', "level"]
# Prometheus 2 averages step by step, and loses what cancels; Prometheus 3 divides a compensated sum.
ODD = 'odd{kind!="cancelling"}'
COUNTER_FUNCTIONS = ("rate", "irate", "increase", "resets", "changes")
GAUGE_FUNCTIONS = ("delta", "idelta", "deriv", "changes", "stddev_over_time", "stdvar_over_time")
OVER_TIME = ("avg", "min", "max", "sum", "count", "last", "present")
ROUNDING = (
    "abs",
    "ceil",
    "floor",
    "round",
    "sgn",
    "exp",
    "sqrt",
    "deg",
    "rad",
    "sin",
    "cos",
    "tan",
    "atan",
    "sinh",
    "tanh",
)
POSITIVE = ("ln", "log2", "log10", "acosh")
WITHIN_ONE = ("asin", "acos", "atanh")
DATES = ("minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year")
AGGREGATIONS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")


def expressions() -> list[str]:
    """Each once, in a fixed order."""
    return list(dict.fromkeys([*_simple(), *_matched(), *_nested(), *FIXED]))


def _simple() -> Iterator[str]:
    for function in COUNTER_FUNCTIONS:
        for selector, window in zip(COUNTERS, ("2m", "5m", "10m"), strict=True):
            yield f"{function}({selector}[{window}])"
    for function in GAUGE_FUNCTIONS:
        for selector, window in zip(GAUGES, ("2m", "5m", "10m"), strict=True):
            yield f"{function}({selector}[{window}])"
    for word in OVER_TIME:
        for selector, window in zip((*GAUGES, ODD), ("1m", "5m", "10m", "20m"), strict=True):
            yield f"{word}_over_time({selector}[{window}])"
    for function in ROUNDING:
        yield f"{function}(temperature)"
        yield f"{function}(level / 2 - 1)"
    for function in POSITIVE:
        yield f"{function}(abs(temperature) + 1)"
        yield f"{function}(requests_total)"
    for function in WITHIN_ONE:
        yield f"{function}(temperature / 30)"
        yield f"{function}(level / 7)"
    for function in (*ROUNDING, *POSITIVE, *WITHIN_ONE):
        yield f"sum by (site) ({function}(temperature / 25 + 1))"
    yield from ("asinh(temperature)", "asinh(level)", "sum(asinh(temperature))", "cosh(level)", "cosh(level - 1)")
    yield "sum by (site) (cosh(temperature / 10))"
    for function in DATES:
        yield f"{function}()"
        yield f"{function}(deadline)"
        yield f"max by (site) ({function}(deadline offset 5m)) + 0.5"


def _matched() -> Iterator[str]:
    for aggregation in AGGREGATIONS:
        yield f"{aggregation}(temperature)"
        yield f"{aggregation} by (site) (temperature)"
        yield f"{aggregation} without (instance, code) (requests_total)"
    for operator in ("+", "-", "*", "/", "%", "^", "atan2"):
        # Prometheus 2 lets the metric's name stand behind atan2.
        function = "abs" if operator == "atan2" else ""
        yield f"{function}(temperature {operator} 3)"
        yield f"{function}(2 {operator} level)"
        yield f"{function}(temperature {operator} on (instance) limit)"
        yield f"{function}(temperature {operator} ignoring (site) limit)"
        yield f"{function}(temperature {operator} on (instance) group_left (version) build_info)"
    for operator in ("==", "!=", ">", "<", ">=", "<="):
        yield f"level {operator} 1 or level {operator} bool 1"
        yield f"temperature {operator} bool on (instance) limit"
        yield f"sum by (site) (level {operator} 1) or sum(level)"
        yield f"limit {operator} bool on (instance) group_right () temperature"
    for operator in ("and", "or", "unless"):
        yield f"temperature {operator} on (instance) limit"
        yield f"temperature > 0 {operator} ignoring (site) (limit > 11)"
        yield f"sum by (site) (temperature) {operator} sum by (site) (level > 1)"


def _nested() -> Iterator[str]:
    for word in ("avg", "min", "max", "sum", "count"):
        for window, step in (("5m", "30s"), ("10m", "1m"), ("3m", "15s")):
            yield f"{word}_over_time(rate(requests_total[2m])[{window}:{step}]) * 60"
            yield f"sum by (job) ({word}_over_time(rate(requests_total[1m])[{window}:{step}]))"
            yield f"max by (job) (abs(deriv(sum by (job, instance) (requests_total)[{window}:{step}]))) + {len(word)}"
    for quantile in ("0", "0.25", "0.5", "0.9", "0.99", "1"):
        yield f"histogram_quantile({quantile}, rate(latency_bucket[5m]))"
        yield f"histogram_quantile({quantile}, sum by (le) (rate(latency_bucket[10m])))"
        yield f"quantile({quantile}, rate(requests_total[5m]))"
        yield f"quantile by (site) ({quantile}, temperature)"
        yield f"quantile_over_time({quantile}, temperature[10m])"
        yield f"max(quantile_over_time({quantile}, (temperature * 2)[10m:45s])) / 2"
    for count in (1, 2, 3):
        yield f"topk({count}, rate(requests_total[5m]))"
        yield f"bottomk by (job) ({count}, requests_total)"
        yield f"sum by (job) (topk by (job) ({count}, increase(requests_total[10m])))"
        yield f"predict_linear(temperature[5m], {count * 600})"
        yield f"round(predict_linear(sum by (job) (requests_total)[10m:30s], {count * 60}), 0.{count}) > 0"
    for shift in ("offset 1m", "offset -1m", "offset 5m", f"@ {START // 1000 + 903}", "@ start()", "@ end() offset 2m"):
        yield f"temperature {shift}"
        yield f"sum by (job) (rate(requests_total[5m] {shift})) / 2"
        yield f"max_over_time(avg by (site) (temperature)[5m:30s] {shift}) - 1"
        yield f"abs(avg(temperature) - avg(temperature {shift})) * 100"


FIXED = [
    "1 + 1",
    "-2 ^ 2",
    "1 > bool 2",
    "time()",
    "pi() * 2",
    "2 atan2 3",
    "scalar(threshold)",
    "scalar(temperature)",
    "scalar(threshold) + time() % 7",
    "vector(1)",
    "vector(time())",
    "vector(scalar(level))",
    "-vector(pi())",
    "temperature > scalar(threshold)",
    "temperature > bool scalar(threshold)",
    "sum(temperature > scalar(threshold)) * 2",
    "pi() + vector(scalar(threshold)) ^ 2",
    "floor(vector(time() / 60)) - vector(pi())",
    "clamp(temperature, -5, 5)",
    "clamp(temperature, scalar(threshold) - 9, 5)",
    "clamp_min(temperature, 0)",
    "clamp_max(temperature, 0)",
    "sum(clamp_max(clamp_min(temperature, -3), 8)) / 3",
    "clamp_min(clamp_max(level, 2), 1)",
    "clamp(level, 1, 2) + 1",
    "clamp_min(-temperature, 2) * 2",
    "clamp_max(-temperature, 2) * 2",
    "round(temperature, 0.5)",
    "round(temperature, 5)",
    "absent(nothing)",
    'absent(nothing{job="x", code=~"5.."})',
    "absent(sum(nothing))",
    "absent_over_time(nothing[5m])",
    'absent_over_time(nothing{job="x"}[5m])',
    "absent_over_time(gone[5m])",
    "sum(absent(nothing)) + 1",
    "count(absent_over_time(nothing[5m:30s])) * 3",
    'count_values("value", level)',
    'count_values by (site) ("v", level)',
    'count_values without (zone) ("site", level)',
    'sum(count_values("v", round(temperature))) + 1',
    'count_over_time(count_values("v", level)[5m:30s])',
    "sort(temperature)",
    "sort_desc(temperature)",
    "sort(rate(requests_total[5m]))",
    "sort_desc(sum by (job) (rate(requests_total[5m])))",
    "sort(-level * 3)",
    "sort_desc(-temperature)",
    "timestamp(temperature)",
    "timestamp(temperature offset 5m)",
    "timestamp(-temperature)",
    "time() - timestamp(requests_total)",
    "max(time() - timestamp(requests_total)) * 1000",
    'label_replace(temperature, "place", "$1-site", "site", "(.*)th")',
    'max_over_time(label_replace(level, "zone", "z$1", "zone", "(.*)")[5m:30s])',
    'label_replace(temperature, "place", "x${1}y$2z", "site", "(n)(.*)")',
    'label_replace(level, "a", "b", "zone", "3")',
    'sum by (p) (label_replace(temperature, "p", "$1", "instance", "([ab])"))',
    'label_join(level, "path", "/", "site", "zone")',
    'label_join(level, "path", "-")',
    'sum by (path) (label_join(temperature, "path", "", "instance", "site", "none")) * 2',
    'label_replace(rate(requests_total[5m]), "__name__", "speed", "", "")',
    'label_join(level > 0, "mark", "", "zone") == 1 or level',
    'requests_total{instance!="a", code!~"5..", job=~"a.*|web"}',
    '{__name__=~"limit|threshold"}',
    'sum by (site) (level{zone!~"2|3"}) / 2',
    'max(rate(requests_total{job!~"w.*", instance!~"c?"}[5m]))',
    '{__name__="level", zone="1"}',
    'sum by (job) (rate(requests_total{code="500"}[5m])) / sum by (job) (rate(requests_total[5m]))',
    'sum(rate(requests_total{code="500"}[5m])) by (job) > 0.01 * sum(rate(requests_total[5m])) by (job)',
    "rate(requests_total[5m]) / on (job) group_left () sum by (job) (rate(requests_total[5m]))",
    "sum by (job) (rate(requests_total[5m])) / on (job) group_right () rate(requests_total[5m])",
    "requests_total * on (instance) group_left (version, le) build_info",
    "build_info * on (instance) group_right (version) (requests_total > 700)",
    "sum by (version) (rate(requests_total[5m]) * on (instance) group_left (version) build_info)",
    "topk(2, sum by (version) (requests_total * on (instance) group_left (version) build_info)) / 10",
    "avg without (code) (irate(requests_total[2m])) * 60 > bool 3",
    "min_over_time(temperature[10m]) < -15",
    "(temperature - avg_over_time(temperature[10m])) / stddev_over_time(temperature[10m])",
    "abs(temperature - on (site) group_left () avg by (site) (temperature)) > 1",
    "max_over_time(deriv(temperature[2m])[10m:15s]) * 60",
    "stddev by (site) (temperature * 3 + 1) ^ 2",
    "stdvar by (job) (rate(requests_total[5m]) * 60)",
    "group by (job) (rate(requests_total[5m]) > 0.1)",
    "sum_over_time(odd[2m])",
    'avg_over_time(odd{kind!="cancelling"}[2m])',
    'sum_over_time(odd{kind="cancelling"}[1m])',
    'sum_over_time(odd{kind="cancelling"}[20m])',
    "min_over_time(odd[10m])",
    "max_over_time(odd[10m])",
    "changes(odd[20m])",
    "count(odd) by (kind)",
    "min(odd)",
    "max(odd)",
    "odd > 0",
    "odd == odd",
    "odd != bool 3",
    "sgn(odd)",
    "quantile(0.5, odd)",
    "quantile_over_time(0.5, odd[5m])",
    "topk(1, odd)",
    "bottomk(1, odd)",
    "sort(odd)",
    "gone",
    "gone offset 25m",
    "last_over_time(gone[25m])",
    "sum(last_over_time(gone[25m])) + sum(gone or vector(0))",
    "rate(gone[25m])",
    'count_over_time(requests_total{instance="c"}[10m])',
    'rate(requests_total{instance="c"}[10m])',
    'increase(requests_total{job="web", instance="a"}[20m])',
    "delta(temperature[5m:20s])",
    "idelta(temperature[5m:20s])",
    "irate(requests_total[5m:20s])",
    "resets(requests_total[20m:30s])",
    "changes(level[10m:20s])",
    "increase(requests_total[10m:30s])",
    "rate(requests_total[10m:])",
    "max_over_time(requests_total[10m:])",
    "sum_over_time(sum_over_time(level[1m])[5m:1m])",
    "max_over_time(min_over_time(avg_over_time(temperature[1m])[200s:30s])[10m:1m])",
    "present_over_time(rate(requests_total[1m])[10m:1m])",
    "last_over_time((temperature > 0)[10m:15s])",
    "avg_over_time((temperature > bool 0)[10m:15s])",
    "stddev_over_time((level * 2)[10m:15s])",
    "stdvar_over_time(sum(level)[10m:15s])",
    "predict_linear(temperature[10m] offset 1m, 60)",
    "deriv(temperature[10m] offset 1m)",
    f"rate(requests_total[5m] @ {START // 1000 + 1203}) * 60",
    f"sum(increase(requests_total[5m] @ {START // 1000 + 1203} offset 1m)) / 300",
    f"max_over_time(sum(level)[5m:30s] @ {START // 1000 + 1203})",
    "idelta(rate(requests_total[1m])[5m:30s])",
    'rate(latency_bucket[5m]) / ignoring (le) group_left () sum by (job) (rate(latency_bucket{le="+Inf"}[5m]))',
    'histogram_quantile(0.9, latency_bucket{le!="+Inf"})',
    "histogram_quantile(2, latency_bucket)",
    "histogram_quantile(-1, latency_bucket)",
    "histogram_quantile(scalar(threshold) / 10, latency_bucket)",
    "histogram_quantile(0.5, build_info)",
    "day_of_week(vector(0))",
    "hour(vector(time() - 3600)) * 2",
    "year(timestamp(temperature))",
    "month(deadline) == 12",
]

ERRORS = [
    "requests_total / on (job) requests_total",
    "temperature * on (site) level",
    "level * on (site) group_left () temperature",
    "temperature + on (site) group_left () level",
    "temperature * on (site) group_right () level",
    "limit > on () temperature",
    'label_replace(temperature, "instance", "x", "", "")',
    'label_join(level, "zone", "-", "none")',
    'label_replace(requests_total, "job", "", "", "") * 2',
    'abs({__name__=~"limit|build_info", instance="a"}) + on () group_left () {__name__=~"limit|threshold"}',
    'rate({__name__=~"limit|temperature", instance="a", site=""}[5m]) / on () {__name__=~"limit|odd"}',
    "limit * on (instance) group_left (version) build_info / on () level",
    "topk(NaN, temperature)",
    "sum(bottomk(scalar(temperature), level))",
]

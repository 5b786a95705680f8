"""StatsD: what a line says, and what the lines add up to."""

import pytest

from rtmd.errors import FormatError
from rtmd.formats.batch import SampleBatch, SeriesLimits, SeriesTable, is_stale
from rtmd.formats.statsd import Kind, Target, cut, target
from rtmd.sources import tally
from rtmd.sources.tally import Tally

AT = 1_760_000_000_000
EVERY = 1_000

Row = tuple[str, int, float | None]


class Bench:
    def __init__(self, limits: SeriesLimits | None = None) -> None:
        self.series = SeriesTable(limits)
        self.tally = Tally(self.series, every=EVERY)
        self.at = AT

    def flush(self, *datagrams: bytes, after: int = EVERY) -> list[Row]:
        for datagram in datagrams:
            self.tally.take(datagram)
        self.at += after
        return self.rows(self.tally.flush(self.at))

    def rows(self, batch: SampleBatch) -> list[Row]:
        """Series as text, time since the start, value (None where it ends)."""
        ended = is_stale(batch.values).tolist()
        found: list[Row] = []
        for series, time, value, over in zip(
            batch.ids.tolist(), batch.times.tolist(), batch.values.tolist(), ended, strict=True
        ):
            labels = dict(self.series.labels(series))
            name = labels.pop("__name__")
            text = ",".join(f"{key}={text}" for key, text in labels.items())
            found.append((f"{name}{{{text}}}" if text else name, time - AT, None if over else value))
        return found


def now(rows: list[Row]) -> dict[str, float | None]:
    """The rows of the last moment."""
    last = max(time for _, time, _ in rows)
    return {name: value for name, time, value in rows if time == last}


def test_a_line_says_what_it_is_about() -> None:
    spelling, values = cut(
        b"page.views:1:2|c|@0.1|#country:fr,beta,a-b:c:d,country:de,|c:83c0a99c|T1656581400|card:low"
    )
    labels = (("country", "de"), ("beta", "true"), ("a_b", "c:d"))
    assert values == b"1:2"
    assert target(spelling) == Target(Kind.COUNTER, "page_views", labels, unit=1.0, weight=10.0)
    assert target(b"a|ms").unit == 0.001


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"_e{5,4}:title|text", "event"),
        (b"_sc|Redis|2", "event"),
        (b":1|c", "bad_name"),
        (b"a:1", "bad_type"),
        (b"a", "bad_type"),
        (b"a:1|x", "bad_type"),
        (b"a:1|c|@0", "bad_rate"),
        (b"a:1|c|@2", "bad_rate"),
        (b"a:1|c|@x", "bad_rate"),
        (b"a:1|c|what", "bad_line"),
        (b"a:1|c|#__name__:b", "bad_tag"),
        (b"a:1|c|#b:\xff", "bad_utf8"),
        (b"\xff:1|c", "bad_utf8"),
        (b"a:|c", "bad_value"),
        (b"a:x|g", "bad_value"),
        (b"a:nan|g", "bad_value"),
        (b"a:1e400|ms", "bad_value"),
        (b"a:-1|c", "negative_counter"),
        (b"a:1|c|#" + b",".join(b"t%d" % n for n in range(1000)), "refused_series"),
        (b"a" * 9_000 + b":1|c", "line_too_long"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[:20].decode("latin-1"),
)
def test_a_bad_line_is_counted_and_the_others_count(line: bytes, reason: str) -> None:
    bench = Bench()
    found = bench.flush(b"ok:1|g\n" + line + b"\n\nok:2|g\r\n", line)
    assert bench.tally.errors == {reason: 2}
    assert now(found).get("ok") == 2.0
    assert set(now(bench.flush())) <= {"ok", "a_total", "a_count"}


def test_a_counter_is_a_growing_sum_that_was_zero_a_flush_before() -> None:
    bench = Bench()
    assert bench.flush(b"hits:1|c\nhits:2:3|c", b"hits:1|c|@0.5") == [("hits_total", 1, 0.0), ("hits_total", 1000, 8.0)]
    assert bench.flush(b"hits:1|c") == [("hits_total", 2000, 9.0)]
    assert bench.flush() == [("hits_total", 3000, 9.0)]


def test_a_counter_that_is_called_total_is_not_called_so_twice() -> None:
    assert now(Bench().flush(b"hits_total:1|c|#a:b")) == {"hits_total{a=b}": 1.0}


def test_two_spellings_of_one_metric_add_up() -> None:
    spellings = (b"a.b:1|c|#x:1,y:2", b"a-b:1|c|#y:2,x:1", b"a_b_total:1|c|#y:2,x:1,z:,")
    assert now(Bench().flush(*spellings)) == {"a_b_total{x=1,y=2}": 3.0}


def test_gauges_are_set_or_changed() -> None:
    bench = Bench()
    assert now(bench.flush(b"queue:5|g\nqueue:+3|g\nqueue:-1.5|g")) == {"queue": 6.5}
    assert now(bench.flush(b"queue:0|g\nqueue:-4|g")) == {"queue": -4.0}


def test_a_set_counts_what_is_different_since_the_last_flush() -> None:
    bench = Bench()
    assert now(bench.flush(b"users:ana|s\nusers:bo|s\nusers:ana|s\nusers:a:b|s")) == {"users": 3.0}
    assert now(bench.flush()) == {"users": 0.0}


def test_timers_become_seconds_with_count_sum_and_quantiles() -> None:
    bench = Bench()
    found = bench.flush(b"t:100:200:300|ms|@0.5|#p:/", b"size:7|h\nsize:9|d")
    assert ("t_count{p=/}", 1, 0.0) in found
    assert now(found) == pytest.approx(
        {
            "t_count{p=/}": 6.0,
            "t_sum{p=/}": 1.2,
            "t{p=/,quantile=0.5}": 0.2,
            "t{p=/,quantile=0.9}": 0.28,
            "t{p=/,quantile=0.99}": 0.298,
            "t{p=/,quantile=1}": 0.3,
            "size_count": 2.0,
            "size_sum": 16.0,
            "size{quantile=0.5}": 8.0,
            "size{quantile=0.9}": 8.8,
            "size{quantile=0.99}": 8.98,
            "size{quantile=1}": 9.0,
        }
    )


def test_quantiles_end_where_nothing_was_observed_and_sums_go_on() -> None:
    bench = Bench()
    bench.flush(b"t:100|h")
    second = now(bench.flush())
    assert (second["t_count"], second["t_sum"], second["t{quantile=0.99}"]) == (1.0, 100.0, None)
    assert set(now(bench.flush())) == {"t_count", "t_sum"}
    assert now(bench.flush(b"t:7|h"))["t{quantile=0.5}"] == 7.0


def test_quantiles_of_a_flood_are_those_of_an_even_part_of_it() -> None:
    bench = Bench()
    found = now(bench.flush(b"\n".join(b"t:%d|h" % n for n in range(100_000))))
    assert found["t_count"] == 100_000
    assert found["t{quantile=0.5}"] == pytest.approx(50_000, rel=0.01)


def test_what_is_idle_ends_once_and_begins_anew_at_zero() -> None:
    bench = Bench()
    bench.flush(b"hits:5|c\nqueue:5|g\nt:1|h")
    assert now(bench.flush(after=tally.IDLE - 1))["hits_total"] == 5.0
    assert now(bench.flush(after=1)) == {"hits_total": None, "queue": None, "t_count": None, "t_sum": None}
    assert bench.flush() == []
    assert len(bench.tally._metrics) == 0
    again = bench.flush(b"hits:1|c\nqueue:+1|g")
    assert [(name, value) for name, _, value in again] == [("hits_total", 0.0), ("hits_total", 1.0), ("queue", 1.0)]


def test_another_type_under_the_same_name_is_a_conflict() -> None:
    bench = Bench()
    assert now(bench.flush(b"a:1|g", b"a:x|s", b"t:1|h", b"t_count:1|g")) == {
        "a": 1.0,
        "t_count": 1.0,
        "t_sum": 1.0,
        "t{quantile=0.5}": 1.0,
        "t{quantile=0.9}": 1.0,
        "t{quantile=0.99}": 1.0,
        "t{quantile=1}": 1.0,
    }
    assert bench.tally.errors == {"conflict": 2}


def test_limits_turn_away_what_is_new_and_keep_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(SeriesLimits(series=2))
    assert now(bench.flush(b"a:1|g\nb:1|g\nc:1|g\na:2|g")) == {"a": 2.0, "b": 1.0}
    assert bench.tally.errors == {"refused_series": 1}
    monkeypatch.setattr(tally, "MAX_SERIES", 1)
    monkeypatch.setattr(tally, "MAX_MEMBERS", 2)
    bench = Bench()
    assert now(bench.flush(b"s:1|s\ns:2|s\ns:3|s\ns:1|s\nb:1|g")) == {"s": 2.0}
    assert bench.tally.errors == {"set_full": 1, "too_many_series": 1}
    assert len(bench.series) == 1  # what has no room here takes none from others


def test_a_sum_does_not_run_over() -> None:
    bench = Bench()
    assert now(bench.flush(b"a:1e308|c\na:1e308|c\ng:1e308|g\ng:+1e308|g\nh:1e308|h\nh:1e308|h"))["a_total"] == 1e308
    assert bench.tally.errors == {"bad_value": 3}


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "_CACHE_BYTES", 3_000)
    bench = Bench()
    bench.flush(b"\n".join(b"a:1|c|T%d" % n for n in range(1000)))
    assert len(bench.tally._known) < 20
    assert now(bench.flush()) == {"a_total": 1000.0}


def test_a_target_is_refused_with_a_reason() -> None:
    with pytest.raises(FormatError):
        target(b"")

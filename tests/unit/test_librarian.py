"""What is answered from a state folder: the examples of Prometheus' documentation, edges, limits, hostile questions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rtmd.api.questions import FIRST, LAST, STATUS, Answer, Instant, Listing, Question, Stretch, Trace
from rtmd.engine.plan import WindowSnapshot
from rtmd.formats.batch import STALE, SampleBatch, SeriesTable
from rtmd.formats.query_json import show_moment, show_scientific, show_time, show_value
from rtmd.model.labels import labels_of
from rtmd.ports import LoggedBatch
from rtmd.runtime.librarian import Librarian
from rtmd.store.samplelog import LogLimits, SegmentLog
from rtmd.store.snapshot import save_windows

AT = 1_435_781_451_781  # the time in the examples
UP = {"__name__": "up", "job": "prometheus", "instance": "localhost:9090"}
DOWN = {"__name__": "up", "job": "node", "instance": "localhost:9100"}
STARTED = {"__name__": "process_start_time_seconds", "job": "prometheus", "instance": "localhost:9090"}

Sample = tuple[Mapping[str, str], int, float]


def write(folder: Path, *posts: tuple[int, Sequence[Sample]]) -> SegmentLog:
    """Posts that arrived at these times, in segments of a minute."""
    table = SeriesTable()
    log = SegmentLog(folder / "samples", table, LogLimits(segment=60_000))
    for at, samples in posts:
        ids = [table.intern(labels_of(labels)) for labels, _, _ in samples]
        times, values = [time for _, time, _ in samples], [value for _, _, value in samples]
        log.append(LoggedBatch(at, "test", SampleBatch(np.array(ids), np.array(times), np.array(values))))
        log.flush()
    return log


def told(folder: Path, question: Question) -> object:
    return said(Librarian(folder).answer(question))


def said(answer: Answer) -> object:
    assert not answer.error, answer.error
    return json.loads(b"".join(answer.data))


def refused(folder: Path, question: Question, **limits: int) -> tuple[str, str]:
    answer = Librarian(folder, **limits).answer(question)
    return answer.error_type, answer.error


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scrapes = [(AT - 21_000 + 15_000 * place, 1.0) for place in range(3)]
    write(tmp_path, *((at, [(UP, at, one), (DOWN, at, 1 - one), (STARTED, at, 1.4e9)]) for at, one in scrapes)).close()
    return tmp_path


def test_an_instant_query_is_answered_as_in_the_documentation(folder: Path) -> None:
    assert told(folder, Instant("up", AT)) == {
        "resultType": "vector",
        "result": [
            {"metric": UP, "value": [1435781451.781, "1"]},
            {"metric": DOWN, "value": [1435781451.781, "0"]},
        ],
    }


def test_one_label_set_of_an_expression_is_traced_with_null_where_it_has_no_value(folder: Path) -> None:
    labels = (("instance", "localhost:9090"), ("job", "prometheus"))
    asked = Trace("up", labels, AT - 36_000, AT + 9_000, 15_000)
    assert told(folder, asked) == [None, 1, 1, 1]
    assert told(folder, msgspec.structs.replace(asked, query="up == 0")) == [None] * 4
    assert told(folder, msgspec.structs.replace(asked, query="sum(up)", labels=())) == [None, 1, 1, 1]
    assert refused(folder, msgspec.structs.replace(asked, query="up +"))[0] == "bad_data"


def test_a_range_query_is_answered_as_in_the_documentation(folder: Path) -> None:
    times = [1435781430.781, 1435781445.781, 1435781460.781]
    assert told(folder, Stretch("up", AT - 21_000, AT + 9_000, 15_000)) == {
        "resultType": "matrix",
        "result": [
            {"metric": UP, "values": [[time, "1"] for time in times]},
            {"metric": DOWN, "values": [[time, "0"] for time in times]},
        ],
    }


def test_series_and_labels_are_listed_as_in_the_documentation(folder: Path) -> None:
    matches = ("up", 'process_start_time_seconds{job="prometheus"}')
    assert told(folder, Listing("series", matches)) == [STARTED, UP, DOWN]
    assert told(folder, Listing("labels")) == ["__name__", "instance", "job"]
    assert told(folder, Listing("values", label="job")) == ["node", "prometheus"]
    assert told(folder, Listing("values", ("process_start_time_seconds",), label="job")) == ["prometheus"]
    assert told(folder, Listing("values", label="none")) == []


def test_numbers_texts_and_ranges_are_what_they_are(folder: Path) -> None:
    assert told(folder, Instant("1 + 1.5", AT)) == {"resultType": "scalar", "result": [1435781451.781, "2.5"]}
    assert told(folder, Instant('"x\\""', AT)) == {"resultType": "string", "result": [1435781451.781, 'x"']}
    [line] = told(folder, Stretch("1e21", 0, 1_000, 500))["result"]  # type: ignore[index]
    shown = "1000000000000000000000"
    assert line == {"metric": {}, "values": [[0, shown], [0.5, shown], [1, shown]]}


def test_a_range_by_itself_is_the_samples_as_they_came(tmp_path: Path) -> None:
    m = {"__name__": "m"}
    late = [
        (m, 3_000, 3.0),
        (m, 1_000, 1.0),
        (m, 2_000, float(STALE)),
        (m, 3_000, 9.0),
        ({"__name__": "n"}, 1_000, 5.0),
    ]
    write(tmp_path, (4_000, late)).close()
    matrix = told(tmp_path, Instant("m[2s]", 3_000))
    assert matrix == {"resultType": "matrix", "result": [{"metric": m, "values": [[3, "3"]]}]}
    [line] = told(tmp_path, Instant("m[1h] @ end() offset 1s", 4_000))["result"]  # type: ignore[index]
    assert line["values"] == [[1, "1"], [3, "3"]]
    [line] = told(tmp_path, Instant("(m * 2)[4s:2s]", 5_000))["result"]  # type: ignore[index]
    assert line == {"metric": {}, "values": [[4, "6"]]}
    assert told(tmp_path, Instant("m[1s:1h]", 5_000)) == {"resultType": "matrix", "result": []}


def test_end_is_the_end_that_is_asked_for_wherever_the_last_step_falls(tmp_path: Path) -> None:
    write(tmp_path, (3_000, [({"__name__": "m"}, 2_200, 7.0)])).close()
    [line] = told(tmp_path, Stretch("m @ end()", 0, 2_500, 1_000))["result"]  # type: ignore[index]
    assert line["values"] == [[0, "7"], [1, "7"], [2, "7"]]


def test_what_was_stamped_ahead_of_its_arrival_is_found(tmp_path: Path) -> None:
    m = {"__name__": "m"}
    write(tmp_path, (0, [(m, 20_000, 1.0)]), (400_000, [(m, 400_000, 2.0)])).close()
    assert told(tmp_path, Instant("count_over_time(m[5m])", 319_999))["result"]  # type: ignore[index]
    assert told(tmp_path, Instant("count_over_time(m[5m])", 320_000))["result"] == []  # type: ignore[index]


def test_series_are_those_with_a_sample_between_the_ends(tmp_path: Path) -> None:
    old, new = {"__name__": "old"}, {"__name__": "new"}
    log = write(tmp_path, (0, [(old, 0, 1.0)]), (60_000, [(new, 60_000, 1.0)]))
    librarian = Librarian(tmp_path)

    def listed(start: int, end: int) -> object:
        return said(librarian.answer(Listing("series", (), start, end)))

    assert listed(FIRST, LAST) == [new, old]
    assert (listed(1, LAST), listed(FIRST, 59_999), listed(60_001, LAST)) == ([new], [old], [])
    table = SeriesTable()
    ids = np.array([table.intern(labels_of({"__name__": "newer"}))])
    log.close()
    log = SegmentLog(tmp_path / "samples", table)
    log.append(LoggedBatch(61_000, "test", SampleBatch(ids, np.array([61_000]), np.array([1.0]))))
    log.flush()
    assert listed(60_001, LAST) == [{"__name__": "newer"}]
    log.close()


def test_beyond_the_log_the_snapshot_of_windows_answers(tmp_path: Path) -> None:
    m, other = labels_of({"__name__": "m"}), labels_of({"__name__": "other"})
    write(tmp_path, (100_000, [(dict(m), 100_000, 3.0)])).close()
    times, values = np.array([50_000, 100_000, 60_000]), np.array([1.0, 9.0, 5.0])
    save_windows(tmp_path, WindowSnapshot([m, other], np.array([2, 1]), times, values, times[:2]), 100_000)
    [line] = told(tmp_path, Instant("m[5m]", 100_000))["result"]  # type: ignore[index]
    assert line["values"] == [[50, "1"], [100, "3"]]
    assert told(tmp_path, Listing("series", (), 50_000, 70_000)) == [dict(m), dict(other)]


def test_an_empty_folder_has_no_series(tmp_path: Path) -> None:
    assert told(tmp_path, Instant("m", AT)) == {"resultType": "vector", "result": []}
    assert told(tmp_path, Listing("labels")) == []


def test_limits_cut_with_a_warning(folder: Path) -> None:
    librarian = Librarian(folder)
    cut = ("results truncated due to limit",)
    for question in (
        Instant("up", AT, 1),
        Instant("up[1m]", AT, 1),
        Stretch("up", AT, AT, 1, 1),
        Listing("labels", limit=1),
    ):
        assert librarian.answer(question).warnings == cut
    assert librarian.answer(Instant("up", AT, 2)).warnings == ()


def test_a_query_reads_and_gives_no_more_than_it_may(folder: Path) -> None:
    assert refused(folder, Instant("up", AT), samples=3) == ("execution", "more than 3 samples would have to be read")
    long = Stretch("up", AT, AT + 5_000, 1_000)
    assert refused(folder, long, points=11) == ("execution", "the result has more than 11 points")
    assert refused(folder, long, points=12) == ("", "")


@pytest.mark.parametrize(
    ("query", "kind", "error"),
    [
        ("foo/", "bad_data", 'invalid parameter "query": 1:'),
        ("\n up[", "bad_data", 'invalid parameter "query": 2:4: parse error: "[" is never closed'),
        ("", "bad_data", 'invalid parameter "query": 1:1: parse error'),
        ('{__name__=~"up|process_start_time_seconds"} + on () up', "execution", "several series are"),
        ("topk(NaN, up)", "execution", "topk of nan rows"),
    ],
)
def test_what_is_wrong_has_the_type_that_prometheus_gives_it(folder: Path, query: str, kind: str, error: str) -> None:
    found, problem = refused(folder, Instant(query, AT))
    assert (found, error in problem) == (kind, True), problem


@pytest.mark.parametrize("query", ["up[5m]", "up[5m:1m]", '"text"'])
def test_only_numbers_and_vectors_are_drawn(folder: Path, query: str) -> None:
    kind, problem = refused(folder, Stretch(query, AT, AT, 1))
    assert kind == "bad_data"
    assert "for range query, must be Scalar or instant Vector" in problem


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long")
    write(folder, (AT, [(UP, AT - 1_000 * place, float(place)) for place in range(100)])).close()
    return folder


TIMES = st.integers(-(10**14), 10**14)
QUERIES = st.sampled_from([
    "up", "rate(up[5m])", "sum(up offset -3y)", "up @ 1e9", "up[5m]", "up[1h:1m]", "max_over_time(up[100y])",
    "up @ end()", "time()", '{__name__=~".+"}', '{"größe/x"!="1", job=~".*"}', "absent(nope)",
    "rate(up[10m:1m] @ start())", "-up ^ NaN",
])  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(query=QUERIES | st.text(max_size=20), at=TIMES, length=st.integers(0, 10**14), parts=st.integers(1, 50))
@example(query="up", at=-(10**14), length=2 * 10**14, parts=50)
def test_any_question_is_answered_or_refused(long: Path, query: str, at: int, length: int, parts: int) -> None:
    for question in (
        Instant(query, at),
        Stretch(query, at, at + length, max(1, length // parts)),
        Listing("series", (query,), at, at + length),
    ):
        answer = Librarian(long).answer(question)
        assert not answer.error_type or STATUS[answer.error_type] in {400, 422}
        assert answer.error or json.loads(b"".join(answer.data)) is not None


@pytest.mark.parametrize(
    ("value", "text", "scientific"),
    [
        (1.0, "1", "1e+00"),
        (0.1, "0.1", "1e-01"),
        (93.5, "93.5", "9.35e+01"),
        (100.0, "100", "1e+02"),
        (1e21, "1000000000000000000000", "1e+21"),
        (1e-7, "0.0000001", "1e-07"),
        (1.7976931348623157e308, None, "1.7976931348623157e+308"),
        (5e-324, None, "5e-324"),
        (0.0, "0", "0e+00"),
        (-0.0, "-0", "-0e+00"),
        (float("nan"), "NaN", "NaN"),
        (float("inf"), "+Inf", "+Inf"),
        (float("-inf"), "-Inf", "-Inf"),
    ],
)
def test_values_are_written_as_prometheus_writes_them(value: float, text: str | None, scientific: str) -> None:
    assert show_value(value) == (show_value(value) if text is None else text)
    assert show_scientific(value) == scientific


@given(value=st.floats(allow_nan=False))
def test_values_read_back_the_same_and_have_no_exponent(value: float) -> None:
    assert float(show_value(value)) == float(show_scientific(value)) == value
    assert "e" not in show_value(value)


def test_times_are_seconds_or_rfc_3339() -> None:
    assert [show_time(at) for at in (0, 1_000, 1_050, -1_500)] == ["0", "1", "1.050", "-1.500"]
    assert show_moment(AT) == "2015-07-01T20:10:51.781Z"

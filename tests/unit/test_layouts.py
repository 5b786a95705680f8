"""Posts that come again: read by their layout alone, and only where every other byte is the same."""

import numpy as np
import pytest

from rtmd.formats.batch import SampleBatch, SeriesLimits, SeriesTable
from rtmd.formats.remote_write import RemoteWriteDecoder, encode_write

AT = 1_760_000_000_000

Rows = list[tuple[str, int, float]]


def up(host: str) -> dict[str, str]:
    return {"__name__": "up", "host": host}


def post(values: list[float], *, at: int = AT, first: int = 0) -> bytes:
    return encode_write([(up(f"h{first + n:02}"), [(at + n, value)]) for n, value in enumerate(values)])


def rows(road: RemoteWriteDecoder, batch: SampleBatch) -> Rows:
    hosts = [dict(road.series.labels(series))["host"] for series in batch.ids.tolist()]
    return list(zip(hosts, batch.times.tolist(), batch.values.tolist(), strict=True))


def layouts(road: RemoteWriteDecoder) -> int:
    return int(repr(road.layouts).split()[1].rstrip(","))


@pytest.fixture
def road() -> RemoteWriteDecoder:
    return RemoteWriteDecoder(SeriesTable())


def test_a_post_that_comes_again_brings_its_own_times_and_values(road: RemoteWriteDecoder) -> None:
    for at, values in ((AT, [1.5, 0.0, 2.5, 0.0]), (AT + 1_000, [-7.0, 0.0, float("inf"), 0.0])):
        expected = [(f"h{n:02}", at + n, value) for n, value in enumerate(values)]
        assert rows(road, road.decode(post(values, at=at), at=at)) == expected
    assert layouts(road) == 1


def test_a_value_that_becomes_zero_is_another_layout(road: RemoteWriteDecoder) -> None:
    for values in ([1.0, 2.0], [1.0, 0.0], [0.0, 2.0]):
        for _ in range(2):
            assert road.decode(post(values), at=AT).values.tolist() == values


def test_posts_that_begin_alike_and_are_as_long_are_told_apart(road: RemoteWriteDecoder) -> None:
    one = post([1.0, 2.0])
    other = post([3.0], first=0) + post([4.0], first=7)
    assert len(one) == len(other)
    for _ in range(2):
        assert [host for host, _, _ in rows(road, road.decode(one, at=AT))] == ["h00", "h01"]
        assert [host for host, _, _ in rows(road, road.decode(other, at=AT))] == ["h00", "h07"]


def test_what_a_reader_does_to_one_batch_cannot_reach_the_next(road: RemoteWriteDecoder) -> None:
    road.decode(post([1.0, 2.0]), at=AT)
    with pytest.raises(ValueError, match="read-only"):
        road.decode(post([3.0, 4.0]), at=AT).ids[0] = 17


def test_series_that_got_other_ids_are_found_by_name_again(road: RemoteWriteDecoder) -> None:
    road.decode(post([9.0]), at=AT)
    for _ in range(2):
        road.decode(post([1.0, 2.0], first=1), at=AT)
    road.series.renumber(np.array([False, True, True]))
    batch = road.decode(post([3.0, 4.0], first=1), at=AT)
    assert batch.ids.tolist() == [0, 1]
    assert [host for host, _, _ in rows(road, batch)] == ["h01", "h02"]


def test_series_that_were_refused_are_counted_in_every_post() -> None:
    road = RemoteWriteDecoder(SeriesTable(SeriesLimits(series=1)))
    for count in (1, 2, 3):
        assert len(road.decode(post([1.0, 2.0]), at=AT)) == 1
        assert road.series.refused["too_many_series"] == count


def test_their_memory_is_bounded(road: RemoteWriteDecoder) -> None:
    road.layouts.limit = 4_000
    for n in range(50):
        for _ in range(2):
            assert road.decode(post([float(n)] * 3, first=n), at=AT).values.tolist() == [float(n)] * 3
        assert road.layouts.bytes <= 4_000
    assert 0 < layouts(road) < 5

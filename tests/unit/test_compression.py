"""Bodies are opened under a limit, whatever they claim."""

import gzip
import tracemalloc

import pytest

from rtmd.errors import FormatError
from rtmd.formats.compression import decode_body, encode_snappy
from rtmd.formats.protobuf import varint

TEXT = b"".join(b"line %d of a page of numbers\n" % number for number in range(5_000))
PACKED = gzip.compress(TEXT, mtime=0)


def reason(body: bytes, encoding: str, limit: int = 1024**2) -> str:
    with pytest.raises(FormatError) as caught:
        decode_body(body, encoding, limit=limit)
    return caught.value.reason


@pytest.mark.parametrize("plain", [b"", b"x", TEXT])
def test_what_was_packed_comes_back(plain: bytes) -> None:
    for encoding, body in (
        ("", plain),
        ("identity", plain),
        (" GZIP ", gzip.compress(plain)),
        ("snappy", encode_snappy(plain)),
    ):
        assert decode_body(body, encoding, limit=len(plain)) == plain


def test_one_byte_over_the_limit_is_refused() -> None:
    for encoding, body in (("", TEXT), ("gzip", gzip.compress(TEXT)), ("snappy", encode_snappy(TEXT))):
        assert reason(body, encoding, len(TEXT) - 1) == "body_too_large"


def test_concatenated_gzip_is_one_body_and_many_members_are_an_attack() -> None:
    assert decode_body(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", limit=2) == b"ab"
    assert reason(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", 1) == "body_too_large"
    assert reason(gzip.compress(b"") * 10_000, "gzip") == "bad_gzip"


def test_a_gzip_bomb_is_given_up_before_it_unfolds() -> None:
    bomb = gzip.compress(bytes(64 * 1024**2))
    tracemalloc.start()
    try:
        assert reason(bomb, "gzip", 32 * 1024**2) == "body_too_large"
        assert reason(bomb, "gzip", 1024**3) == "body_too_large"
        assert tracemalloc.get_traced_memory()[1] < 16 * 1024**2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("claimed", [1024**2, 1024**3, 2**32 - 1])
def test_a_claimed_length_allocates_nothing(claimed: int) -> None:
    assert reason(varint(claimed) + b"\0", "snappy") in {"bad_snappy", "body_too_large"}


@pytest.mark.parametrize("body", [b"", b"\xff" * 10, b"\x05abc", encode_snappy(TEXT)[:-3], b"\x03\x08abcd"])
def test_broken_snappy_is_refused(body: bytes) -> None:
    assert reason(body, "snappy") == "bad_snappy"


@pytest.mark.parametrize("body", [b"", b"x", PACKED[:-1], PACKED[:100], b"\x1f\x8b\x08"])
def test_broken_gzip_is_refused(body: bytes) -> None:
    assert reason(body, "gzip") == "bad_gzip"


def test_trailing_bytes_after_gzip_are_refused() -> None:
    assert reason(gzip.compress(b"a") + b"junk", "gzip") == "bad_gzip"


def test_other_encodings_are_refused_by_name() -> None:
    assert reason(b"x", "br") == "unknown_encoding"

"""A stream is compared byte by byte with what was sent, however it is cut."""

from __future__ import annotations

import pytest

from harness_scenarios.parts.stream_pattern import READ_BYTES, StreamCheck, StreamPattern


def send(pattern: StreamPattern) -> bytes:
    """Return the whole stream."""
    return b"".join(pattern.chunks) * pattern.laps


@pytest.mark.parametrize("chunk", [64, 100, 65_536, 1_048_576])
def test_chunks_of_a_lap_differ(chunk):
    """Each chunk has its size, and no two are the same."""
    pattern = StreamPattern(chunk, 1)
    assert {chunk} == {len(part) for part in pattern.chunks}
    assert len(set(pattern.chunks)) == len(pattern.chunks) >= 3
    assert pattern.total_bytes == pattern.period == chunk * len(pattern.chunks)


def test_total_is_whole_laps():
    """What does not fill a lap is not sent."""
    pattern = StreamPattern(65_536, 1_000_000)
    assert (pattern.laps, pattern.total_bytes) == (5, 983_040)


@pytest.mark.parametrize("read", [1, 63, 1000, READ_BYTES])
def test_a_whole_stream_is_right_however_it_is_cut(read):
    """The size of a read does not matter, also over the end of a lap."""
    pattern = StreamPattern(64, 140_000)
    stream, check = send(pattern), StreamCheck(pattern)
    for start in range(0, len(stream), read):
        check.take(stream[start : start + read])
    assert (pattern.total_bytes, None) == (check.received, check.first_wrong)


@pytest.mark.parametrize("at", [0, 1, 65_535, 65_536, 100_001])
def test_the_first_wrong_byte_is_named(at):
    """Its offset in the stream, whatever comes after it."""
    pattern = StreamPattern(64, 140_000)
    stream, check = bytearray(send(pattern)), StreamCheck(pattern)
    stream[at] ^= 1
    stream[-1] ^= 1
    for start in range(0, len(stream), 1000):
        check.take(bytes(stream[start : start + 1000]))
    assert at == check.first_wrong


def test_a_lost_chunk_is_seen():
    """The chunk that comes in its place is another one."""
    pattern = StreamPattern(64, 1)
    check = StreamCheck(pattern)
    check.take(pattern.chunks[0] + pattern.chunks[2])
    assert check.first_wrong is not None
    assert 64 <= check.first_wrong < 128

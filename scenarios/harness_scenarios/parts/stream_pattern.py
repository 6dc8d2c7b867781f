"""A stream whose every byte is known in advance, and a check that compares what arrives with it.

A checksum says that something is wrong; comparing says where, and costs less than a checksum.
"""

from __future__ import annotations

from itertools import count

READ_BYTES = 65_536
_LEAST_PERIOD = 65_536
_LEAST_CHUNKS = 3


class StreamPattern:
    """A ring of distinct chunks that is sent `laps` times.

    Chunks of one lap differ, so that a lost, repeated or swapped chunk shows; the number of laps catches the rest.
    The total is a whole number of laps: at least one, at most `total_bytes` otherwise.
    """

    __slots__ = ("chunks", "laps", "period")

    def __init__(self, chunk_bytes: int, total_bytes: int) -> None:
        number = max(_LEAST_CHUNKS, -(-_LEAST_PERIOD // chunk_bytes))
        self.chunks = tuple(_make_chunk(index, chunk_bytes) for index in range(number))
        self.period = number * chunk_bytes
        self.laps = max(1, total_bytes // self.period)

    @property
    def total_bytes(self) -> int:
        """How many bytes are sent in all."""
        return self.laps * self.period


class StreamCheck:
    """Compares a stream with its pattern as it arrives, in reads of at most `READ_BYTES`."""

    __slots__ = ("_expected", "_period", "_position", "first_wrong", "received")

    def __init__(self, pattern: StreamPattern) -> None:
        lap = b"".join(pattern.chunks)
        self._period = pattern.period
        # A read may run over the end of a lap: with the beginning repeated behind it, a slice never wraps.
        self._expected = lap + (lap * (READ_BYTES // len(lap) + 1))[:READ_BYTES]
        self._position = 0
        self.received = 0
        self.first_wrong: int | None = None
        """Offset of the first byte that is not the expected one."""

    def take(self, data: bytes) -> None:
        """Compare what arrived next."""
        start = self._position
        size = len(data)
        if self.first_wrong is None and data != self._expected[start : start + size]:
            expected = self._expected[start : start + size]
            self.first_wrong = self.received + next(i for i in count() if data[i] != expected[i])
        self._position = (start + size) % self._period
        self.received += size


def _make_chunk(index: int, size: int) -> bytes:
    # The index is part of each word, so that no two chunks of a lap share one; words differ within the chunk too.
    ramp = bytes(range(256))
    word = index.to_bytes(3, "big")
    body = b"".join(word + ramp[start : start + 29] for start in range(0, 227, 29))
    return (body * (size // len(body) + 1))[:size]

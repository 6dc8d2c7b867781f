"""Requests and replies that carry the number of their connection in every part, so that a mix-up is seen.

A request is its index in 8 bytes followed by a word of 8 bytes, derived from index and seed, again and again. The
reply is computed from the request alone and differs from it in every word: an echo is not a reply.
"""

from __future__ import annotations

from enum import IntEnum

TAG_BYTES = 8
LEAST_BYTES = 2 * TAG_BYTES
"""A payload holds at least the index and one word."""
_WORD_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_MIX = 0xBF58476D1CE4E5B9
_REPLY_MARK = 0xA5C3_96E1_5A3C_691E


class ReplyGrade(IntEnum):
    """Correctness of a reply, from the view of the connection that asked."""

    NONE = 0
    """It was never read to its end."""
    RIGHT = 1
    LOST = 2
    """The stream ended without a byte."""
    SHORT = 3
    """The beginning of the right reply."""
    REPEATED = 4
    """The right reply, and again."""
    FOREIGN = 5
    """It holds bytes that are not of the right reply."""


def make_request(index: int, seed: int, size: int) -> bytes:
    """Return the request of connection `index`, `size` bytes long (at least `LEAST_BYTES`)."""
    word = ((index + 1) * _GOLDEN + seed) & _WORD_MASK
    word = ((word ^ (word >> 30)) * _MIX) & _WORD_MASK  # a step of splitmix64: neighbours share no bytes
    return _fill(index.to_bytes(TAG_BYTES, "big"), word, size)


def make_reply(request: bytes, size: int) -> bytes | None:
    """Return the reply of `size` bytes to `request`, or `None` if the request is not a whole one."""
    tag, word = request[:TAG_BYTES], int.from_bytes(request[TAG_BYTES:LEAST_BYTES], "big")
    if len(request) < LEAST_BYTES or request != _fill(tag, word, len(request)):
        return None
    return _fill(tag, word ^ _REPLY_MARK, size)


def grade_reply(reply: bytes, expected: bytes) -> ReplyGrade:
    """Return what `reply` is to the connection that expects `expected`."""
    if reply == expected:
        return ReplyGrade.RIGHT
    if not reply:
        return ReplyGrade.LOST
    if expected.startswith(reply):
        return ReplyGrade.SHORT
    repetitions = len(reply) // len(expected) + 1
    if len(reply) > len(expected) and (expected * repetitions).startswith(reply):
        return ReplyGrade.REPEATED
    return ReplyGrade.FOREIGN


def read_tag(reply: bytes) -> int:
    """Return the index of the connection that a reply says it is for, or -1 if it is too short to say."""
    return int.from_bytes(reply[:TAG_BYTES], "big") if len(reply) >= TAG_BYTES else -1


def _fill(tag: bytes, word: int, size: int) -> bytes:
    words = -(-(size - TAG_BYTES) // TAG_BYTES)
    return (tag + word.to_bytes(TAG_BYTES, "big") * words)[:size]

"""A reply says whose it is in every part."""

from __future__ import annotations

import pytest

from harness_scenarios.parts.tagged_payload import (
    LEAST_BYTES,
    ReplyGrade,
    grade_reply,
    make_reply,
    make_request,
    read_tag,
)

REPLY = make_reply(make_request(7, 1, 64), 100)
OTHER = make_reply(make_request(8, 1, 64), 100)


@pytest.mark.parametrize("size", [LEAST_BYTES, 17, 64, 1000])
def test_sizes_are_exact(size):
    """Request and reply have the length that was asked for."""
    request = make_request(3, 9, size)
    assert (len(request), len(make_reply(request, size))) == (size, size)


def test_requests_differ_in_every_word():
    """No 8 bytes of one connection's request or reply are in another's."""
    payloads = [make_request(index, 1, 64) for index in range(1000)]
    payloads += [make_reply(payload, 64) for payload in payloads]
    words = {payload[start : start + 8] for payload in payloads for start in range(8, 64, 8)}
    assert len(words) == 2000


def test_an_echo_is_not_a_reply():
    """The reply is not the request."""
    request = make_request(7, 1, 64)
    assert grade_reply(request, make_reply(request, 64)) is ReplyGrade.FOREIGN


@pytest.mark.parametrize(
    ("reply", "grade"),
    [
        (REPLY, ReplyGrade.RIGHT),
        (b"", ReplyGrade.LOST),
        (REPLY[:-1], ReplyGrade.SHORT),
        (REPLY + REPLY, ReplyGrade.REPEATED),
        (REPLY + REPLY[:3], ReplyGrade.REPEATED),
        (OTHER, ReplyGrade.FOREIGN),
        (OTHER[:50], ReplyGrade.FOREIGN),
        (REPLY[:60] + OTHER[60:], ReplyGrade.FOREIGN),
        (REPLY + OTHER, ReplyGrade.FOREIGN),
        (REPLY[:-1] + b"\0", ReplyGrade.FOREIGN),
    ],
)
def test_grades(reply, grade):
    """Each way in which a reply can be wrong has its name."""
    assert grade_reply(reply, REPLY) is grade


def test_tags():
    """A reply names its connection, if it is long enough."""
    assert (read_tag(REPLY), read_tag(REPLY[:7])) == (7, -1)


@pytest.mark.parametrize("damage", [slice(0, 0), slice(0, 15)])
def test_a_request_without_its_tag_gets_no_reply(damage):
    """Empty, or too short to hold a word: no request."""
    assert make_reply(make_request(7, 1, 64)[damage], 64) is None


def test_a_flipped_byte_in_a_request_is_seen():
    """Every byte behind the tag is checked."""
    request = bytearray(make_request(7, 1, 64))
    request[40] ^= 1
    assert make_reply(bytes(request), 64) is None

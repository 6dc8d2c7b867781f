"""What stands in for msgspec in a worker writes and reads what msgspec does."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import wire
from harness.model import outcome
from harness.wire import RoleEnded, Shared, WorkerMessage, encode_line
from harness.worker import light_msgspec

MESSAGES = """(
    Ready(
        attestation=Attestation(
            scheduler="a.B", expected="a.*", python="3.11.7", implementation="cpython", gil=True, versions={"a": "1"}
        )
    ),
    Observed(role="main", key="k", value={"a": [1, 2.5, None, True, "ä\\n"]}, at=0.25),
    Step(role="main", actor="a", what="b", at=1.0),
    Shared(key="address", value=["127.0.0.1", 1]),
    UnhandledSeen(unhandled=Unhandled(context="c", error=ErrorReport(type="T", message="m", traceback="t"))),
    Ended(outcome=Outcome.RAISED, reason="r", error=ErrorReport(type="T", message="m", traceback="t", leaves=("x",))),
    Ended(outcome=Outcome.COMPLETED, leaks=("fd 3",)),
    Ended(outcome=Outcome.COMPLETED, resources=Resources(wall=1.5, user=1.0, system=0.25, involuntary_switches=3)),
)"""
IN_A_WORKER = f"""
import sys
from harness.worker.light_msgspec import standing_in
with standing_in():
    from harness.model.outcome import Attestation, ErrorReport, Observed, Outcome, Resources, Step, Unhandled
    from harness.wire import Ended, Ready, Shared, UnhandledSeen, WorkerOrder, decode_line, encode_line
assert "msgspec" not in sys.modules
for message in {MESSAGES}:
    sys.stdout.buffer.write(encode_line(message))
sys.stdout.flush()
for line in sys.argv[1:]:
    print(decode_line(line.encode(), WorkerOrder))
"""

documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_worker_writes_what_the_host_reads():
    """Every kind of message, and both orders, by a process that never imports msgspec."""
    orders = [Shared(key="k", value=[1]), RoleEnded(role="r")]
    command = [sys.executable, "-P", "-c", IN_A_WORKER, *(encode_line(order).decode() for order in orders)]
    done = subprocess.run(command, capture_output=True, check=False)
    expected = eval(MESSAGES, {**vars(outcome), **vars(wire)})
    *lines, shared, ended = done.stdout.splitlines()
    assert done.stderr == b""
    assert tuple(msgspec.json.decode(line, type=WorkerMessage) for line in lines) == expected
    assert [shared.decode(), ended.decode()] == list(map(repr, orders))


@given(documents)
def test_documents_are_encoded_alike(document):
    """Also what is no number, and text that is no UTF-8 is still written."""
    ours = light_msgspec.Encoder(enc_hook=str).encode(document)
    try:
        theirs = msgspec.json.encode(document, enc_hook=str)
    except UnicodeEncodeError:
        theirs = msgspec.json.encode(msgspec.json.decode(ours))
    assert msgspec.json.decode(ours) == msgspec.json.decode(theirs)


@pytest.mark.parametrize("value", [b"\xff\x00", (1, 2), {3}, frozenset("a"), {1: 2}, 1 + 2j, object])
def test_what_json_lacks_is_encoded_alike(value):
    """Bytes as base64, collections as lists, the rest as text."""
    ours = light_msgspec.Encoder(enc_hook=str).encode({"value": value})
    assert msgspec.json.decode(ours) == msgspec.json.decode(msgspec.json.encode({"value": value}, enc_hook=str))


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"7", b"{}", b'{"type":"other"}', b'{"type":"shared","key":"k"}', b"\xff"]
)
def test_garbage_is_an_error_and_nothing_else(line):
    """An order that is none is refused, not half read."""

    class Order(light_msgspec.Struct, tag="shared"):
        key: str
        value: object

    with pytest.raises(light_msgspec.DecodeError):
        light_msgspec.decode(line, type=Order)


def test_structs_have_their_fields_and_no_others():
    """Defaults, positions and names as declared; equal by value."""

    class Pair(light_msgspec.Struct, frozen=True):
        first: int
        second: int = 2

    assert (Pair(1), Pair(first=1, second=2)) == (Pair(1, 2), Pair(1))
    assert Pair(1) != Pair(2)
    assert (repr(Pair(1)), len({Pair(1), Pair(1)})) == ("Pair(first=1, second=2)", 1)
    for wrong in ({}, {"first": 1, "third": 3}):
        with pytest.raises(TypeError, match="Pair"):
            Pair(**wrong)


def test_the_real_one_is_left_where_it_is():
    """Whoever has imported msgspec keeps it, and gets the stand-in taken away again otherwise."""
    with light_msgspec.standing_in():
        assert sys.modules["msgspec"] is msgspec

"""What exploring has found in our own adapters, and what is fixed since: each program shows nothing any more."""

import sys

import pytest
from runtimes import COROUTINES
from trials import make_trial

from harness.explore.families import FAMILIES
from harness.explore.program import Operation, Program, Resource

SEND, RECEIVE = Operation("send"), Operation("receive")
OUT_OF_ORDER = {
    "a receiver is cancelled in the turn of the handover": Program(
        (Resource("channel", 0),),
        (
            (Operation("cancel", 3),),
            (SEND, SEND, Operation("close")),
            (RECEIVE, RECEIVE),
            (Operation("cancel", 2),),
            (RECEIVE, Operation("cancel", 4), RECEIVE),
        ),
    ),
    "receivers run in another order than they were handed items": Program(
        (Resource("channel", 0),),
        (
            (Operation("cancel", 0), RECEIVE),
            (Operation("send-clone"), SEND),
            (RECEIVE, RECEIVE),
            (Operation("checkpoint", 0, 1), SEND),
        ),
    ),
    "two receivers are cancelled": Program(
        (Resource("channel", 0),),
        (
            (RECEIVE, RECEIVE, Operation("cancel", 2)),
            (Operation("cancel", 0), Operation("sleep", 0, 1)),
            (SEND, SEND),
            (RECEIVE, RECEIVE, Operation("cancel", 2)),
        ),
    ),
}
CLOSED_WITH_ROOM = Program(
    (Resource("channel", 1),),
    (
        (
            Operation("deadline", 0, 3, (SEND, Operation("close"))),
            Operation("close-other", 0, 2),
            Operation("fail-after", 0, 2, (Operation("close"), RECEIVE)),
        ),
        (Operation("cancel", 1),),
        (Operation("close-other", 0, 1), SEND, SEND),
        (RECEIVE,),
    ),
)
CANCELLED_TWICE = Program(
    (Resource("event"),),
    (
        (
            Operation("group", 0, 0, (Operation("cancel", 0),), ((Operation("cancel-group"),),)),
            Operation("wait", 0),
        ),
    ),
)
ORDERS = [f"{kind} {seed}" for seed in range(150) for kind in ("native", "shuffle", "pct")]


@pytest.mark.parametrize("program", OUT_OF_ORDER.values(), ids=OUT_OF_ORDER)
def test_a_rendezvous_of_asyncio_keeps_the_order_of_a_sender(program):
    """A receiver that was cancelled put its item back behind a later one that another had taken by then."""
    trial = make_trial("asyncio", FAMILIES["channel"])
    assert [(name, result) for name in ORDERS if (result := trial.run(program, name)).clause] == []


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Queue.shutdown is new in 3.13")
def test_a_send_that_has_its_turn_when_the_channel_ends_is_closed():
    """Asyncio's own QueueShutDown said that the channel was at its end."""
    trial = make_trial("asyncio", FAMILIES["channel"])
    assert [(name, result) for name in ORDERS if (result := trial.run(CLOSED_WITH_ROOM, name)).clause] == []


@pytest.mark.skipif("curio" not in COROUTINES, reason="curio 1.6 does not import here")
def test_a_group_of_curio_that_is_cancelled_as_it_ends_keeps_the_cancellation_from_around_it():
    """The group's own cancellation replaced that of the task, and the group swallowed it."""
    trial = make_trial("curio", FAMILIES["group"])
    assert [(name, result) for name in ORDERS[:30] if (result := trial.run(CANCELLED_TWICE, name)).clause] == []

"""The families of programs that ship with harness."""

from __future__ import annotations

from .grammar import Grammar
from .program import Operation

_AROUND = {"checkpoint": 5, "sleep": 2, "cancel": 4}
"""What programs of every family do beside their own operations."""
_SCOPES = {"deadline": 2, "fail-after": 1, "until": 1}


def _enter(*body: str) -> Operation:
    return Operation("enter", body=tuple(map(Operation, body)))


_CONSUME = _enter("take")
_PRODUCE = _enter("put")
_PRODUCE_AND_HOLD = _enter("put", "checkpoint")
_PRODUCE_AND_CANCEL = _enter("put", "cancel")

_OF_LOCKS = ("lock-open", "lock-never-released", "lock-lost-with-its-waiter")
_OF_TIMERS = ("timer-early", "deadline-early", "sleep-swallows-cancellation")
_OF_CHANNELS = (
    "item-lost",
    "item-sent-twice",
    "item-received-twice",
    "order-broken",
    "item-from-nowhere",
    "cancelled-receive-drops",
    "cancelled-send-sends",
    "channel-without-limit",
    "channel-takes-one-more",
    "sender-never-closes",
    "close-sends-an-item",
    "close-counted-twice",
    "closed-send-succeeds",
    "failed-send-delivers",
    "end-before-items",
)
_OF_GROUPS = (
    "child-outlives-group",
    "children-one-by-one",
    "child-never-starts",
    "child-runs-twice",
    "failure-wakes-nobody",
    "failure-swallowed",
    "second-failure-lost",
    "failed-body-cancels-nobody",
    "first-child-not-cancelled",
)
_OF_SCOPES = (
    "cancels-nothing",
    "cancels-once",
    "cancellation-left-behind",
    "shields-nothing",
    "timed-call-swallows-cancellation",
)
_OF_DEADLINES = (
    "time-out-hidden",
    "scope-lies",
    "wrong-scope-blamed",
    "time-out-spreads-outwards",
    "outer-deadline-forgotten",
    "inner-deadline-forgotten",
    "deadlines-forgotten",
)
"""Faults that the grammar can express, under the names of the saboteurs."""

FAMILIES: dict[str, Grammar] = {
    "lock": Grammar(
        resources=(("lock", (1,)),), weights={"hold": 8, **_AROUND, **_SCOPES}, catches=(*_OF_LOCKS, *_OF_TIMERS)
    ),
    "semaphore": Grammar(
        resources=(("semaphore", (1, 2)),), weights={"permit": 8, **_AROUND, **_SCOPES}, catches=_OF_LOCKS
    ),
    "condition": Grammar(
        resources=(("condition", (1,)),),
        weights={
            "enter": 2,
            "take": 6,
            "put": 5,
            "put-all": 1,
            "checkpoint": 4,
            "sleep": 5,
            "cancel": 7,
            "deadline": 1,
        },
        phrases=((12, _CONSUME), (3, _PRODUCE), (4, _PRODUCE_AND_HOLD), (3, _PRODUCE_AND_CANCEL)),
        catches=("notify-lost", "notify-wakes-one", "notification-kept", "wait-cancelled-while-it-locks"),
        tasks=(3, 6),
        length=2,
    ),
    "event": Grammar(
        resources=(("event", (1,)), ("event", (1,))),
        weights={"set": 4, "wait": 8, **_AROUND, **_SCOPES},
        catches=("event-wakes-nobody", "event-forgets-a-waiter", "event-spins"),
    ),
    "channel": Grammar(
        resources=(("channel", (0, 1, 1, 2, -1)),),
        weights={"send": 8, "receive": 8, "close": 2, "send-clone": 2, "close-other": 1, **_AROUND, **_SCOPES},
        catches=_OF_CHANNELS,
    ),
    "group": Grammar(
        resources=(("event", (1,)),),
        weights={"group": 7, "fail": 3, "cancel-group": 2, "set": 1, "wait": 3, **_AROUND, **_SCOPES},
        catches=_OF_GROUPS,
        tasks=(1, 3),
    ),
    "scope": Grammar(
        resources=(("event", (1,)),),
        weights={
            "deadline": 5,
            "until": 3,
            "fail-after": 4,
            "call": 3,
            "shield": 3,
            "wait": 4,
            "set": 1,
            **_AROUND,
            "sleep": 5,
        },
        catches=(*_OF_SCOPES, *_OF_DEADLINES),
        tasks=(1, 3),
    ),
    "offload": Grammar(
        resources=(("event", (1,)), ("lock", (1,))),
        weights={
            "offload": 8,
            "offload-failing": 3,
            "checkpoint": 4,
            "cancel": 4,
            "hold": 2,
            "set": 2,
            "wait": 3,
            "shield": 1,
            "group": 2,
        },
        catches=("error-of-thread-lost", "error-of-thread-wakes-nobody"),
        tasks=(1, 4),
        real_clock=True,
    ),
    "stream": Grammar(
        resources=(("stream", (1,)),),
        weights={
            "send-bytes": 8,
            "receive-bytes": 9,
            "end-stream": 2,
            "close-stream": 1,
            "checkpoint": 4,
            "sleep": 1,
            "cancel": 4,
            "group": 1,
        },
        catches=(
            "bytes-dropped",
            "cancelled-read-drops",
            "reader-never-woken",
            "half-close-forgets-reader",
            "close-discards",
        ),
        tasks=(2, 4),
        real_clock=True,
    ),
    "mixed": Grammar(
        resources=(("lock", (1,)), ("channel", (0, 1)), ("event", (1,)), ("condition", (1,))),
        weights={
            "hold": 4,
            "enter": 3,
            "take": 4,
            "put": 3,
            "send": 4,
            "receive": 4,
            "close": 1,
            "set": 1,
            "wait": 2,
            "group": 3,
            "fail": 1,
            "cancel-group": 1,
            "shield": 1,
            **_AROUND,
            **_SCOPES,
        },
        phrases=((4, _CONSUME), (3, _PRODUCE_AND_HOLD)),
    ),
}
"""By name: `explore.NAME` is the scenario."""

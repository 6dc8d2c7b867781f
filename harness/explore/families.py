"""The families of programs that ship with harness."""

from __future__ import annotations

from .grammar import Grammar
from .program import Operation

_AROUND = {"checkpoint": 5, "sleep": 2, "cancel": 4}
"""What programs of every family do beside their own operations."""
_SCOPES = {"deadline": 2, "fail-after": 1}


def _enter(*body: str) -> Operation:
    return Operation("enter", body=tuple(map(Operation, body)))


_CONSUME = _enter("take")
_PRODUCE = _enter("put")
_PRODUCE_AND_HOLD = _enter("put", "checkpoint")
_PRODUCE_AND_CANCEL = _enter("put", "cancel")

FAMILIES: dict[str, Grammar] = {
    "lock": Grammar(resources=(("lock", (1,)),), weights={"hold": 8, **_AROUND, **_SCOPES}),
    "semaphore": Grammar(resources=(("semaphore", (1, 2)),), weights={"permit": 8, **_AROUND, **_SCOPES}),
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
        tasks=(3, 6),
        length=2,
    ),
    "event": Grammar(resources=(("event", (1,)), ("event", (1,))), weights={"set": 4, "wait": 8, **_AROUND, **_SCOPES}),
    "channel": Grammar(
        resources=(("channel", (0, 1, 1, 2, -1)),),
        weights={"send": 8, "receive": 8, "close": 2, "send-clone": 2, **_AROUND, **_SCOPES},
    ),
    "group": Grammar(
        resources=(("event", (1,)),),
        weights={"group": 7, "fail": 3, "cancel-group": 2, "set": 1, "wait": 3, **_AROUND, **_SCOPES},
        tasks=(1, 3),
    ),
    "scope": Grammar(
        resources=(("event", (1,)),),
        weights={"deadline": 6, "fail-after": 4, "shield": 3, "wait": 4, "set": 1, **_AROUND, "sleep": 5},
        tasks=(1, 3),
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

"""Does the pool keep its connections when a waiting task is cancelled, at whatever moment?"""

from __future__ import annotations

from harness.api import Capability, Scenario, bounded, info

HANDOVER = Scenario(
    name="minipool.handover",
    question="A task that waits for a connection is cancelled as one is released: is the connection still there?",
    contract=("A connection that is released is lent or free.",),
    ref="harness_minipool.declaration:HANDOVER",
    subject="harness-minipool",
    native={"asyncio": "harness_minipool.bodies:on_asyncio", "trio": "harness_minipool.bodies:on_trio"},
    parameters=(),
    judges={
        "connections lost": bounded(at_most=0, reason="a pool that loses connections is empty one day"),
        "lost if": info(),
        "moments tried": bounded(at_least=8, reason="around the release, from 3 turns before to 3 turns after"),
    },
    headline="connections lost",
    rows={"quick": ({},)},
    requires=(Capability.CANCEL_SCOPE,),
    side_by_side=True,
    timeout=30.0,
    hang_after=5.0,
    summary="the waiting task is cancelled at every turn around the release",
)

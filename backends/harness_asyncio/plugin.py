"""Declare the asyncio backend. Imports no runtime."""

from __future__ import annotations

import sys

from harness.api import Backend, BackendOption, Capability, Offer, Support
from harness.plugins import hookimpl

EAGER = BackendOption(
    name="eager",
    default="false",
    summary="run a task's first step inside spawn (asyncio.eager_task_factory, Python 3.12+)",
    choices=("true", "false"),
)
DEBUG = BackendOption(
    name="debug", default="false", summary="run the loop in asyncio's debug mode", choices=("true", "false")
)
LOOP = BackendOption(
    name="loop",
    default="",
    summary="another event loop: module[:factory], e.g. rloop; without a factory the module's new_event_loop",
)

# Queue.shutdown is what the documentation teaches from 3.13 on; before that there is nothing to call.
CHANNEL_CLOSE = (
    Offer(Support.NATIVE, "Queue.shutdown; a closed sender or receiver itself is marked by its handle")
    if sys.version_info >= (3, 13)
    else Offer(Support.EMULATED, "asyncio.Queue has no end before Python 3.13; getters are woken and told")
)

CAPABILITIES = {
    Capability.CANCEL_SCOPE: Offer(Support.EMULATED, "Timeout.reschedule(now); its own TimeoutError is dropped"),
    Capability.SHIELD: Offer(Support.ABSENT, "asyncio.shield protects an awaitable, not a block"),
    Capability.GROUP_CANCEL: Offer(Support.EMULATED, "TaskGroup inside a Timeout that is rescheduled to now"),
    Capability.CHANNEL_CLOSE: CHANNEL_CLOSE,
    Capability.RENDEZVOUS: Offer(Support.EMULATED, "built on futures; asyncio.Queue(0) is unbounded"),
    Capability.SELECT: Offer(Support.EMULATED, "asyncio.wait(FIRST_COMPLETED), then cancel and join the rest"),
    Capability.ABORT: Offer(Support.EMULATED, "SO_LINGER(1, 0), then transport.abort(), which alone sends no reset"),
}


@hookimpl
def harness_backends() -> list[Backend]:
    """Return the declaration of asyncio."""
    return [
        Backend(
            name="asyncio",
            summary="asyncio on its stock event loop, or on any loop that is compatible with it (loop=)",
            runner="harness_asyncio.backend:AsyncioRunner",
            options=(LOOP, EAGER, DEBUG),
            capabilities=CAPABILITIES,
            install_hint="part of Python; a loop given with loop= must be installed, e.g. pip install rloop",
        )
    ]

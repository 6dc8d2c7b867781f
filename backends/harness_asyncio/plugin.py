"""Declare the asyncio backend. Imports no runtime."""

from __future__ import annotations

import sys
from importlib.resources import files
from importlib.resources.abc import Traversable

from harness.api import Backend, BackendOption, Capability, Offer, Support
from harness.plugins import hookimpl


def make_eager_option(refusal: str = "") -> BackendOption:
    """Return the option `eager`; `refusal` explains why it cannot be true here, beside the age of Python."""
    if sys.version_info < (3, 12):
        refusal = "asyncio.eager_task_factory is new in Python 3.12"
    return BackendOption(
        name="eager",
        default="false",
        summary="run a task's first step inside spawn (asyncio.eager_task_factory, Python 3.12+)",
        choices=("true", "false"),
        is_idiom=True,
        unavailable={"true": refusal} if refusal else {},
    )


DEBUG = BackendOption(
    name="debug", default="false", summary="run the loop in asyncio's debug mode", choices=("true", "false")
)
LOOP = BackendOption(
    name="loop",
    default="",
    summary="another event loop: module[:factory], e.g. rloop; without a factory the module's new_event_loop",
)

IO = BackendOption(
    name="io",
    default="streams",
    summary="TCP on streams and UDP on a transport, or the loop's sock_* methods on plain sockets",
    choices=("streams", "sock"),
    is_idiom=True,
    offers={"sock": {Capability.TLS: Offer(Support.ABSENT, "loop.sock_* methods take no SSLSocket")}},
)
TIMEOUT = BackendOption(
    name="timeout",
    default="timeout",
    summary="run_with_timeout by asyncio.timeout or asyncio.wait_for, which cannot be a block: fail_after is a timeout",
    choices=("timeout", "wait_for"),
    is_idiom=True,
)
GROUP = BackendOption(
    name="group",
    default="taskgroup",
    summary="task groups by asyncio.TaskGroup or asyncio.gather, whose first error leaves the siblings running",
    choices=("taskgroup", "gather"),
    is_idiom=True,
    offers={
        "gather": {
            Capability.GROUP_CANCEL: Offer(Support.EMULATED, "gather inside a Timeout that is rescheduled to now")
        }
    },
)
CANCEL = BackendOption(
    name="cancel",
    default="timeout",
    summary="a scope is cancelled by Timeout.reschedule(now), a turn later, or at once by Task.cancel and uncancel",
    choices=("timeout", "task"),
    is_idiom=True,
    offers={"task": {Capability.CANCEL_SCOPE: Offer(Support.EMULATED, "Task.cancel, and Task.uncancel behind it")}},
)
# Queue.shutdown exists from 3.13 on; before that a queue has no end.
QUEUE_CLOSE = (
    Offer(Support.NATIVE, "Queue.shutdown")
    if sys.version_info >= (3, 13)
    else Offer(Support.ABSENT, "asyncio.Queue has no end before Python 3.13")
)
CHANNEL = BackendOption(
    name="channel",
    default="handles",
    summary="channels with closable ends, or asyncio.Queue as it is: 0 is unbounded, closing does nothing before 3.13",
    choices=("handles", "queue"),
    is_idiom=True,
    offers={
        "queue": {
            Capability.CHANNEL_CLOSE: QUEUE_CLOSE,
            Capability.RENDEZVOUS: Offer(Support.ABSENT, "asyncio.Queue(0) is unbounded"),
        }
    },
)
OFFLOAD = BackendOption(
    name="offload",
    default="to_thread",
    summary="run_in_thread by asyncio.to_thread or loop.run_in_executor, which leaves context variables behind",
    choices=("to_thread", "executor"),
    is_idiom=True,
)
CLOSE = BackendOption(
    name="close",
    default="close",
    summary="a listener is closed by Server.close, or waited for as well (wait_closed, as `async with server` does)",
    choices=("close", "wait"),
    is_idiom=True,
)
IDIOMS = (IO, TIMEOUT, GROUP, CANCEL, CHANNEL, OFFLOAD, CLOSE)
"""Options of every asyncio loop."""

# Queue.shutdown is the documented way from 3.13 on; before that there is nothing to call.
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
    Capability.BRIDGE: Offer(Support.NATIVE, "call_soon_threadsafe with a non-blocking method of a Queue or an Event"),
    Capability.BRIDGE_CALL: Offer(Support.NATIVE, "call_soon_threadsafe, run_coroutine_threadsafe(...).result()"),
    Capability.BRIDGE_JOB: Offer(Support.NATIVE, "run_coroutine_threadsafe"),
    Capability.DIRECT_CALL: Offer(Support.NATIVE, "put_nowait, Event.set, TaskGroup.create_task, Timeout.reschedule"),
    Capability.SERVER: Offer(Support.NATIVE, "start_server, serve_forever, close, wait_closed"),
    Capability.TLS: Offer(Support.NATIVE, "open_connection(ssl=), start_server(ssl=), StreamWriter.start_tls"),
    Capability.DATAGRAM: Offer(
        Support.EMULATED, "create_datagram_endpoint; receive_from takes from a queue that the protocol fills"
    ),
    Capability.UNIX: Offer(Support.NATIVE, "start_unix_server, open_unix_connection"),
    Capability.NAMES: Offer(Support.NATIVE, "loop.getaddrinfo; open_connection without happy_eyeballs_delay"),
    Capability.PLANTED_NAMES: Offer(Support.NATIVE, "socket.getaddrinfo in the loop's executor"),
    Capability.CHILD_PROCESS: Offer(
        Support.NATIVE, "asyncio.create_subprocess_exec; only the transport can close the pipe that is read"
    ),
}


@hookimpl
def harness_backends() -> list[Backend]:
    """Return the declaration of asyncio."""
    return [
        Backend(
            name="asyncio",
            summary="asyncio on its stock event loop, or on any loop that is compatible with it (loop=)",
            order=10,
            runner="harness_asyncio.backend:AsyncioRunner",
            schedules="harness_asyncio.schedule:AsyncioSchedules",
            dialect="harness_asyncio.dialect:AsyncioDialect",
            options=(LOOP, make_eager_option(), DEBUG, *IDIOMS),
            capabilities=CAPABILITIES,
            in_force="harness_asyncio.in_force:put_in_force",
            stand_in=LOOP.name,
            capability_checks="harness_asyncio.checks:list_checks",
            script_writer="harness_asyncio.reproducers:name_loop",
            costs={  # docs/reference/costs.md
                "storm": "1.05 × a program written by hand, in a burst of 1,000 connections",
            },
            install_hint="part of Python; a loop given with loop= must be installed, e.g. pip install rloop",
        )
    ]


@hookimpl
def harness_expected_divergences() -> list[Traversable]:
    """Bring the clauses of the contract that an idiom breaks."""
    return [files(__package__) / "known.toml"]

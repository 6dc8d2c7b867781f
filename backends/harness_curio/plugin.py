"""Declare the curio backend. Imports nothing of curio."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from harness.api import Backend, BackendOption, Capability, Offer, Support
from harness.plugins import hookimpl

CURIO = Backend(
    name="curio",
    summary="a curio.Kernel: TaskGroup, timeout_after, Queue, plain sockets",
    order=40,
    runner="harness_curio.backend:CurioRunner",
    schedules="harness_curio.schedule:CurioSchedules",
    dialect="harness_curio.dialect:CurioDialect",
    options=(
        BackendOption(
            name="channel",
            default="handles",
            summary="channels with closable ends, or curio.Queue as it is: 0 is unbounded, closing does nothing",
            choices=("handles", "queue"),
            is_idiom=True,
            offers={
                "queue": {
                    Capability.CHANNEL_CLOSE: Offer(Support.ABSENT, "curio.Queue has no end"),
                    Capability.RENDEZVOUS: Offer(Support.ABSENT, "curio.Queue(0) is unbounded"),
                }
            },
        ),
    ),
    capabilities={
        Capability.CANCEL_SCOPE: Offer(
            Support.EMULATED,
            "curio cancels tasks, not blocks: the task that entered the scope gets a TaskCancelled of the scope's own, "
            "which the scope alone swallows",
        ),
        Capability.SHIELD: Offer(
            Support.NATIVE,
            "curio.disable_cancellation; it holds back everything until the block ends, also the shielded scope's own "
            "deadline and cancel()",
        ),
        Capability.GROUP_CANCEL: Offer(
            Support.EMULATED, "Task.cancel(blocking=False) on each child, and a cancel scope around the body"
        ),
        Capability.CHANNEL_CLOSE: Offer(
            Support.EMULATED,
            "curio.Queue cannot be closed: empty() and full() are replaced when the last sender closes",
        ),
        Capability.RENDEZVOUS: Offer(
            Support.EMULATED, "a hand-over between tasks parked on curio's SchedBarrier: Queue(0) is unbounded"
        ),
        Capability.SELECT: Offer(
            Support.EMULATED, "TaskGroup(wait=any), plus the results of those that completed beside the first"
        ),
        Capability.ABORT: Offer(Support.EMULATED, "SO_LINGER(1, 0), then Socket.close"),
        Capability.BRIDGE: Offer(Support.NATIVE, "UniversalQueue and UniversalEvent"),
        Capability.BRIDGE_CALL: Offer(Support.ABSENT, "curio takes no calls from threads that it did not start"),
        Capability.BRIDGE_JOB: Offer(Support.ABSENT, "curio takes no calls from threads that it did not start"),
        Capability.DIRECT_CALL: Offer(Support.ABSENT, "curio's operations are coroutines: a thread cannot make one"),
        Capability.SERVER: Offer(Support.NATIVE, "curio.network.run_server in a task; close() cancels the task"),
        Capability.TLS: Offer(Support.NATIVE, "curio.open_connection(ssl=), CurioSSLContext.wrap_socket"),
        Capability.DATAGRAM: Offer(Support.NATIVE, "curio.socket"),
        Capability.UNIX: Offer(Support.NATIVE, "curio.network.unix_server_socket, curio.open_unix_connection"),
        Capability.NAMES: Offer(Support.NATIVE, "curio.socket.getaddrinfo, curio.open_connection"),
        Capability.PLANTED_NAMES: Offer(Support.NATIVE, "socket.getaddrinfo in curio.run_in_thread"),
        Capability.CHILD_PROCESS: Offer(Support.NATIVE, "curio.subprocess.Popen; wait runs in a thread"),
    },
    distributions=("curio",),
    requires_python="<3.12",
    costs={  # docs/reference/costs.md
        "storm": "1.04 × a program written by hand, in a burst of 1,000 connections",
        "sink": "0.93 × a program written by hand",
    },
    install_hint="curio 1.6 needs Python < 3.12: run harness in a Python 3.11 environment",
)


@hookimpl
def harness_backends() -> list[Backend]:
    """Bring curio."""
    return [CURIO]


@hookimpl
def harness_expected_divergences() -> list[Traversable]:
    """Bring the clauses of the contract that curio itself breaks."""
    return [files(__package__) / "known.toml"]

"""Declare the raw-threads backend. Imports nothing of it."""

from __future__ import annotations

import sys
from importlib.resources import files
from importlib.resources.abc import Traversable

from harness.api import Backend, BackendOption, Capability, Offer, Support
from harness.plugins import hookimpl

_DEAF = Offer(Support.ABSENT, "nothing interrupts a thread that waits in queue.Queue")
QUEUE_OFFERS = {
    Capability.CANCEL_SCOPE: _DEAF,
    Capability.DEADLINE: _DEAF,
    Capability.GROUP_CANCEL: _DEAF,
    Capability.SELECT: _DEAF,
    Capability.CHANNEL: Offer(Support.NATIVE),
    Capability.CHANNEL_CLOSE: (
        Offer(Support.NATIVE, "Queue.shutdown")
        if sys.version_info >= (3, 13)
        else Offer(Support.ABSENT, "queue.Queue has no end before Python 3.13")
    ),
    Capability.RENDEZVOUS: Offer(Support.ABSENT, "queue.Queue(0) is unbounded"),
}
"""What `channel=queue` changes."""

THREADS = Backend(
    name="threads",
    summary="raw threads: one OS thread for each task, blocking calls, plain sockets",
    order=50,
    parallel=True,
    runner="harness_threads.backend:ThreadsRunner",
    options=(
        BackendOption(
            name="close",
            default="close",
            summary="how a socket is closed: plain close() leaves its reader hanging, shutdown() first wakes it",
            choices=("close", "shutdown"),
            is_idiom=True,
        ),
        BackendOption(
            name="channel",
            default="handles",
            summary="channels with ends and cancellation, or queue.Queue as it is: 0 is unbounded, nothing wakes it",
            choices=("handles", "queue"),
            is_idiom=True,
            offers={"queue": QUEUE_OFFERS},
        ),
    ),
    capabilities={
        Capability.CANCEL_SCOPE: Offer(
            Support.EMULATED,
            "a task publishes its wait and cancel() wakes it; level: each wait in a cancelled scope raises, "
            "an operation that need not wait does not look, and code that computes cannot be interrupted",
        ),
        Capability.SHIELD: Offer(Support.EMULATED, "a scope at which the search for cancelled scopes stops"),
        Capability.DEADLINE: Offer(
            Support.EMULATED, "each wait takes the nearest deadline of its chain of scopes; up to 1 ms late on a socket"
        ),
        Capability.GROUP_CANCEL: Offer(Support.EMULATED, "a cancel scope around the group; threads have no such thing"),
        Capability.CHANNEL: Offer(
            Support.EMULATED, "a deque, a lock and two waiting rooms, as in queue.Queue, which cannot be interrupted"
        ),
        Capability.CHANNEL_CLOSE: Offer(Support.EMULATED, "waiters are woken and told; queue.Queue.shutdown is 3.13+"),
        Capability.RENDEZVOUS: Offer(
            Support.EMULATED, "queue.Queue(0) is unbounded; here the sender waits to be taken"
        ),
        Capability.SELECT: Offer(Support.EMULATED, "a thread for each function; the first cancels and joins the rest"),
        Capability.ABORT: Offer(Support.EMULATED, "SO_LINGER(1, 0), then close"),
        Capability.BRIDGE: Offer(Support.NATIVE, "as queue.Queue and threading.Event"),
        Capability.BRIDGE_CALL: Offer(
            Support.NATIVE, "the thread makes the call itself: there is no scheduler between"
        ),
        Capability.BRIDGE_JOB: Offer(Support.NATIVE, "ThreadPoolExecutor.submit"),
        Capability.DIRECT_CALL: Offer(Support.NATIVE, "everything is made for threads"),
        Capability.SERVER: Offer(Support.NATIVE, "socketserver.ThreadingTCPServer"),
        Capability.TLS: Offer(Support.NATIVE, "ssl.SSLContext.wrap_socket; a call that would block polls the socket"),
        Capability.DATAGRAM: Offer(Support.NATIVE, "socket; in a cancel scope it is polled beside the bell"),
        Capability.UNIX: Offer(
            Support.NATIVE, "sockets of AF_UNIX; in a cancel scope a connect tries again while the backlog is full"
        ),
        Capability.NAMES: Offer(
            Support.NATIVE, "socket.getaddrinfo, which no cancellation interrupts; then as socket.create_connection"
        ),
        Capability.PLANTED_NAMES: Offer(Support.NATIVE, "socket.getaddrinfo in the thread of the task"),
        Capability.CHILD_PROCESS: Offer(
            Support.NATIVE, "subprocess.Popen; in a cancel scope its pipes and its pidfd are polled beside the bell"
        ),
    },
    costs={  # docs/reference/costs.md
        "channel": "0.58 × a program written by hand with queue.Queue, with a capacity of 1,000",
        "switch": "2.38 × a program written by hand",
        "storm": "1.34 × a program written by hand, in a burst of 1,000 connections",
        "timeout-select": "2.58 × a program written by hand",
    },
    install_hint="part of Python",
)


@hookimpl
def harness_backends() -> list[Backend]:
    """Bring raw threads."""
    return [THREADS]


@hookimpl
def harness_expected_divergences() -> list[Traversable]:
    """Bring the clauses of the contract that an idiom breaks."""
    return [files(__package__) / "known.toml"]

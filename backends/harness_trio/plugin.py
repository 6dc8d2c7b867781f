"""Declare the trio backend. Imports nothing of trio."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from harness.api import Backend, BackendOption, Capability, Offer, Support
from harness.plugins import hookimpl

TRIO = Backend(
    name="trio",
    summary="trio.run: nurseries, cancel scopes, memory channels",
    order=30,
    runner="harness_trio.backend:TrioRunner",
    schedules="harness_trio.schedule:TrioSchedules",
    in_force="harness_trio.in_force:put_in_force",
    dialect="harness_trio.dialect:TrioDialect",
    options=(
        BackendOption(
            name="offload",
            default="wait",
            summary="effect of cancelling run_in_thread on its thread (trio: abandon_on_cancel)",
            choices=("wait", "abandon"),
            is_idiom=True,
        ),
    ),
    capabilities={
        Capability.SELECT: Offer(
            Support.EMULATED, "a nursery whose scope is cancelled by the first function that completes"
        ),
        Capability.DETACHED: Offer(
            Support.ABSENT, "trio has no task without a nursery; system tasks are for trio's own plumbing"
        ),
        Capability.ABORT: Offer(Support.EMULATED, "SO_LINGER(1, 0), then trio.aclose_forcefully"),
        Capability.PROCESS: Offer(
            Support.EMULATED, "a ProcessPoolExecutor (spawn), its future waited for in trio.to_thread.run_sync"
        ),
        Capability.BRIDGE: Offer(
            Support.NATIVE, "TrioToken.run_sync_soon with a non-blocking method of a memory channel or an event"
        ),
        Capability.BRIDGE_CALL: Offer(Support.NATIVE, "TrioToken.run_sync_soon, trio.from_thread.run_sync and run"),
        Capability.BRIDGE_JOB: Offer(Support.ABSENT, "a thread that calls into trio waits for the result"),
        Capability.DIRECT_CALL: Offer(Support.NATIVE, "send_nowait, Event.set, Nursery.start_soon, CancelScope.cancel"),
        Capability.SERVER: Offer(
            Support.NATIVE,
            "trio.serve_listeners with a nursery for the handlers; close() cancels the scope that accepts",
        ),
        Capability.TLS: Offer(Support.NATIVE, "SSLStream and SSLListener, whose first use makes the handshake"),
        Capability.DATAGRAM: Offer(Support.NATIVE, "trio.socket"),
        Capability.UNIX: Offer(Support.NATIVE, "trio.open_unix_socket; trio.SocketListener on a socket that is bound"),
        Capability.NAMES: Offer(Support.NATIVE, "trio.socket.getaddrinfo, trio.open_tcp_stream"),
        Capability.PLANTED_NAMES: Offer(Support.NATIVE, "socket.getaddrinfo in trio.to_thread.run_sync"),
        Capability.CHILD_PROCESS: Offer(
            Support.NATIVE, "trio.lowlevel.open_process; communicate is built as trio.run_process is"
        ),
    },
    distributions=("trio",),
    costs={  # docs/reference/costs.md
        "channel": "1.03 × a program written by hand, with a capacity of 1,000",
        "storm": "1.03 × a program written by hand, in a burst of 1,000 connections",
        "timeout-select": "1.05 × a program written by hand",
    },
    install_hint='install trio: pip install "trio>=0.27"',
)


@hookimpl
def harness_backends() -> list[Backend]:
    """Bring trio."""
    return [TRIO]


@hookimpl
def harness_expected_divergences() -> list[Traversable]:
    """Bring what generated programs are known to find."""
    return [files(__package__) / "known.toml"]

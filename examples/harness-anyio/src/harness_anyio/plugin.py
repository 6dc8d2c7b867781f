"""Declare the anyio backend. Imports nothing of anyio: only a worker does, through `runner`."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from harness.api import Backend, BackendOption, Capability, Offer, Support
from harness.plugins import hookimpl

ANYIO = Backend(
    name="anyio",
    summary="anyio on asyncio, or on trio (on=): cancel scopes, task groups and streams that are alike on both",
    runner="harness_anyio.backend:AnyioRunner",
    options=(
        BackendOption(
            name="on", default="asyncio", summary="the runtime that anyio stands on", choices=("asyncio", "trio")
        ),
    ),
    capabilities={
        Capability.SELECT: Offer(Support.EMULATED, "a task group that the first completed function cancels"),
        Capability.DETACHED: Offer(Support.ABSENT, "anyio has no task without a task group"),
        Capability.ABORT: Offer(Support.EMULATED, "SO_LINGER(1, 0), then anyio.aclose_forcefully"),
        Capability.PROCESS: Offer(
            Support.ABSENT,
            "anyio.to_process imports the main module by its path, which fails where that is part of a package (-m)",
        ),
        Capability.SERVER: Offer(
            Support.NATIVE, "SocketListener.serve with a task group for the handlers; close() cancels what accepts"
        ),
        Capability.TLS: Offer(Support.ABSENT, "anyio.streams.tls is not adapted yet"),
        Capability.DATAGRAM: Offer(Support.ABSENT, "not written yet: anyio.create_udp_socket"),
        Capability.UNIX: Offer(Support.ABSENT, "anyio has it (create_unix_listener); this example leaves it out"),
        Capability.NAMES: Offer(Support.ABSENT, "anyio has it (getaddrinfo); this example leaves it out"),
        Capability.CHILD_PROCESS: Offer(
            Support.NATIVE, "anyio.open_process; communicate is built as anyio.run_process is"
        ),
    },
    distributions=("anyio",),
    install_hint="pip install harness-anyio",
)


@hookimpl
def harness_backends() -> list[Backend]:
    """Bring anyio."""
    return [ANYIO]


@hookimpl
def harness_expected_divergences() -> list[Traversable]:
    """Bring the known differences of anyio."""
    return [files(__package__) / "expected.toml"]

"""Declare the uvloop backend. Imports no runtime."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable

from msgspec.structs import replace

from harness.api import Backend, Capability, Offer, Support
from harness.plugins import hookimpl
from harness_asyncio.plugin import CAPABILITIES, DEBUG, IDIOMS, IO, make_eager_option

_NO_SOCK_DATAGRAMS = Offer(Support.ABSENT, "uvloop has no sock_recvfrom and no sock_sendto: NotImplementedError")
_IDIOMS = (
    replace(IO, offers={"sock": IO.offers["sock"] | {Capability.DATAGRAM: _NO_SOCK_DATAGRAMS}}),
    *(option for option in IDIOMS if option is not IO),
)
"""Those of asyncio, with what uvloop lacks."""

_OWN_LOOK_UPS = Offer(Support.ABSENT, "libuv calls getaddrinfo of the C library")


def _eager_refusal() -> str:
    # uvloop 0.23 hands `eager_start` to the task factory, and asyncio's takes it only from Python 3.13.3 on.
    if not (3, 13) <= sys.version_info < (3, 13, 3):
        return ""
    try:
        installed = version("uvloop")
    except PackageNotFoundError:
        return ""
    is_older = installed.startswith("0.") and int(installed.split(".")[1]) < 23
    return "" if is_older else f"uvloop {installed} needs Python 3.13.3 for it: TypeError about eager_start"


@hookimpl
def harness_backends() -> list[Backend]:
    """Return the declaration of uvloop: asyncio with another loop factory."""
    return [
        Backend(
            name="uvloop",
            summary="asyncio on uvloop's event loop (libuv)",
            order=20,
            runner="harness_uvloop.backend:UvloopRunner",
            schedules="harness_uvloop.schedule:UvloopSchedules",
            dialect="harness_uvloop.dialect:UvloopDialect",
            options=(make_eager_option(_eager_refusal()), DEBUG, *_IDIOMS),
            capabilities=CAPABILITIES | {Capability.PLANTED_NAMES: _OWN_LOOK_UPS},
            distributions=("uvloop",),
            in_force="harness_uvloop.in_force:put_in_force",
            capability_checks="harness_uvloop.backend:list_checks",
            script_writer="harness_uvloop.reproducers:name_loop",
            derives_from="asyncio",
            install_hint="pip install uvloop",
        )
    ]


@hookimpl
def harness_expected_divergences() -> list[Traversable]:
    """Bring the clauses of the contract that uvloop itself breaks."""
    return [files(__package__) / "known.toml"]

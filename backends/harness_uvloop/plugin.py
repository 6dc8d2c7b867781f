"""Declare the uvloop backend. Imports no runtime."""

from __future__ import annotations

from harness.api import Backend
from harness.plugins import hookimpl
from harness_asyncio.plugin import CAPABILITIES, DEBUG, EAGER


@hookimpl
def harness_backends() -> list[Backend]:
    """Return the declaration of uvloop: asyncio with another loop factory."""
    return [
        Backend(
            name="uvloop",
            summary="asyncio on uvloop's event loop (libuv)",
            runner="harness_uvloop.backend:UvloopRunner",
            options=(EAGER, DEBUG),
            capabilities=CAPABILITIES,
            distributions=("uvloop",),
            install_hint="pip install uvloop",
        )
    ]

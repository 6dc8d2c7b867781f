"""Offers the backend `demo`."""

from harness.api import Backend
from harness.plugins import hookimpl


@hookimpl
def harness_backends() -> list[Backend]:
    return [
        Backend(name="demo", summary="asyncio on a loop class of its own", runner="harness_demo.backend:DemoRunner")
    ]

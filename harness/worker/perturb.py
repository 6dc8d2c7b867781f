"""Disturb a role from inside its process: its collector, its limits, the buffers of its sockets."""

from __future__ import annotations

import gc
import socket
from collections.abc import Mapping
from typing import Any, cast

from harness.api import Runtime

from .ledger import open_fds
from .posix import limit_files, set_buffers

_BUFFERS = {"sndbuf": socket.SO_SNDBUF, "rcvbuf": socket.SO_RCVBUF}


def disturb(runtime: Runtime, perturbations: Mapping[str, str]) -> Runtime:
    """Disturb this process, and return the runtime that the scenario is given."""
    if "nofile" in perturbations:
        limit_files(int(perturbations["nofile"]))
    match perturbations.get("gc"):
        case "aggressive":
            gc.set_threshold(1, 1, 1)
        case "off":
            gc.disable()
    buffers = {option: int(perturbations[name]) for name, option in _BUFFERS.items() if name in perturbations}
    if not buffers:
        return runtime
    return cast("Runtime", _NarrowSockets(runtime, buffers))


class _NarrowSockets:
    """A runtime whose sockets have buffers of a given size, whichever way it opens them."""

    def __init__(self, runtime: Runtime, buffers: dict[int, int]) -> None:
        self._runtime = runtime
        self._buffers = buffers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        """Connect, and narrow the socket."""
        stream = await self._runtime.connect(*args, **kwargs)
        self._narrow()
        return stream

    async def listen(self, *args: Any, **kwargs: Any) -> Any:
        """Listen. Connections inherit the buffers of the listening socket."""
        listener = await self._runtime.listen(*args, **kwargs)
        self._narrow()
        return listener

    def _narrow(self) -> None:
        # A runtime does not say which fd it opened.
        for fd, target in open_fds().items():
            if target.startswith("socket:"):
                set_buffers(fd, self._buffers)

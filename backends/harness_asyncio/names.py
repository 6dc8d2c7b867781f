"""Names: `loop.getaddrinfo`, and `asyncio.open_connection` with a host."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from .streams import AsyncioByteStream, connect


class AsyncioNames:
    """Look-ups of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    async def resolve(self, host: str, port: int) -> Sequence[tuple[str, int]]:
        """`loop.getaddrinfo`."""
        found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(str(address[0]), int(address[1])) for *_, address in found]

    async def connect_by_name(self, host: str, port: int) -> AsyncioByteStream:
        """`asyncio.open_connection`, without `happy_eyeballs_delay`, as is its default."""
        return await connect(host, port)

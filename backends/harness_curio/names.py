"""Names: `curio.socket.getaddrinfo`, and `curio.open_connection` with a host."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import curio

from .streams import ByteStream, connect


class CurioNames:
    """Look-ups in curio's threads."""

    async def resolve(self, host: str, port: int) -> Sequence[tuple[str, int]]:
        """`curio.socket.getaddrinfo`."""
        found = await curio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(str(address[0]), int(address[1])) for *_, address in found]

    async def connect_by_name(self, host: str, port: int) -> ByteStream:
        """`curio.open_connection`."""
        return await connect(host, port)

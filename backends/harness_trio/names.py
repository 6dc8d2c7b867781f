"""Names: `trio.socket.getaddrinfo`, and `trio.open_tcp_stream` with a host."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from .streams import ByteStream, connect


class TrioNames:
    """Look-ups in trio's threads."""

    async def resolve(self, host: str, port: int) -> Sequence[tuple[str, int]]:
        """`trio.socket.getaddrinfo`."""
        found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
        return [(str(address[0]), int(address[1])) for *_, address in found]

    async def connect_by_name(self, host: str, port: int) -> ByteStream:
        """`trio.open_tcp_stream`, which tries the next address after 0.25 s."""
        return await connect(host, port)

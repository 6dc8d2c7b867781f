"""Names: `socket.getaddrinfo`, which nothing interrupts, and a connect to each address in turn."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from .streams import ByteStream, connect


class ThreadsNames:
    """Look-ups in the thread of the task."""

    def __init__(self, *, shutdown: bool) -> None:
        self._shutdown = shutdown

    async def resolve(self, host: str, port: int) -> Sequence[tuple[str, int]]:
        """`socket.getaddrinfo`."""
        return self._look_up(host, port)

    async def connect_by_name(self, host: str, port: int) -> ByteStream:
        """As `socket.create_connection`, which raises the last error; a connect can be cancelled, a look-up cannot."""
        failed = OSError("getaddrinfo returns an empty list")
        for address in self._look_up(host, port):
            try:
                return connect(*address, None, shutdown=self._shutdown)
            except OSError as exc:
                failed = exc
        raise failed

    def _look_up(self, host: str, port: int) -> Sequence[tuple[str, int]]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(str(address[0]), int(address[1])) for *_, address in found]

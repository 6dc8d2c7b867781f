"""Names that `socket.getaddrinfo` knows for the time of a block, so that no look-up leaves this host."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from typing import Any, Self

from harness.api import Runtime, names_of

_HOLD_SECONDS = 30.0
"""Longest time that a look-up is held; a scenario lets it go far earlier."""
_SLICE_SECONDS = 0.25
"""It is held in slices: time for which the whole process stands still counts as one of them."""
_NUMBER, _NAME_OF_NUMBER = "127.0.0.78", "127.0.0.77"
"""A numeric host with another address: a look-up that does not return that does not ask this module."""

_MOST_PORTS = 20
"""Ports that are tried until one is free at each address."""

Answer = list[str] | OSError


class PlantedNames:
    """Replaces `socket.getaddrinfo` inside its block.

    A host that is neither planted nor numeric has the error of a name that does not exist. A look-up of a host of
    `held` waits until `let_go`, for at most `seconds`.
    """

    def __init__(
        self, names: Mapping[str, Answer], held: frozenset[str] = frozenset(), seconds: float = _HOLD_SECONDS
    ) -> None:
        self._names = {_NAME_OF_NUMBER: [_NUMBER], **names}
        self._held = held
        self._seconds = seconds
        self._released = threading.Event()
        self._counting = threading.Lock()
        self._genuine = socket.getaddrinfo
        self.waiting = 0
        """Look-ups that are held."""
        self.were_late = False
        """Whether a look-up was held for the longest time; no further one is held then."""

    def __enter__(self) -> Self:
        setattr(socket, "getaddrinfo", self._look_up)  # noqa: B010 - the type of the function differs
        return self

    def __exit__(self, *exc: object) -> None:
        self.let_go()
        setattr(socket, "getaddrinfo", self._genuine)  # noqa: B010 - as above

    def let_go(self) -> None:
        """End the look-ups that are held."""
        self._released.set()

    async def are_asked(self, runtime: Runtime) -> bool:
        """Return whether the look-ups of a runtime come here."""
        try:
            found = await names_of(runtime).resolve(_NAME_OF_NUMBER, 1)
        except OSError:
            return False
        return [address[0] for address in found] == [_NUMBER]  # a wrong port is an answer of the question

    def _look_up(self, host: str | bytes, port: Any, *args: Any, **more: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        flags = more.get("flags", args[3] if len(args) > 3 else 0)
        is_number = _is_number(name)
        if flags & socket.AI_NUMERICHOST and not is_number:  # trio asks so in the thread of its tasks first
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if name in self._held:
            self._hold()
        answer = self._names.get(name, [name] if is_number else _unknown())
        if isinstance(answer, OSError):
            raise answer
        return [found for one in answer for found in self._genuine(one, port, type=socket.SOCK_STREAM)]

    def _hold(self) -> None:
        with self._counting:
            self.waiting += 1
        for _ in range(round(self._seconds / _SLICE_SECONDS)):
            if self.were_late or self._released.wait(_SLICE_SECONDS):
                return
        self.were_late = True


def _unknown() -> OSError:
    return socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def _is_number(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def has_addresses(hosts: Sequence[str]) -> bool:
    """Return whether this computer has each address, e.g. ::1, or 127.0.0.2, which macOS lacks."""
    try:
        with bind_port(hosts):
            return True
    except OSError:
        return False


@contextmanager
def bind_port(hosts: Sequence[str]) -> Iterator[list[socket.socket]]:
    """Bind a socket at each host, all at one port, which is then no other server's; they refuse until they listen.

    Raises:
        OSError: the computer lacks an address.
    """
    with ExitStack() as stack:
        yield _bind(hosts, stack)


def _bind(hosts: Sequence[str], stack: ExitStack) -> list[socket.socket]:
    for left in reversed(range(_MOST_PORTS)):
        try:
            return _bind_once(hosts, stack)
        except OSError as exc:
            stack.close()
            if exc.errno != errno.EADDRINUSE or not left:
                raise
    raise AssertionError("unreachable")


def _bind_once(hosts: Sequence[str], stack: ExitStack) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    port = 0
    for host in hosts:
        sockets.append(stack.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)))
        sockets[-1].setblocking(False)
        sockets[-1].bind((host, port))
        port = sockets[-1].getsockname()[1]
    return sockets

"""The chapter of names: look-ups, and connections to a host by its name (`Capability.NAMES`).

Reached by `names_of(runtime)`; a backend that declares the capability has `names()` on its runtime. A backend whose
look-ups are calls of `socket.getaddrinfo` declares `Capability.PLANTED_NAMES` too: a scenario can then answer them
by replacing that function, and no look-up leaves the host.

Exceptions pass unchanged: a look-up that fails is a `socket.gaierror` with its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .chapters import chapter_of
from .runtime import ByteStream, Runtime


class Names(Protocol):
    """Looks up hosts and connects to them."""

    async def resolve(self, host: str, port: int) -> Sequence[tuple[str, int]]:
        """Look up the addresses of a host for streams: numeric host and port, in the order in which to try them.

        Contract: other tasks run meanwhile; never empty; a numeric host is its own address; the error of the
            look-up comes back as it is; after a look-up that failed or was cancelled others work.
        Latitude: how many look-ups run at once, and whether jobs of `run_in_thread` wait for them; whether a
            cancelled call returns at once or when its look-up has ended, and whether the run waits for that.
        """

    async def connect_by_name(self, host: str, port: int) -> ByteStream:
        """Connect to a host by its name.

        Contract: each of its addresses is tried until one accepts, so that it fails only if all have failed; a
            call that fails or is cancelled leaves no descriptor.
        Latitude: whether the next address is tried while one is silent; which error is raised when all refuse.
        """


def names_of(runtime: Runtime) -> Names:
    """Return the chapter of names of a runtime.

    Raises:
        UnsupportedError: the runtime has no such chapter.
    """
    found: Names = chapter_of(runtime, "names")
    return found

"""Locate the connections that a storm's server has not answered, from the kernel's tables and the server's CPU time.

Loaded only after a storm with such connections. By then every connection has ended for the client, so each socket that
is still open on the server's side is unfinished work of the server. Linux only: elsewhere nothing is reported.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from harness.api import PeerEndedError, Probe, Runtime

from .connection_ledger import IN_QUEUE, PLACES, READ, SERVER_STATE, UNREAD, UNSENT
from .server import SERVER_PROCESS

_WINDOW = 0.25
"""Seconds between two samples. A connection in the same place in both is taken to be stuck there."""
_LONGEST_WAIT = 1.0
_IDLE_SHARE = 0.05
_ESTABLISHED, _HANDSHAKE, _PEER_CLOSED = "01", "03", "08"
_NO_INODE = "0"
_NANOSECONDS = 1e9


class Look(NamedTuple):
    """One look at the server."""

    places: dict[str, str]
    """By the client's address of a connection, which of `PLACES` it is in."""
    cpu_seconds: float | None
    """Of all threads of the server."""


async def explain_unanswered(runtime: Runtime, probe: Probe, port: int) -> None:
    """Observe where connections stay on the side of the server on a port, and whether it is idle meanwhile."""
    pid = None
    with suppress(PeerEndedError):  # a server that is not ours may not say it, or may have ended
        async with runtime.move_on_after(_LONGEST_WAIT):
            pid = await probe.receive(SERVER_PROCESS)
    before, started = look(port, pid), runtime.now()
    await runtime.sleep(_WINDOW)
    after, seconds = look(port, pid), runtime.now() - started
    for key, fact in describe(before, after, seconds).items():
        probe.observe(key, fact)


def look(port: int, pid: int | None) -> Look:
    """Look at the sockets of a port and at the CPU time of a process."""
    return Look(read_places(_read("/proc/self/net/tcp"), port), read_cpu_seconds(pid))


def read_places(table: str, port: int) -> dict[str, str]:
    """Return where each connection to a port is, from the kernel's table of sockets."""
    places: dict[str, str] = {}
    for line in table.splitlines()[1:]:
        _, local, remote, state, queues, _, _, _, _, inode, *_ = line.split()
        if int(local.rpartition(":")[2], 16) != port or state not in (_ESTABLISHED, _HANDSHAKE, _PEER_CLOSED):
            continue
        unsent, unread = (int(part, 16) for part in queues.split(":"))
        if inode == _NO_INODE:  # no process has it yet
            places[remote] = IN_QUEUE
        else:
            places[remote] = UNREAD if unread else UNSENT if unsent else READ
    return places


def read_cpu_seconds(pid: int | None) -> float | None:
    """Return the CPU time of all threads of a process; nothing where the system does not say."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return None
    used = [_read(str(task / "schedstat")).split()[:1] for task in tasks]
    return sum(int(nanoseconds) for found in used for nanoseconds in found) / _NANOSECONDS


def describe(before: Look, after: Look, seconds: float) -> dict[str, str | int]:
    """Return what two looks say, by key; nothing if there is no table of sockets."""
    facts: dict[str, str | int] = {}
    if before.cpu_seconds is not None and after.cpu_seconds is not None:
        share = (after.cpu_seconds - before.cpu_seconds) / seconds
        state = "busy" if share > _IDLE_SHARE else "idle"
        facts[SERVER_STATE] = f"{state}: {share:.0%} of a CPU within {seconds:.2f} s"
    stays = [place for remote, place in after.places.items() if before.places.get(remote) == place]
    return facts | {place: stays.count(place) for place in PLACES}


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""

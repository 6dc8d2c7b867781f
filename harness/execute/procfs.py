"""The kernel's facts about a process, from /proc (Linux). Elsewhere, or where it may not be read, there is nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_LISTEN = "0A"
_STANDARD = (0, 1, 2)
_STATES = {
    "01": "established",
    "02": "connecting",
    "04": "closing",
    "05": "closing",
    "06": "time wait",
    "07": "closed",
    "08": "peer closed",
    _LISTEN: "listening",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """An open descriptor. For a listening socket `unread` counts the connections that wait, else bytes."""

    fd: int
    what: str
    state: str = ""
    unread: int = 0
    unsent: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether there is something that a reader of it would get."""
        return self.unread > 0 or self.state == _STATES["08"]

    def __str__(self) -> str:
        unit = "connections wait" if self.state == "listening" else "bytes unread"
        parts = [f"fd {self.fd} {self.what}", self.state]
        parts += [f"{self.unread} {unit}"] if self.unread else []
        parts += [f"{self.unsent} bytes unsent"] if self.unsent else []
        return ", ".join(part for part in parts if part)


def read_descriptors(pid: int) -> list[Descriptor]:
    """Return the sockets of a process, with the kernel's state of them."""
    sockets = _tcp_sockets(pid)
    found: list[Descriptor] = []
    with contextlib.suppress(OSError):
        for entry in sorted(Path(f"/proc/{pid}/fd").iterdir(), key=lambda path: int(path.name)):
            with contextlib.suppress(OSError):
                target = os.readlink(entry)  # noqa: PTH115 - the target of a descriptor is no path
                if target.startswith("socket:["):
                    known = sockets.get(target[8:-1], {"what": "socket"})
                    found.append(Descriptor(fd=int(entry.name), **known))  # type: ignore[arg-type]
    return found


def read_threads(pid: int) -> tuple[str, ...]:
    """Return a line for each thread: its number, its name and the kernel function that it waits in."""
    lines = []
    with contextlib.suppress(OSError):
        for task in sorted(Path(f"/proc/{pid}/task").iterdir(), key=lambda path: int(path.name)):
            with contextlib.suppress(OSError):
                name, waits = (task / "comm").read_text().strip(), (task / "wchan").read_text().strip()
                lines.append(
                    f"{task.name} {name}: {waits if waits not in ('', '0') else 'runs, or the kernel keeps it'}"
                )
    return tuple(lines)


def read_children(pid: int) -> list[str]:
    """Return `pid name` of each descendant that lives."""
    try:
        children = psutil.Process(pid).children(recursive=True)
        return [f"{child.pid} {child.name()}" for child in children if child.status() != psutil.STATUS_ZOMBIE]
    except psutil.Error:
        return []


def read_zombies(pid: int) -> list[str]:
    """Return `pid name` of each child that has ended and was not waited for."""
    try:
        children = psutil.Process(pid).children()
        return [f"{child.pid} {child.name()}" for child in children if child.status() == psutil.STATUS_ZOMBIE]
    except psutil.Error:
        return []


def read_held_pipes(pid: int) -> list[str]:
    """Return a line for each pipe of a process that another one holds open too: `fd 9 pipe, also open in 1234 sleep`.

    A pipe to this process, which asks, is not among them.
    """
    own = _pipes_of(pid)
    lines = []
    for other in psutil.pids() if own else ():
        if other not in (pid, os.getpid()):
            lines += [(own[inode], other) for inode in _pipes_of(other, ()) if inode in own]
    return [f"fd {fd} pipe, also open in {other} {_name_of(other)}" for fd, other in sorted(lines)]


def _pipes_of(pid: int, without: Sequence[int] = _STANDARD) -> dict[str, int]:
    """Return by inode the descriptors of a process that are pipes, by default without its standard streams."""
    found: dict[str, int] = {}
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                target = os.readlink(entry)  # noqa: PTH115 - the target of a descriptor is no path
                if target.startswith("pipe:[") and int(entry.name) not in without:
                    found[target] = int(entry.name)
    return found


def _name_of(pid: int) -> str:
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return "(gone)"


def _tcp_sockets(pid: int) -> dict[str, dict[str, object]]:
    """Return by inode the entry of each socket of its network namespace in /proc/PID/net/tcp."""
    sockets: dict[str, dict[str, object]] = {}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, state, queues, _, _, _, _, inode, *_ = line.split()
            unsent, unread = (int(part, 16) for part in queues.split(":"))
            what = f"tcp {_address(local)}" + ("" if state == _LISTEN else f" to {_address(remote)}")
            sockets[inode] = {
                "what": what,
                "state": _STATES.get(state, f"state {state}"),
                "unread": unread,
                "unsent": 0 if state == _LISTEN else unsent,
            }
    return sockets


def _address(text: str) -> str:
    host, _, port = text.partition(":")
    octets = [str(int(host[index : index + 2], 16)) for index in (6, 4, 2, 0)]
    return f"{'.'.join(octets)}:{int(port, 16)}"


def read_thread_cpu(pid: int) -> dict[int, float]:
    """Return the CPU seconds of each thread, by its number; of the process under its own where /proc is not."""
    used: dict[int, float] = {}
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError, ValueError):
                used[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
    if used:
        return used
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return {}
    return {pid: float(times.user + times.system)}


def main_thread_cpu(pid: int) -> float | None:
    """Return the CPU seconds of the thread that runs signal handlers; nothing where that is not known."""
    return read_thread_cpu(pid).get(pid)


_POLLS = {
    "x86_64": frozenset({7, 23, 202, 232, 270, 271, 281, 426, 441, 449}),
    "aarch64": frozenset({22, 72, 73, 98, 426, 441, 449}),
}
"""Numbers of the calls that a scheduler waits in: (e)poll, select, io_uring; and of futex, in which a thread waits for
the interpreter as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MainThread:
    """The kernel's state of the first thread of a process at a moment."""

    cpu: float
    """Seconds."""
    polls: bool
    """Whether it is in a call that a scheduler waits in, or in one that cannot be distinguished from these."""
    call: str = ""
    """The system call that it is in, with its arguments and its place; empty while it runs."""
    switches: int | None = None
    """How often it has gone to wait until then."""


def read_main_thread(pid: int) -> MainThread | None:
    """Return the state of the main thread of a process; nothing where the kernel does not report it."""
    try:
        cpu = int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[0]) / 1e9
        call = Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").strip()
        number = call.partition(" ")[0]
        if number in ("running", "-1"):
            return MainThread(cpu=cpu, polls=False)
        polls = _POLLS.get(os.uname().machine)
        if polls is None or int(number) in polls:
            return MainThread(cpu=cpu, polls=True)
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError, IndexError):
        return None
    switches = [line.split()[1] for line in status.splitlines() if line.startswith("voluntary_ctxt_switches:")]
    return MainThread(cpu=cpu, polls=False, call=call, switches=int(switches[0]) if switches else None)


def read_waits(pid: int) -> int:
    """Return how often the main thread of a process has begun to wait so far; 0 where the kernel does not report it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return next(
        (int(line.split()[1]) for line in status.splitlines() if line.startswith("voluntary_ctxt_switches:")), 0
    )

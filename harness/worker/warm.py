"""A warm parent: a process that has the modules that cells of a backend need, and forks a process for each role.

It has started nothing: no thread, no child, no timer, no descriptor beside its own. That is checked before each fork,
because a forked process has a copy of everything but threads. The forked process is a child of the runner, not of its
warm parent: a process between the two ends at once, and orphans fall to the runner.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from harness.host.own_limits import die_with, join_cgroup, lower_limits
from harness.wire import FORK_FDS, Forked, ForkOrder, NotForked, decode_line, encode_line

from .ledger import open_fds, read_resident_bytes
from .leftovers import list_children

OPTION = "--warm"
"""Argument of a worker that is a warm parent; the next one is the descriptor of its orders."""
_MOST_ORDER_BYTES = 1 << 20
_MOST_GROWTH = 32 << 20
"""Bytes by which it may grow after its imports."""
_NEEDED_AT_EXIT = ("sys", "builtins", "threading")
"""Modules by which the interpreter ends itself."""


def serve(control_fd: int) -> str:
    """Fork processes until the runner closes its end; return the job of each in the forked process."""
    with socket.socket(fileno=control_fd) as control:
        parent = _WarmParent(control)
        while True:
            data, fds, _, _ = socket.recv_fds(control, _MOST_ORDER_BYTES, len(FORK_FDS))
            if not data:
                os._exit(0)
            if (job := parent.follow(decode_line(data, ForkOrder), fds)) is not None:
                return job
            for fd in fds:
                os.close(fd)


class _WarmParent:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._fds = open_fds()
        self._resident = 0
        self._generators: list[Any] = []
        self._kept: tuple[str, ...] = ()
        atexit.register(self._forget_modules)  # before any module that is imported for a cell: the last to be called

    def follow(self, order: ForkOrder, fds: Sequence[int]) -> str | None:
        """Fork a process and reply; return the job in the forked process."""
        missing = [name for name in order.modules if name not in sys.modules]
        reason = self._import(missing) or self._find_stain(fds)
        if reason:
            self._reply(NotForked(reason=reason, has_imported=bool(missing)))
            return None
        return self._fork(order, fds)

    def _reply(self, reply: Forked | NotForked) -> None:
        with suppress(OSError):  # the runner has gone
            self._control.send(encode_line(reply))

    def _import(self, modules: Sequence[str]) -> str:
        """Import modules; return the problem with them, or nothing."""
        if not modules:
            return ""
        try:
            for name in modules:
                importlib.import_module(name)
        except BaseException as exc:  # noqa: BLE001 - a fresh process shows it with its traceback
            return f"import of {name} raises {type(exc).__name__}"
        self._make_ready_to_fork()
        return ""

    def _make_ready_to_fork(self) -> None:
        sys.stdout.flush()  # or each forked process would write it again
        self._generators += _find_generators()
        gc.collect()
        self._keep_modules()
        gc.freeze()  # pages that the collector does not touch stay shared
        self._resident = read_resident_bytes() or 0

    def _keep_modules(self) -> None:
        """Have the modules outlive the interpreter: to take them apart, a forked process would copy their memory."""
        self._kept = tuple(name for name in sys.modules if name not in _NEEDED_AT_EXIT)
        circle: list[Any] = [*sys.modules.values()]
        circle.append(circle)  # about to be frozen, so that no collection will find it

    def _forget_modules(self) -> None:
        """Leave to the end of the interpreter only modules that a forked process has imported, and other objects."""
        for name in self._kept:
            sys.modules.pop(name, None)

    def _find_stain(self, fds: Sequence[int]) -> str:
        """Return the state that a forked process would inherit and a fresh one lacks; empty if it is clean."""
        if (count := len(os.listdir("/proc/self/task"))) > 1:  # noqa: PTH208 - a worker has no pathlib
            return f"{count - 1} threads run"
        if list_children():
            return "it has children"
        if open_fds().keys() - fds != self._fds.keys():
            return "descriptors are open"
        if any(signal.getitimer(which)[0] for which in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL)):
            return "a timer runs"
        if (read_resident_bytes() or 0) - self._resident > _MOST_GROWTH:
            return "its memory grows"
        return ""

    def _fork(self, order: ForkOrder, fds: Sequence[int]) -> str | None:
        reads, writes = os.pipe()
        try:
            between = os.fork()
        except OSError as exc:
            self._reply(NotForked(reason=f"fork: {exc.strerror}"))
            os.close(reads)
            os.close(writes)
            return None
        if between == 0:
            os.close(reads)
            _fork_and_end(writes)
            self._control.close()
            return self._become_role(order, dict(zip(FORK_FDS, fds, strict=True)))
        os.close(writes)
        pid = os.read(reads, 32)
        os.close(reads)
        os.waitpid(between, 0)
        self._reply(Forked(pid=int(pid)) if pid else NotForked(reason="fork failed"))
        return None

    def _become_role(self, order: ForkOrder, fds: dict[str, int]) -> str:
        """Bring this forked process into the state of a started one; return its job."""
        os.setsid()
        if not os.read(go := fds.pop("go"), 1):
            os._exit(0)  # the runner has gone, or has started another process instead
        os.close(go)
        die_with(order.runner)
        join_cgroup(order.cgroup)
        lower_limits(order.limits)
        for standard, name in enumerate(("stdout", "stderr"), 1):
            os.dup2(fd := fds.pop(name), standard)
            os.close(fd)
        os.environb.clear()
        os.environb.update({_bytes(name): _bytes(value) for name, value in order.environment.items()})
        for generator in self._generators:
            generator.seed()
        threading.main_thread()._set_native_id()  # type: ignore[attr-defined]  # noqa: SLF001 - fork leaves the old one
        job = json.dumps(json.loads(order.job) | fds)
        sys.argv[1:] = [job]
        sys.orig_argv[sys.orig_argv.index(OPTION) :] = [job]
        return job


def _fork_and_end(writes: int) -> None:
    """Fork, write the pid of the forked process, end. Only the forked process returns."""
    try:
        pid = os.fork()
    except OSError:
        os._exit(1)
    if pid:
        os.write(writes, str(pid).encode())
        os._exit(0)
    os.close(writes)


def _find_generators() -> list[Any]:
    """Return the random generators of imported modules: forked processes must not share sequences."""
    module = sys.modules.get("random")
    if module is None:
        return []
    return [
        found
        for found in gc.get_objects()
        if issubclass(type(found), module.Random) and not issubclass(type(found), module.SystemRandom)
    ]


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")

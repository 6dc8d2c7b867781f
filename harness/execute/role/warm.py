"""Warm parents, seen from the runner: one for each interpreter and backend, each forks a process for a role.

Whatever is wrong with a warm parent, the role is started in a fresh process instead: it costs time and nothing else.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec

from harness.execute import posix
from harness.wire import FORK_FDS, Forked, ForkOrder, ForkReply, NotForked, WorkerJob, decode_line, encode_line

from .interpreter import Interpreter

_ANSWER_SECONDS = 10.0
"""For an answer, with the start and the imports of a warm parent; one that is stuck is replaced."""
_MOST_FAILURES = 2
"""Of a warm parent, after which its cells start fresh."""
_MOST_REPLY_BYTES = 1 << 16

Key = tuple[str, str]
"""Path of the interpreter and module of the backend."""


class WarmParents:
    """The warm parents of this process."""

    def __init__(self, hash_seed: int, *, forks_timed: bool = False) -> None:
        self.forks_timed = forks_timed
        """Whether cells are forked although they measure something: where no figure is judged."""
        self.hash_seed = hash_seed % 2**32
        """Of every role that a warm parent may fork, also of one that starts fresh: it cannot be set by a fork."""
        self._parents: dict[Key, _WarmParent] = {}
        self._failures: Counter[Key] = Counter()
        self._refused: set[tuple[Key, tuple[str, ...]]] = set()

    @property
    def pids(self) -> set[int]:
        """The processes that are no cell's."""
        return {parent.pid for parent in self._parents.values()}

    def fork(
        self,
        place: Interpreter,
        job: WorkerJob,
        environment: Mapping[str, str],
        limits: Mapping[str, int],
        cgroup: str,
        outputs: Sequence[int],
    ) -> int | None:
        """Return the pid of a forked process, a child of this one; nothing if it must be started fresh.

        Args:
            place: its interpreter.
            job: with the fds of this process.
            environment: of the role.
            limits: of the cell.
            cgroup: file of the cgroup that it joins; empty for none.
            outputs: its stdout and stderr.
        """
        references = (job.runner, job.scenario, job.own_implementation)
        modules = tuple(dict.fromkeys(name.partition(":")[0] for name in references if name))
        key = (place.interpreter, modules[0])
        if (key, modules) in self._refused:
            return None
        variables = place.variables(environment)
        order = ForkOrder(
            job=encode_line(job).decode(),
            modules=modules,
            environment={_latin(name): _latin(value) for name, value in variables.items()},
            limits=dict(limits),
            cgroup=cgroup,
            runner=os.getpid(),
        )
        fds = (*outputs, job.report_fd, job.order_fd, job.progress_fd, job.stacks_fd)
        while self._failures[key] < _MOST_FAILURES:
            reply = self._ask(key, place, variables, order, fds)
            if isinstance(reply, Forked):
                return reply.pid
            self._end(key)
            if reply.has_imported:
                self._refused.add((key, modules))
                return None
            self._failures[key] += 1
        return None

    def _ask(
        self, key: Key, place: Interpreter, variables: Mapping[str, str], order: ForkOrder, fds: Sequence[int]
    ) -> Forked | NotForked:
        try:
            if key not in self._parents:
                self._parents[key] = _WarmParent(place, variables)
            return self._parents[key].fork(order, fds)
        except (OSError, msgspec.DecodeError) as exc:
            return NotForked(reason=f"{type(exc).__name__}: {exc}")

    def _end(self, key: Key) -> None:
        if (parent := self._parents.pop(key, None)) is not None:
            parent.end()

    def close(self) -> None:
        """End all of them."""
        for key in tuple(self._parents):
            self._end(key)


class _WarmParent:
    """One of them."""

    def __init__(self, place: Interpreter, variables: Mapping[str, str]) -> None:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        with its:
            own = {name: value for name, value in variables.items() if name != posix.TOKEN_VARIABLE}
            # Its outputs are pipes, as those of a worker are: its output has no reader, and belongs to no cell.
            self._process = subprocess.Popen(
                [*worker_command(place), "--warm", str(its.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=own,
                pass_fds=(its.fileno(),),
                start_new_session=True,
                preexec_fn=posix.die_with_parent(),  # noqa: PLW1509 - the runner has one thread
            )
        self.pid = self._process.pid

    def fork(self, order: ForkOrder, fds: Sequence[int]) -> Forked | NotForked:
        """Return its reply; the forked process is given the word to run only if it is known here.

        Raises:
            OSError: it has ended.
        """
        reads, writes = os.pipe()
        try:
            assert len(fds) + 1 == len(FORK_FDS)
            socket.send_fds(self._control, [encode_line(order)], [*fds, reads])
            if not select.select([self._control], [], [], _ANSWER_SECONDS)[0]:
                return NotForked(reason=f"no answer in {_ANSWER_SECONDS:g} s")
            if not (data := self._control.recv(_MOST_REPLY_BYTES)):
                return NotForked(reason="it has ended")
            reply: Forked | NotForked = decode_line(data, ForkReply)
            if isinstance(reply, Forked):
                os.write(writes, b".")
            return reply
        finally:
            os.close(reads)
            os.close(writes)

    def end(self) -> None:
        """End it, and what its imports started."""
        self._control.close()
        posix.signal_group(self.pid, signal.SIGKILL)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        with suppress(ChildProcessError):
            self._process.wait()


def worker_command(place: Interpreter, module: str = "harness.worker") -> list[str]:
    """Return the command of a worker, without its job."""
    return [place.interpreter, "-P", "-X", "faulthandler", "-m", module]


def _latin(text: str) -> str:
    return os.fsencode(text).decode("latin-1")

"""Calls that hold a scheduler for long in a cell that goes on, seen from outside of its process.

Nothing runs in the worker for it: a task that beats would wake a scheduler that has lost a wake-up, and a thread that
samples would take the interpreter. The runner looks at the kernel's state of the worker's main thread while nothing
advances. Who stays in one system call has run nothing else. Who computes is asked to say when the next task gives way;
until then it is one call. Either is asked for its stack, which identifies the call.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from harness.execute import procfs
from harness.execute.role.process import RoleProcess
from harness.model import Stall
from harness.wire import TURNED, WorkerJob

LONG = 0.1
"""Seconds that a call may hold a scheduler."""
_SUSPICIOUS = 0.05
"""Seconds of CPU time without progress and without a poll for ready events, after which the stack is requested."""
_EVERY = 0.045
_MOST_LOOKS = 8
"""At one call."""
_MOST_QUESTIONS = 12
"""In one silence, in growing distances."""
_MOST_STALLS = 20
_LAST_ANSWER = 0.3
_LONGEST_ANSWER = 3.0
_ENOUGH_CPU = 0.1
"""Seconds of CPU with which a process that was asked for its stacks has written them: it answers before anything."""
_NO_ANSWER = 0.5
_FRAMES = 6
_FRAME = re.compile(r'^  File "(?P<file>.*)", line (?P<line>\d+|\?\?\?) in (?P<function>.*)$', re.MULTILINE)
_OUTERMOST = re.compile(r"^  (File .* in _run_module_as_main|\.\.\.)$", re.MULTILINE)
_TURNED = re.compile(rf"^{re.escape(TURNED)}(?P<cpu>[0-9.e-]+)$", re.MULTILINE)


class Frame(NamedTuple):
    """A line of a stack."""

    file: str
    line: str
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


Stack = tuple[Frame, ...]
"""Innermost first."""


class StallWatch:
    """Looks at the roles of a cell as often as the runner turns."""

    def __init__(self) -> None:
        self._watched: dict[RoleProcess, RoleWatch] = {}
        self._last = 0.0

    def add(self, role: RoleProcess, job: WorkerJob) -> None:
        """Watch a role whose tasks share one thread."""
        modules = [reference.partition(":")[0] for reference in (job.scenario, job.own_implementation) if reference]
        self._watched[role] = RoleWatch(role, frozenset(module.partition(".")[0] for module in modules))

    def look(self, running: Iterable[RoleProcess]) -> None:
        """Look at the roles that run a scenario. Never waits."""
        now = time.monotonic()
        if now - self._last < _EVERY:
            return
        self._last = now
        for role in running:
            if role in self._watched and role.has_started and role.has_begun and not role.reported_end:
                thread = procfs.read_main_thread(role.pid)
                if thread is not None:
                    self._watched[role].look(thread, now)

    def end(self, roles: Iterable[RoleProcess]) -> None:
        """Note the stalls of roles that have ended or are about to be, and leave their stacks to an autopsy."""
        for role in roles:
            if (watch := self._watched.pop(role, None)) is not None:
                role.stalls = watch.end()


class _Call:
    """A system call that the main thread is in."""

    def __init__(self, thread: procfs.MainThread, now: float) -> None:
        self._thread = thread
        self._since = now
        self.looks: list[Stack] = []
        self.is_asked = False
        self.seconds = 0.0
        self.is_proven = False
        """Whether it went on when its stack was there: one that comes too late is another call's."""

    def goes_on(self, thread: procfs.MainThread, now: float) -> bool:
        """Return whether a thread has not left it, but once to write its stack."""
        before = self._thread
        if not thread.call or thread.call != before.call or thread.switches is None or before.switches is None:
            return False
        if thread.switches - before.switches > 2 * self.is_asked:
            return False
        self.seconds = now - self._since
        self.is_proven = bool(self.looks)
        return True


class _Question:
    """When the next task gives way, asked of a thread that computes."""

    def __init__(self, cpu: float, now: float) -> None:
        self.cpu = cpu
        self.at = now
        self.looks: list[Stack] = []


class RoleWatch:
    """Looks at one role."""

    def __init__(self, role: RoleProcess, packages: frozenset[str]) -> None:
        self._role = role
        self._packages = packages
        self._stalls: dict[tuple[str, ...], Stall] = {}
        self._text = ""
        """Bytes that were written and are not parsed yet."""
        self._dump_to: list[Stack] | None = None
        """The stall that the requested stack belongs to; it may have become irrelevant."""
        self._heartbeat: object = None
        self._base: procfs.MainThread | None = None
        """The thread at its last progress, or its last poll for ready events."""
        self._call: _Call | None = None
        self._question: _Question | None = None
        self._questions = 0
        """How many there were in this silence."""
        self._now = self._next = 0.0

    def look(self, thread: procfs.MainThread, now: float) -> None:
        """Look once."""
        self._now = now
        self._read()
        self._look_at_call(thread, now)
        heartbeat = self._role.heartbeat
        if heartbeat != self._heartbeat or thread.polls:
            self._heartbeat, self._base, self._questions, self._next = heartbeat, thread, 0, 0.0
            if self._question is not None and now - self._question.at > _NO_ANSWER and thread.polls:
                self._question = None  # it has turned without a report
        elif self._base is None:
            self._base = thread
        elif thread.cpu - self._base.cpu >= _SUSPICIOUS:
            self._look_at_computing(thread, now)

    def end(self) -> tuple[Stall, ...]:
        """Return the stalls seen; waits for an outstanding stack, so that it is not taken for another one's."""
        asked, cpu = time.monotonic(), self._role.cpu_seconds()
        while self._dump_to is not None and self._role.ended_at is None:
            waited, had = time.monotonic() - asked, self._role.cpu_seconds() - cpu
            if waited > _LONGEST_ANSWER or (waited > _LAST_ANSWER and had > _ENOUGH_CPU):
                break
            time.sleep(0.005)
            self._read()
        self._read()
        self._conclude_call()
        self._role.take_stacks()
        return tuple(sorted(self._stalls.values(), key=lambda stall: -stall.seconds))

    # --- waits in the kernel ---
    def _look_at_call(self, thread: procfs.MainThread, now: float) -> None:
        if self._call is not None and not self._call.goes_on(thread, now):
            self._conclude_call()
        if self._call is None:
            self._call = _Call(thread, now) if thread.call and not thread.polls else None
        elif self._call.seconds >= LONG and not self._call.is_asked and self._dump_to is None:
            self._call.is_asked = True
            self._dump_to = self._call.looks
            self._role.request_call()

    def _conclude_call(self) -> None:
        call, self._call = self._call, None
        if call is not None and call.is_proven:
            self._note(call.looks, call.seconds, computes=False)

    # --- what computes ---
    def _look_at_computing(self, thread: procfs.MainThread, now: float) -> None:
        if self._dump_to is not None or now < self._next:
            return
        if self._question is None:
            if self._questions == _MOST_QUESTIONS:
                return
            self._questions += 1
            self._question = _Question(thread.cpu, now)
        if len(self._question.looks) < _MOST_LOOKS:
            self._dump_to = self._question.looks
            self._role.request_turn()
        self._next = now + _EVERY * 2 ** len(self._question.looks)

    def _take_answer(self, cpu: float) -> None:
        question = self._question
        if question is None or cpu < question.cpu:  # of a question that was given up
            return
        self._question, self._base = None, None  # a task gave way, so that its computation counts from now on
        self._next = self._now + _EVERY * 2**self._questions
        if question.looks:
            self._note(question.looks, cpu - question.cpu, computes=True)

    # --- reading of the report ---
    def _read(self) -> None:
        if self._dump_to is None and self._question is None:
            return
        self._text += self._role.take_stacks()
        told = next(_TURNED.finditer(self._text), None)
        # Text written after the answer is no stack of that call.
        before = self._text[: told.start()] if told else self._text
        if self._dump_to is not None and is_whole(before):
            self._dump_to.append(main_stack(before))
            self._dump_to, self._text = None, self._text[len(before) :]
        if told is not None:
            self._text = self._text.partition(TURNED)[2].partition("\n")[2]
            self._take_answer(float(told["cpu"]))

    def _note(self, looks: Sequence[Stack], seconds: float, *, computes: bool) -> None:
        common = common_frames(looks)
        own = [at for at, frame in enumerate(common) if self._is_own(frame)]
        if not own or seconds < LONG:
            return
        # Beyond the scenario's outermost frame is the scheduler; beneath its innermost one may be a deep library.
        frames = tuple(map(str, common[: max(own[0] + 1, min(own[-1] + 1, _FRAMES))]))
        before = self._stalls.get(frames)
        if before is not None:
            seconds = max(seconds, before.seconds)
        elif len(self._stalls) == _MOST_STALLS:
            return
        count = 1 if before is None else before.count + 1
        self._stalls[frames] = Stall(frames=frames, seconds=seconds, computes=computes, count=count)

    def _is_own(self, frame: Frame) -> bool:
        return any(f"/{name}/" in frame.file or frame.file.endswith(f"/{name}.py") for name in self._packages)


def is_whole(text: str) -> bool:
    """Return whether the main thread's stack, which is the last one, is written to its end."""
    return _OUTERMOST.search(_last_part(text)) is not None


def main_stack(text: str) -> Stack:
    """Return the frames of the main thread."""
    return tuple(Frame(found["file"], found["line"], found["function"]) for found in _FRAME.finditer(_last_part(text)))


def _last_part(text: str) -> str:
    return text.rpartition("(most recent call first):")[2]


def common_frames(looks: Sequence[Stack]) -> Stack:
    """Return the frames that are the same in every look, from the outermost one on.

    The innermost one of them may be at different lines of its function.
    """
    common: list[Frame] = []
    for frames in zip(*(reversed(look) for look in looks), strict=False):
        if len({(frame.file, frame.function) for frame in frames}) > 1:
            break
        common.append(frames[0])
        if len({frame.line for frame in frames}) > 1:
            break
    return tuple(reversed(common))

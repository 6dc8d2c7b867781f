"""Which call held a scheduler, from what the kernel and the worker say."""

import pytest

from harness.execute.hang.stalls import Frame, RoleWatch, common_frames, is_whole, main_stack
from harness.execute.procfs import MainThread
from harness.wire import TURNED

RUNPY = '  File "<frozen runpy>", line 198 in _run_module_as_main\n'


def dump(*frames):
    """Return what faulthandler writes: another thread, then the main one."""
    lines = "".join(f'  File "/x/planted/{file}", line {line} in {function}\n' for file, line, function in frames)
    head = 'Thread 0x1 (most recent call first):\n  File "t.py", line 1 in wait\n\nCurrent thread 0x2'
    return f"{head} (most recent call first):\n{lines}{RUNPY}"


class FakeRole:
    """Answers at once with the next of its dumps."""

    ended_at = None

    def __init__(self, *dumps):
        self.heartbeat = 0
        self.dumps = list(dumps)
        self.written = ""
        self.asked = []

    def cpu_seconds(self):
        return 0.0

    def request_call(self):
        self._write("call")

    def request_turn(self):
        self._write("turn")

    def _write(self, asked):
        self.asked.append(asked)
        self.written += self.dumps.pop(0) if len(self.dumps) > 1 else self.dumps[0]

    def take_stacks(self):
        taken, self.written = self.written, ""
        return taken


class Watched:
    """A role that is looked at every 50 ms."""

    def __init__(self, *dumps):
        self.role = FakeRole(*dumps)
        self.watch = RoleWatch(self.role, frozenset({"planted"}))
        self.now = 100.0
        self.cpu = 1.0

    def turn(self, *, cpu=0.0, **thread):
        self.now += 0.05
        self.cpu += cpu
        self.watch.look(MainThread(cpu=self.cpu, **({"polls": False} | thread)), self.now)


def computes(watched, looks=6):
    watched.turn(polls=True)
    for _ in range(looks):
        watched.turn(cpu=0.05)


SPIN = dump(("s.py", 4, "spin"), ("s.py", 9, "task"))


def test_a_call_that_computes_until_a_task_gives_way():
    """It lasts at least from the question to the answer; its innermost frame may move within its function."""
    watched = Watched(SPIN, dump(("s.py", 5, "spin"), ("s.py", 9, "task")))
    computes(watched)
    watched.role.written += f"{TURNED}{watched.cpu}\n"
    watched.turn(polls=True)
    (stall,) = watched.watch.end()
    assert stall.frames == ("/x/planted/s.py:4 in spin", "/x/planted/s.py:9 in task")
    assert (stall.computes, stall.count) == (True, 1)
    assert stall.seconds == pytest.approx(0.25)


def test_tasks_that_compute_in_turn_are_no_stall():
    """The answer comes at once, whatever the stacks have in common."""
    watched = Watched(SPIN)
    watched.turn(polls=True)
    for _ in range(40):
        watched.turn(cpu=0.05)
        watched.role.written += f"{TURNED}{watched.cpu}\n"
    assert watched.watch.end() == ()
    assert watched.role.asked.count("turn") < 10, "it is asked less and less often"


def test_what_was_not_answered_is_not_claimed():
    """A cell that ends meanwhile has proved nothing."""
    watched = Watched(SPIN)
    computes(watched)
    assert watched.watch.end() == ()


class SlowRole(FakeRole):
    """Gets no CPU for a while, and writes its stack in two parts."""

    parts = 0
    rest = ""

    def _write(self, asked):
        super()._write(asked)
        self.rest, self.written = self.written, ""

    def take_stacks(self):
        half = len(self.rest) // 2 + 1
        self.written, self.rest = (self.rest[:half], self.rest[half:]) if self.parts > 100 else ("", self.rest)
        self.parts += bool(self.asked)
        return super().take_stacks()


def test_a_stack_that_comes_late_is_waited_for():
    """However long the process gets no CPU: what is left of it would be taken for the stacks of an autopsy."""
    watched = Watched(SPIN)
    watched.role.__class__ = SlowRole
    computes(watched, looks=3)
    assert watched.role.rest
    watched.watch.end()
    assert not watched.role.rest


def test_who_advances_or_polls_is_never_asked():
    """However much it computes."""
    watched = Watched(SPIN)
    for _ in range(10):
        watched.role.heartbeat += 1
        watched.turn(cpu=0.05)
    for _ in range(10):
        watched.turn(cpu=0.05, polls=True)
    assert (watched.role.asked, watched.watch.end()) == ([], ())


def waits(watched, looks, switches=lambda at: 7):
    watched.turn(polls=True)
    for at in range(looks):
        watched.turn(call="230 0x1 0x7f", switches=switches(at))
    watched.turn(polls=True)


SLEEP = dump(("s.py", 9, "task"))


def test_a_call_that_waits_in_the_kernel():
    """It is one call if it has gone to wait no more often than to write its stack."""
    watched = Watched(SLEEP)
    waits(watched, 8, switches=lambda at: 7 if at < 5 else 8)
    (stall,) = watched.watch.end()
    assert (stall.frames, stall.computes) == (("/x/planted/s.py:9 in task",), False)
    assert stall.seconds == pytest.approx(0.35)
    assert watched.role.asked == ["call"]


def test_many_short_calls_are_not_one():
    """Who waits again and again in the same place may have given way in between."""
    watched = Watched(SLEEP)
    waits(watched, 8, switches=lambda at: 7 + 5 * at)
    assert (watched.watch.end(), watched.role.asked) == ((), [])


def test_the_same_call_again_is_counted():
    """With the longest time of them."""
    watched = Watched(SLEEP)
    for looks in (8, 6):
        waits(watched, looks)
    (stall,) = watched.watch.end()
    assert (stall.count, stall.seconds) == (2, pytest.approx(0.35))
    assert str(stall) == "/x/planted/s.py:9 in task waits for 0.35 s, 2 times"


def test_what_is_not_the_scenarios_is_not_noted():
    """A start or an end of the runtime, for which no frame of the scenario is on the stack."""
    watched = Watched(SLEEP.replace("/planted/", "/runtime/"))
    waits(watched, 8)
    assert watched.watch.end() == ()


def test_an_unread_stack_is_not_left_to_an_autopsy():
    """It is taken at the end, so that what is there afterwards is the autopsy's."""
    watched = Watched(SLEEP)
    watched.turn(polls=True)
    for _ in range(4):
        watched.turn(call="230 0x1 0x7f", switches=7)
    assert watched.role.written
    watched.watch.end()
    assert watched.role.written == ""


def test_a_dump_that_is_still_being_written_is_not_whole():
    """It is whole when the outermost frame of the main thread is there."""
    text = dump(("s.py", 4, "spin"))
    assert is_whole(text)
    assert not is_whole(text.removesuffix(RUNPY))
    assert not is_whole(text.partition("Current")[0])
    assert main_stack(text)[0] == Frame("/x/planted/s.py", "4", "spin")


def test_what_looks_have_in_common():
    """From the outermost frame on, until they differ by more than the line of one function."""
    a, b, c = Frame("f", "1", "a"), Frame("f", "2", "b"), Frame("f", "3", "c")
    moved = Frame("f", "8", "b")
    assert common_frames([(c, b, a), (b, a)]) == (b, a)
    assert common_frames([(c, b, a), (c, moved, a)]) == (b, a)
    assert common_frames([(b, a), (c, a)]) == (a,)


def test_a_stack_that_comes_after_the_answer_is_another_calls():
    """What the call was is said by the stacks before."""
    watched = Watched(SPIN)
    watched.turn(polls=True)
    for _ in range(4):
        watched.turn(cpu=0.05)
    watched.role.written = f"{TURNED}{watched.cpu + 0.05}\n{dump(('s.py', 20, 'other'))}"
    watched.turn(cpu=0.1)
    (stall,) = watched.watch.end()
    assert stall.frames[-1] == "/x/planted/s.py:9 in task"


def test_a_call_that_was_over_when_its_stack_came_is_not_noted():
    """Whose stack that is nobody knows."""
    watched = Watched(SLEEP)
    watched.turn(polls=True)
    while not watched.role.asked:
        watched.turn(call="230 0x1 0x7f", switches=7)
    watched.turn(polls=True)
    assert watched.watch.end() == ()

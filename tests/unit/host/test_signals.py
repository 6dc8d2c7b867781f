"""Signals that ask the program to end, and the one hand through which an interrupt passes."""

import ast
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.host import signals
from harness.host.signals import INTERRUPTS, HeldInterrupt, Interrupts, follow, follow_all

HARNESS = Path(__file__).parents[3] / "harness"


@pytest.fixture
def interrupts():
    """Return what this process is asked by SIGUSR1 and SIGUSR2; their handlers are as before afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)}
    for number in before:
        signal.signal(number, signal.SIG_DFL)
    asked = Interrupts()
    asked.install(*before)
    yield asked
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def ended(monkeypatch):
    """Return the exit codes with which the program was ended at once."""
    codes = []
    monkeypatch.setattr(signals, "_end_at_once", codes.append)
    return codes


# --- what the process is asked ---


def test_a_signal_raises_where_nothing_is_followed(interrupts):
    """And its number is in the exit code."""
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGUSR1)
    assert interrupts.exit_code == 128 + signal.SIGUSR1


def test_within_a_block_it_is_kept_until_it_is_looked_for(interrupts):
    """Once."""
    with interrupts.deferred(), interrupts.deferred():
        signal.raise_signal(signal.SIGUSR1)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
        interrupts.check()


def test_a_second_signal_ends_everything(interrupts, ended):
    """Also within a block."""
    with interrupts.deferred():
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR2)
    assert ended == [128 + signal.SIGUSR2]


def test_the_echo_of_a_signal_is_one_signal(interrupts, ended):
    """`timeout` sends it to its child and then to its group."""
    with interrupts.deferred():
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR1)
        assert ended == []
        interrupts._at -= 2 * signals._ECHO_SECONDS
        signal.raise_signal(signal.SIGUSR1)
    assert ended == [128 + signal.SIGUSR1]


def test_an_ignored_signal_stays_ignored(interrupts):
    """Under nohup a hang-up is no reason to end."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    interrupts.install(signal.SIGUSR1)
    signal.raise_signal(signal.SIGUSR1)
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN


def test_the_program_may_ask_itself(interrupts):
    """As if a signal had come; without one the exit code is that of Ctrl-C."""
    interrupts.request()
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()
    assert interrupts.exit_code == 130


# --- an interrupt that is held ---


def test_nothing_is_held_where_nothing_came():
    """Then nothing is raised."""
    held = HeldInterrupt()
    with held:
        pass
    assert not held
    held.release()


def test_it_is_held_until_it_is_released():
    """The same one."""
    held, interrupt = HeldInterrupt(), KeyboardInterrupt()
    with held:
        raise interrupt
    assert held
    with pytest.raises(KeyboardInterrupt) as raised:
        held.release()
    assert raised.value is interrupt


@pytest.mark.parametrize("error", [ValueError, SystemExit, GeneratorExit])
def test_anything_else_goes_on_its_way(error):
    """Only an interrupt is held."""
    held = HeldInterrupt()
    with pytest.raises(error), held:
        raise error
    assert not held


def test_everything_is_passed_on_whatever_comes_meanwhile():
    """One event is not lost because another one was interrupted."""
    held = HeldInterrupt()
    events = held.pass_on([1, 2, 3])
    assert next(events) == 1
    assert events.throw(KeyboardInterrupt()) == 2
    assert next(events) == 3
    assert held


def test_no_other_code_catches_an_interrupt():
    """Beside the program, which turns it into an exit code."""
    catching = {
        str(path.relative_to(HARNESS))
        for path in HARNESS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and node.type and "KeyboardInterrupt" in ast.unparse(node.type)
    }
    assert catching == {"cli/main.py"}


# --- stages that are followed ---


def stage(*events, at_end=()):
    """Yield events; at an interrupt those of the end, and then raise it again."""
    held = HeldInterrupt()
    with held:
        yield from events
    if held:
        yield from at_end
    held.release()


def test_a_stage_is_followed_to_its_end():
    """Every event, in order."""
    seen = []
    assert follow(stage(1, 2, 3), seen.append) is False
    assert seen == [1, 2, 3]


def test_an_interrupt_while_an_event_is_published_reaches_the_stage():
    """Which reports what is left; the interrupt ends there."""
    seen = []

    def publish(event):
        seen.append(event)
        if event == 2:
            INTERRUPTS.request()

    assert follow(stage(1, 2, 3, at_end=("left", "over")), publish) is True
    assert seen == [1, 2, "left", "over"]


def test_a_listener_that_raises_an_interrupt_interrupts():
    """It is no error of the stage."""
    seen = []

    def publish(event):
        seen.append(event)
        if event == 1:
            raise KeyboardInterrupt

    assert follow(stage(1, 2, at_end=("left",)), publish) is True
    assert seen == [1, "left"]


def test_a_second_one_ends_the_stage():
    """What it had to report is not waited for; it is closed."""
    closed = []

    def stubborn():
        try:
            yield from stage(1, at_end=("left", "over"))
        finally:
            closed.append(True)

    def publish(_event):
        raise KeyboardInterrupt

    assert follow(stubborn(), publish) is True
    assert closed == [True]


def test_an_error_of_a_stage_is_an_error():
    """It is not swallowed, and the stage is closed."""

    def broken():
        yield 1
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        follow(broken(), lambda _event: None)


def test_stages_follow_each_other_until_one_is_interrupted():
    """Those after it are not begun."""
    seen, begun = [], []

    def stages():
        for number in (1, 2, 3):
            begun.append(number)
            yield stage(number, at_end=("left",))

    def publish(event):
        seen.append(event)
        if event == 2:
            INTERRUPTS.request()

    assert follow_all(stages(), publish) is True
    assert (seen, begun) == ([1, 2, "left"], [1, 2])
    assert follow_all((stage(number) for number in (1, 2)), lambda _event: None) is False


def test_an_interrupt_between_two_stages_ends_the_run():
    """It may come while the next one is planned."""

    def stages():
        yield stage(1)
        raise KeyboardInterrupt

    seen = []
    assert follow_all(stages(), seen.append) is True
    assert seen == [1]


def test_no_timer_outlives_the_program():
    """One that fires after the handlers are gone would end the program by SIGALRM instead of its exit code."""
    code = (
        "import atexit, signal\n"
        "atexit.register(lambda: print(signal.getitimer(signal.ITIMER_REAL)[0]))\n"
        "from harness.host.signals import INTERRUPTS\n"
        "from harness.plugins.calls import CALLS\n"
        "INTERRUPTS.install()\n"
        "INTERRUPTS.request()\n"
        "with CALLS.running('a hook'):\n"
        "    assert signal.getitimer(signal.ITIMER_REAL)[0] > 0\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0.0\n"

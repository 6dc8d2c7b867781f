"""Policy or semantics, and the scripts of what was found."""

import subprocess
import sys
from pathlib import Path

import pytest
from trials import SCHEDULES

from harness.api import ORDER, Subject, allowed, forbidden
from harness.explore.orders import SCHEDULES as ORDERS
from harness.explore.orders import ask_again, select_questions
from harness.plugins import Plugins
from harness_scenarios.behaviours.question import make_question

FOUND = Path(__file__).parents[3] / "docs" / "found"


async def _who_starts_first(runtime, trial):
    started = []

    async def start(name):
        started.append(name)

    async with runtime.open_task_group() as group:
        for name in ("first", "second"):
            await group.spawn(start, name)
    return f"{started[0]} starts"


QUESTION = make_question(
    _who_starts_first,
    name="lock.test",
    question="Which of two tasks starts?",
    contract=("The first one starts.",),
    ref="",
    answers={"first starts": allowed(), "second starts": forbidden("of this test")},
)


def _subject(backend):
    return Subject(make_runner=None, options={}, schedules=SCHEDULES[backend])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_question_is_asked_again_under_other_orders(backend):
    """A forbidden answer counts where the runtime leaves the order of ready tasks open; its order gives it again."""
    probe = ListProbe(seed=3)
    ask_again(_subject(backend), QUESTION, probe, "20")
    answers = {value for key, value in probe.observed if key == "answer"}
    assert answers == ({"first starts"} if backend == "asyncio" else {"first starts", "second starts"})
    for text in (value for key, value in probe.observed if key == ORDER):
        order, _, answer = text.partition(": ")
        again = ListProbe(seed=9)
        ask_again(_subject(backend), QUESTION, again, ORDERS.parse(order))
        assert again.observed == [("answer", answer), (ORDER, text)]


@pytest.mark.parametrize("text", [None, "", "0", "17 5", "shuffle", "shuffle x", "sorted 3"])
def test_neither_a_number_nor_an_order(text):
    """Is refused, with what would be right."""
    with pytest.raises(ValueError, match="a whole number above 0, or an order such as 'shuffle 17'"):
        ORDERS.parse(text)


def test_a_question_that_needs_a_descriptor_is_not_asked():
    """A virtual clock does not wait for it; nor is one about the end of a run, or of a runtime without schedules."""
    probe = ListProbe(seed=3)
    scenarios = Plugins().catalogue().scenarios
    for name in ("stream.eof-twice", "lock.notify-more-than-wait", "sink"):
        ask_again(_subject("asyncio"), scenarios[name], probe, "5")
    ask_again(Subject(make_runner=None, options={}), QUESTION, probe, "5")
    assert probe.observed == []


class ListProbe:
    """Keeps observations in order."""

    def __init__(self, seed):
        self.seed = seed
        self.parameters = {"repetitions": 20}
        self.observed = []

    def observe(self, key, value):
        self.observed.append((key, value))

    def advance(self, count=1):
        pass


def test_the_questions_of_six_families_are_asked():
    """With one role, and an answer."""
    names = {each.name for each in select_questions(tuple(Plugins().catalogue().scenarios.values()))}
    assert {"lock.re-entry", "channel.end-is-seen", "cancel.before-first-step", "group.start-order"} <= names
    assert not any(name.startswith(("stream.", "process.", "explore.")) for name in names)


def _run(name):
    command = [sys.executable, "-W", "ignore", str(FOUND / name)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="curio 1.6 does not import here")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("curio-deadline-in-shielded-block.py", "the inner deadline raises TaskTimeout when the block ends"),
        ("curio-timeout-overwrites-cancellation.py", "the cancellation is delivered when the block ends"),
    ],
)
def test_the_script_of_curio_fails_by_itself(name, expected):
    """It prints what was expected and what was seen."""
    done = _run(name)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"expected: {expected}"


def test_the_script_of_asyncio_ends_on_every_python():
    """Its exit code says whether the defect is there."""
    assert _run("asyncio-timeout-leaks-its-cancellation.py").returncode in (0, 1)

"""The variants of a backend answer as known, and what holds for every question about streams, listeners and timers."""

import importlib
import itertools

import pytest

from harness.api import Grade
from harness_scenarios.behaviours import listener, listener_fds, stream_close, stream_end, stream_flow, timer

MODULES = (stream_end, stream_close, stream_flow, listener, listener_fds, timer)
SCENARIOS = {scenario.name: scenario for module in MODULES for scenario in module.SCENARIOS}
SOCK = ("asyncio:io=sock", "uvloop:io=sock")
SHUTDOWN = ("threads:close=shutdown",)
RUNNERS = {"asyncio": "AsyncioRunner", "uvloop": "UvloopRunner", "trio": "TrioRunner", "threads": "ThreadsRunner"}

EXPECTED = [
    ("stream.send-after-send-eof", SOCK, {"raises broken"}),
    ("stream.bytes-before-reset", SOCK, {"the bytes, then an error"}),
    ("stream.reset-while-reading", SOCK, {"raises broken"}),
    ("stream.close-wakes-reader", SOCK, {"never ends"}),
    ("stream.close-wakes-reader", SHUTDOWN, {"the end of stream"}),
    ("stream.close-wakes-writer", SOCK[:1], {"waits until the peer reads, then never ends"}),
    ("stream.close-wakes-writer", SOCK[1:], {"waits until the peer reads, then returns"}),
    (
        "stream.close-wakes-writer",
        SHUTDOWN,
        {"raises closed", "raises broken", "waits until the peer reads, then raises closed"},
    ),
    ("stream.close-with-unread-bytes", SOCK, {"the reply, then reset"}),
    ("stream.close-with-unread-bytes", SHUTDOWN, {"the reply, then end of stream"}),
    ("stream.two-readers", SOCK, {"the first hangs"}),
    ("stream.two-writers", SOCK, {"never ends"}),
    ("stream.cancelled-send-stops", SOCK, {"the send stops"}),
    ("stream.small-sends-go-at-once", SOCK, {"delayed by 40 ms"}),
    ("listener.close-wakes-accept", SOCK, {"never ends"}),
    ("listener.close-wakes-accept", SHUTDOWN, {"raises closed", "raises other"}),
    ("listener.cancelled-accept-keeps-connection", SOCK, {"the connection is lost"}),
    ("listener.out-of-fds", SOCK, {"the acceptor is told, and the clients are served later"}),
]
"""Questions, variants, and the answers of which they give at least one, and no other."""


class Recorder:
    """A probe that keeps what it is told."""

    role = "main"
    seed = 1

    def __init__(self, scenario):
        self.parameters = {known.name: known.default for known in scenario.parameters} | {"repetitions": 1}
        self.answers = []
        self.steps = []

    def observe(self, key, value):
        if key == "answer":
            self.answers.append(value)

    def step(self, actor, what):
        self.steps.append((actor, what))

    def advance(self, count=1):
        """Do nothing."""


def ask(scenario, spec):
    """Ask a backend variant once."""
    name, _, option = spec.partition(":")
    runner_class = getattr(importlib.import_module(f"harness_{name}.backend"), RUNNERS[name])
    recorder = Recorder(scenario)

    async def main(runtime):
        await scenario.main(runtime, recorder)

    runner_class(dict([option.split("=")] if option else [])).run(main, lambda exc, context: None)
    return recorder


CASES = [(name, spec, answers) for name, specs, answers in EXPECTED for spec in specs]


# A connection that sock_accept loses is closed by the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("name", "spec", "answers"), CASES)
def test_variant_answers_as_known(name, spec, answers):
    """A variant differs from its backend where its idiom does."""
    pytest.importorskip(f"harness_{spec.partition(':')[0]}.backend")
    assert spec in SCENARIOS[name].variants
    assert set(ask(SCENARIOS[name], spec).answers) <= answers


@pytest.mark.parametrize("name", SCENARIOS)
def test_first_repetition_leaves_a_trace(name):
    """Each question records the steps of its actors: the evidence for its answer."""
    recorder = ask(SCENARIOS[name], "trio")
    assert recorder.steps
    assert len(recorder.answers) == 1


@pytest.mark.parametrize("name", SCENARIOS)
def test_answers_are_graded_with_a_reason(name):
    """Each answer has its reason; a question about a contract forbids what breaks it."""
    grades = SCENARIOS[name].judges["answer"].grades
    assert all(graded.reason for graded in grades.values())
    kinds = {graded.grade for graded in grades.values()}
    assert Grade.ALLOWED in kinds
    assert Grade.FORBIDDEN in kinds or name == "stream.small-sends-go-at-once"


def test_each_scenario_is_found_by_its_ref():
    """A worker finds each scenario by module and attribute, and its name is its own."""
    pairs = list(itertools.chain.from_iterable(((module, each) for each in module.SCENARIOS) for module in MODULES))
    assert len(SCENARIOS) == len(pairs)
    for module, scenario in pairs:
        name, _, attribute = scenario.ref.partition(":")
        assert (name, getattr(module, attribute)) == (module.__name__, scenario)

"""The variants of a backend answer as known, and what holds for every question about streams, listeners and timers."""

import pytest

from harness.api import Grade
from harness_scenarios.behaviours import listener, listener_fds, stream_close, stream_end, stream_flow, timer

MODULES = (stream_end, stream_close, stream_flow, listener, listener_fds, timer)
SCENARIOS = {scenario.name: scenario for module in MODULES for scenario in module.SCENARIOS}
SOCK = ("asyncio:io=sock", "uvloop:io=sock")
SHUTDOWN = ("threads:close=shutdown",)

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
    ("listener.out-of-fds", SOCK, {"the acceptor gets the error, and the clients are served later"}),
]
"""Questions, variants, and the answers of which they give at least one, and no other."""


CASES = [(name, spec, answers) for name, specs, answers in EXPECTED for spec in specs]


# A connection that sock_accept loses is closed by the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("name", "spec", "answers"), CASES)
def test_variant_answers_as_known(ask, name, spec, answers):
    """A variant differs from its backend where its idiom does."""
    assert spec in SCENARIOS[name].variants
    assert ask(SCENARIOS[name], spec, {"repetitions": 1}) <= answers


@pytest.mark.parametrize("name", SCENARIOS)
def test_first_repetition_leaves_a_trace(run_roles, name):
    """Each question records the steps of its actors: the evidence for its answer."""
    report = run_roles(SCENARIOS[name], {"repetitions": 1}, backend="trio")
    assert report.steps
    assert len(report.values["answer"]) == 1


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_breaks_the_contract_is_forbidden(name):
    """And something is allowed."""
    kinds = {graded.grade for graded in SCENARIOS[name].judges["answer"].grades.values()}
    assert Grade.ALLOWED in kinds
    assert Grade.FORBIDDEN in kinds or name == "stream.small-sends-go-at-once"

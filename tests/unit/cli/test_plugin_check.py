"""`harness plugin check`: what it prints of what was found, and its exit code."""

import json

import pytest
from msgspec.structs import replace

from harness.cli import main as program
from harness.cli.exits import Exit
from harness.testing import check
from harness.testing.check import CheckReport, Finding, Verdict
from harness.testing.hot_path import OperationCost

TRACE = """Traceback (most recent call last):
  File "/x/mine/backend.py", line 3, in receive
    raise AssertionError("items lost: \x1b[31m 1")
AssertionError: items lost: \x1b[31m 1"""
HELD = Finding(question="a lock is free", about="Lock.locked", verdict=Verdict.HOLDS)
BROKEN = Finding(
    question="each item reaches one receiver",
    about="ReceiveChannel.receive",
    verdict=Verdict.BROKEN,
    error=TRACE,
    promise="Receive one item. Contract: each item reaches one receiver.",
    where="/x/mine/backend.py:3 in receive",
)
ABSENT = Finding(
    question="0 is a rendezvous", about="Runtime.open_channel", verdict=Verdict.NOT_ASKED, error="absent: no"
)

KNOWN = Finding(
    question="sleep is long", about="Runtime.sleep", verdict=Verdict.KNOWN, error=TRACE, known="slow (bug 7); says p"
)
STALE = Finding(question="gone", about="Runtime.sleep", verdict=Verdict.STALE, error="it holds", known="slow; says p")
COSTS = (
    OperationCost(operation="channel send", calls=0.0, cpu_ns=1234.4, ratio=1.25, low=1.1, high=1.4),
    OperationCost(operation="checkpoint", error="OSError: \x1bno"),
)


@pytest.fixture
def harness(capsys, monkeypatch):
    """Call the program with what a check found; return its exit code and stdout."""

    def call(*arguments, found, costs=()):
        report = CheckReport(backend="mine", findings=found, costs=costs)
        monkeypatch.setattr(check, "check_backend", lambda _spec, _catalogue, *_rest: report)
        with pytest.raises(SystemExit) as ended:
            program.main(["plugin", "check", "mine", *arguments])
        return ended.value.code, capsys.readouterr().out

    return call


def test_all_holds(harness):
    """The last line is the score."""
    code, out = harness(found=(HELD, ABSENT))
    assert code == Exit.OK
    assert out.splitlines()[-1] == "mine: 1 of 1 hold, 100.0%"
    assert "– 1 not asked: absent: no" in out
    assert ABSENT.question not in out


def test_something_is_broken(harness):
    """What was seen, what was promised and where to look, and nothing that a terminal would obey."""
    code, out = harness(found=(HELD, BROKEN))
    assert code == Exit.FINDINGS
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[-1] == "mine: 1 of 2 hold, 50.0%"
    assert "✗ each item reaches one receiver" in lines
    assert "seen AssertionError: items lost: [31m 1" in lines
    assert "promised by ReceiveChannel.receive: Receive one item. Contract: each item reaches one receiver." in lines
    assert "look at /x/mine/backend.py:3 in receive" in lines
    assert "Traceback" not in out
    assert "\x1b" not in out


def test_breaches_with_one_cause_are_shown_once(harness):
    """The line of the backend that they come to is their cause; the score counts each."""
    other = replace(BROKEN, question="items arrive in order")
    apart = replace(BROKEN, question="a third", where="/x/mine/backend.py:9 in send")
    _, out = harness(found=(HELD, BROKEN, other, apart))
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert [line for line in lines if line.startswith("✗")] == ["✗ each item reaches one receiver", "✗ a third"]
    assert "and items arrive in order" in lines
    assert lines[-1] == "mine: 1 of 4 hold, 25.0%"


def test_counts_by_what_they_are_about(harness):
    """A line for each class of the contract."""
    _, out = harness(found=(HELD, BROKEN, ABSENT))
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()[1:4]}
    assert rows == {"Lock": ["1", "–", "–"], "ReceiveChannel": ["–", "1", "–"], "Runtime": ["–", "–", "1"]}


def test_what_is_known(harness):
    """The reason is said; it is no success, and no failure."""
    code, out = harness(found=(HELD, KNOWN))
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == Exit.OK
    assert lines[0] == "about holds broken known not asked"
    assert lines[-1] == "mine: 1 of 2 hold, 50.0%, 1 known"
    assert lines[lines.index("– known: sleep is long") + 1] == "because slow (bug 7); says p"


def test_what_is_stale(harness):
    """A declaration that is no longer true is to be taken out."""
    code, out = harness(found=(HELD, STALE))
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == Exit.FINDINGS
    assert lines[-1] == "mine: 1 of 2 hold, 50.0%, 1 stale"
    place = lines.index("✗ gone")
    assert lines[place + 1 : place + 3] == ["stale it holds", "declared slow; says p"]


def test_costs(harness):
    """Under a heading of their own, and of no weight."""
    code, out = harness(found=(HELD,), costs=COSTS)
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == Exit.OK
    place = lines.index("hot path (for information) adapter's calls CPU, ns of asyncio's 95 % interval")
    assert lines[place + 1 : place + 4] == [
        "channel send 0 1,234 × 1.25 1.1–1.4",
        "checkpoint – – – –",
        "– not measured: OSError: no",
    ]
    code, out = harness("--json", found=(HELD,), costs=COSTS)
    assert [cost["calls"] for cost in json.loads(out)["costs"]] == [0, None]


def test_verbose(harness):
    """Whole errors, and what was not asked."""
    _, out = harness("--verbose", found=(BROKEN, ABSENT))
    assert "Traceback (most recent call last):" in out
    assert ABSENT.question in out


def test_nothing_could_be_asked(harness):
    """That is no success."""
    code, out = harness(found=(ABSENT,))
    assert code == Exit.FINDINGS
    assert out.splitlines()[-1] == "mine: 0 of 0 hold"


def test_json(harness):
    """Everything, for programs."""
    code, out = harness("--json", found=(HELD, BROKEN, ABSENT))
    said = json.loads(out)
    assert code == Exit.FINDINGS
    assert {key: said[key] for key in ("backend", "passed", "held", "asked")} == {
        "backend": "mine",
        "passed": False,
        "held": 1,
        "asked": 2,
    }
    assert [finding["verdict"] for finding in said["findings"]] == ["holds", "broken", "not asked"]
    assert said["findings"][1]["summary"].startswith("AssertionError: items lost")


def test_a_backend_that_nobody_brings(capsys):
    """One line, with the nearest name."""
    with pytest.raises(SystemExit) as ended:
        program.main(["plugin", "check", "trioo"])
    assert ended.value.code == Exit.USAGE
    assert "unknown backend 'trioo'; did you mean 'trio'?" in capsys.readouterr().err

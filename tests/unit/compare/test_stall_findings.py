"""A call that held a scheduler is a note: it is told, and changes nothing else."""

from harness.compare import compare
from harness.model import FindingKind, Outcome, Stall

from .run_builder import a_run, cell

SLEEP = Stall(frames=("s.py:9 in task", "s.py:3 in main"), seconds=0.4, computes=False)


def test_it_is_a_note():
    """With the frame and who called it; nothing is unexpected, and the square says nothing of it."""
    comparison = compare(a_run(cell("trio", stalls=(SLEEP,)), cell("curio")))
    (finding,) = comparison.findings
    assert (finding.kind, finding.backends, finding.values) == (FindingKind.STALLED, ("trio",), ("s.py:9 in task",))
    assert finding.details == (
        "trio: s.py:9 in task waits for 0.40 s",
        "trio: called by s.py:3 in main",
    )
    assert comparison.unexpected == ()
    assert [square.findings for square in comparison.rows[0].cells] == [(), ()]


def test_rounds_are_one_line():
    """The longest of them."""
    longer = Stall(frames=SLEEP.frames, seconds=0.5, computes=False)
    (finding,) = compare(a_run(cell("trio", stalls=(SLEEP,)), cell("trio", round=2, stalls=(longer,)))).findings
    assert finding.details[0] == "trio: s.py:9 in task waits for 0.50 s"


def test_a_hang_has_its_autopsy():
    """What held the scheduler of a cell that hung is said there."""
    findings = compare(a_run(cell("trio", Outcome.HUNG, stalls=(SLEEP,)))).findings
    assert [finding.kind for finding in findings] == [FindingKind.HANG]

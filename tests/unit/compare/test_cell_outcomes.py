"""Findings from what became of the cells."""

import pytest

from harness.model import Autopsy, FindingKind, LastSeen, Outcome

from .run_builder import a_run, attested, cell, error, findings_of, groups_of, only_finding


@pytest.mark.parametrize(
    ("outcome", "reason", "kind", "title"),
    [
        (Outcome.HUNG, "no progress for 10.1 s, idle (0% CPU)", FindingKind.HANG, "hangs"),
        (Outcome.HUNG, "did not exit within 5.0 s", FindingKind.HANG, "does not exit after its result"),
        (Outcome.TIMED_OUT, "still made progress", FindingKind.CRASH, "still runs at its time limit"),
        (Outcome.CRASHED, "SIGSEGV", FindingKind.CRASH, "crashes: SIGSEGV"),
        (Outcome.RAISED, "ValueError: no", FindingKind.CRASH, "raises"),
        (Outcome.LIMIT, "wrote too much", FindingKind.CRASH, "exceeds a limit: wrote too much"),
        (Outcome.WRONG_BACKEND, "asked for a, got b", FindingKind.WRONG_BACKEND, "ran on something else"),
        (Outcome.HARNESS_FAULT, "our bug", FindingKind.HARNESS_FAULT, "harness fault: our bug"),
        (Outcome.INVALID_ENV, "no module", FindingKind.INVALID_ENV, "invalid environment: no module"),
    ],
)
def test_an_outcome_is_a_finding(outcome, reason, kind, title):
    """It names who, shows who did better, and the reason is among the details."""
    run = a_run(cell("asyncio"), cell("trio", outcome, reason=reason, evidence="evidence/x"))
    finding = only_finding(run)
    assert (finding.kind, finding.title, finding.backends) == (kind, title, ("trio",))
    assert groups_of(finding) == {"completed": ("asyncio",), str(outcome): ("trio",)}
    assert (finding.evidence, finding.details) == ("evidence/x", (f"trio: {reason}",))
    assert kind.unexpected is (outcome is not Outcome.INVALID_ENV)


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.UNSUPPORTED, Outcome.NOT_RUN, Outcome.INTERRUPTED])
def test_an_outcome_that_is_no_finding(outcome):
    """What was not tried is shown in the grid only."""
    assert findings_of(a_run(cell("asyncio"), cell("trio", outcome, reason="shield"))) == []


def test_backends_that_end_alike_are_one_finding():
    """Two hangs are one finding, a crash is another."""
    run = a_run(
        cell("asyncio", Outcome.HUNG, reason="no progress for 10.1 s"),
        cell("uvloop", Outcome.HUNG, reason="no progress for 10.2 s"),
        cell("trio", Outcome.CRASHED, reason="SIGSEGV"),
        cell("curio"),
    )
    hang, crash = findings_of(run)
    assert (hang.backends, crash.backends) == (("asyncio", "uvloop"), ("trio",))
    assert hang.details == ("asyncio: no progress for 10.1 s", "uvloop: no progress for 10.2 s")


def test_the_share_of_the_rounds():
    """A backend that hangs now and then is shown with how often."""
    cells = [cell("trio", Outcome.HUNG if number == 2 else Outcome.COMPLETED, round=number) for number in (1, 2, 3)]
    finding = only_finding(a_run(*cells))
    assert groups_of(finding) == {"completed": ("trio 2/3",), "hung": ("trio 1/3",)}
    assert finding.command == "harness run --backend trio --scenario drain --rounds 2"


def test_errors_are_told_apart_by_type():
    """Different exceptions are different findings; leaves are shown, or where it was raised."""
    group = error("ExceptionGroup", "several", leaves=("KeyError: 'a'", "OSError: b"))
    run = a_run(
        cell("asyncio", Outcome.RAISED, reason="ValueError: no", error=error()),
        cell("trio", Outcome.RAISED, reason="ExceptionGroup: several", error=group),
    )
    one, other = findings_of(run)
    assert (one.title, other.title) == ("raises ValueError", "raises ExceptionGroup")
    assert one.details == ("asyncio: ValueError: no", '  File "s.py", line 1, in main')
    assert other.details == ("trio: ExceptionGroup: several", "KeyError: 'a'", "OSError: b")


def test_every_backend_hangs():
    """It stays a hang, and says where to look first."""
    finding = only_finding(a_run(cell("asyncio", Outcome.HUNG), cell("trio", Outcome.HUNG)))
    assert finding.kind is FindingKind.HANG
    assert finding.reason == "every backend that ran does this (asyncio, trio): look at the scenario first"


def test_waits_and_what_was_told_last_are_among_the_details():
    """After the diagnosis, before what is only a fact of the system."""
    last_seen = (LastSeen(actor="left", what="asks", at=0.12),)
    autopsy = Autopsy(
        diagnosis="deadlock", reasons=("idle",), tasks=("left: wait",), waits=("left",), last_seen=last_seen
    )
    finding = only_finding(a_run(cell("trio", Outcome.HUNG, reason="idle", autopsy=autopsy)))
    assert finding.details[-4:] == (
        "main: deadlock: idle",
        "main: wait left",
        "main: last seen left: asks at 0.120 s",
        "main: task left: wait",
    )


def test_stacks_are_among_the_details():
    """All of the first culprit, within reason."""
    finding = only_finding(a_run(cell("trio", Outcome.HUNG, reason="idle", stacks="Thread 1:\n" + "  line\n" * 100)))
    assert finding.details[:3] == ("trio: idle", "Thread 1:", "  line")
    assert len(finding.details) < 30


def test_an_attestation_that_does_not_hold():
    """A cell that completed on something else is told by what it attested."""
    finding = only_finding(a_run(cell("trio", holds=False), cell("asyncio")))
    assert (finding.kind, finding.backends) == (FindingKind.WRONG_BACKEND, ("trio",))
    wrong = attested(holds=False)
    assert finding.details == (f"trio: asked for {wrong.expected}, got {wrong.scheduler}",)


def test_unavailable_is_told_once_for_a_backend():
    """With the error, how to mend it, and how much it costs."""
    cells = [cell("curio", Outcome.UNAVAILABLE, reason="ImportError: no x", scenario=name) for name in ("a", "b")]
    finding = only_finding(a_run(*cells, cell("trio", scenario="a"), hints={"curio": "pip install curio"}))
    assert (finding.kind, finding.backends) == (FindingKind.UNAVAILABLE, ("curio",))
    assert (finding.reason, finding.details) == ("ImportError: no x", ("pip install curio", "2 cells not run"))
    assert not finding.kind.unexpected


def test_unavailable_in_a_pair_names_the_role_that_is():
    """The other backend is there."""
    pair = cell("trio+curio", Outcome.UNAVAILABLE, reason="client: ImportError: no x")
    roles = (
        type(pair.result.roles[0])(role="server", backend="trio", outcome=Outcome.RAISED),
        type(pair.result.roles[0])(role="client", backend="curio", outcome=Outcome.UNAVAILABLE, reason="ImportError"),
    )
    from msgspec.structs import replace

    finding = only_finding(a_run(replace(pair, result=replace(pair.result, roles=roles))))
    assert (finding.backends, finding.reason) == (("curio",), "ImportError")


def test_a_pair_is_named_by_both_roles():
    """And its command assigns both."""
    finding = only_finding(a_run(cell("trio+uvloop", Outcome.HUNG)))
    assert finding.backends == ("server=trio+client=uvloop",)
    assert finding.command == "harness run --server trio --client uvloop --scenario drain"

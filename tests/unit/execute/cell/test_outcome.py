"""Which role explains a cell."""

from harness.execute.cell.outcome import combine_outcomes
from harness.model import ErrorReport, Outcome, RoleResult


def role(name: str, outcome: Outcome, reason: str = "", error: str = "") -> RoleResult:
    report = ErrorReport(type=error, message="", traceback="") if error else None
    return RoleResult(role=name, backend="b", outcome=outcome, reason=reason, error=report)


def test_all_completed():
    """A cell is completed when each role is."""
    assert combine_outcomes([role("server", Outcome.COMPLETED), role("client", Outcome.COMPLETED)]) == (
        Outcome.COMPLETED,
        "",
    )


def test_the_only_role_explains_itself():
    """One role needs no name."""
    assert combine_outcomes([role("main", Outcome.RAISED, "ValueError: x")]) == (Outcome.RAISED, "ValueError: x")


def test_the_first_to_fail_is_the_cause():
    """What the other role did afterwards is a consequence."""
    ended = [role("server", Outcome.CRASHED, "SIGSEGV"), role("client", Outcome.HUNG, "no progress")]
    assert combine_outcomes(ended) == (Outcome.CRASHED, "server: SIGSEGV")


def test_a_peer_that_ended_explains_nothing():
    """A role that only says that its peer ended is never the cause if there is another one."""
    ended = [
        role("client", Outcome.RAISED, "PeerEndedError: ...", "harness.api.scenario.PeerEndedError"),
        role("server", Outcome.UNAVAILABLE, "ImportError: no"),
    ]
    assert combine_outcomes(ended) == (Outcome.UNAVAILABLE, "server: ImportError: no")

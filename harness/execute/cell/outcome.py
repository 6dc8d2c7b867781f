"""Outcome of a cell, from the outcomes of its roles."""

from __future__ import annotations

from collections.abc import Sequence

from harness.model import Outcome, RoleResult

_PEER_ENDED = "PeerEndedError"


def combine_outcomes(results: Sequence[RoleResult]) -> tuple[Outcome, str]:
    """Return the outcome that explains the cell, and its reason.

    The role that failed first explains it: later errors of the other one are consequences. A role that only
    reports that its peer ended explains nothing.

    Args:
        results: of all roles, in the order in which they ended.
    """
    failed = [result for result in results if result.outcome is not Outcome.COMPLETED]
    if not failed:
        return Outcome.COMPLETED, ""
    causes = [result for result in failed if not _is_consequence(result)] or failed
    cause = causes[0]
    if len(results) == 1:
        return cause.outcome, cause.reason
    return cause.outcome, f"{cause.role}: {cause.reason}" if cause.reason else cause.role


def _is_consequence(result: RoleResult) -> bool:
    return result.outcome is Outcome.RAISED and result.error is not None and result.error.type.endswith(_PEER_ENDED)

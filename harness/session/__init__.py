"""Conduct a run: plan → execute → journal → compare, and choose the next cells from the results so far."""

from .conduct import RunOutcome, plan_request, read_outcome, resume_session, run_session

__all__ = ["RunOutcome", "plan_request", "read_outcome", "resume_session", "run_session"]

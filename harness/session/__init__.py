"""Conduct a run: plan → execute → journal → compare, and decide what runs next from what was seen."""

from .conduct import RunOutcome, read_outcome, resume_session, run_session

__all__ = ["RunOutcome", "read_outcome", "resume_session", "run_session"]

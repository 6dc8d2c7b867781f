"""Run events ⇄ append-only JSON lines: the journal is the record of the run."""

from .answers_record import read_answers, write_answers
from .assembly import RunAssembly
from .merge import merge_runs
from .read import JOURNAL_NAME, read_events, read_header, read_run
from .selftest_record import read_self_test, write_self_test
from .store import RunStore
from .write import JournalWriter, utc_now

__all__ = [
    "JOURNAL_NAME",
    "JournalWriter",
    "RunAssembly",
    "RunStore",
    "merge_runs",
    "read_answers",
    "read_events",
    "read_header",
    "read_run",
    "read_self_test",
    "utc_now",
    "write_answers",
    "write_self_test",
]

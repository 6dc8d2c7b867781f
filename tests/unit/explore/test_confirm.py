"""Scripts of a failure."""

import pytest

from harness.api import Subject
from harness.explore.clauses import Clause
from harness.explore.confirm import write_scripts
from harness.explore.failure import Failure
from harness.explore.program import Operation, Program, Resource

PROGRAM = Program((Resource("event"),), ((Operation("set"), Operation("wait")),))
FAILURE = Failure(
    program="1/2",
    clause=Clause.LOST_WAKE_UP,
    detail="",
    found_under="native 0",
    schedule="native 0",
    found_size=2,
    tried=1,
    smallest=PROGRAM,
    native=PROGRAM,
)


@pytest.mark.parametrize(
    ("options", "has_script"), [({}, True), ({"loop": "module:Loop"}, False), ({"eager": "true"}, False)]
)
def test_a_backend_with_options_has_no_script(options, has_script):
    """It has its finding all the same: an unchanged loop under another name must not raise in its batch."""
    subject = Subject(make_runner=None, options=options, dialect="harness_asyncio.dialect:AsyncioDialect")
    assert bool(list(write_scripts(subject, FAILURE))) is has_script

"""Nothing that a test started stays, whatever became of the test."""

import pytest

from . import program


@pytest.fixture(autouse=True)
def _end_programs():
    program.STARTED.clear()
    yield
    for started in program.STARTED:
        started.close()

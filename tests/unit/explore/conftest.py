"""Make the trials beside the tests importable, and ignore what broken runtimes leave behind."""

import gc
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]


@pytest.fixture(autouse=True)
def _leftovers(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda _unraisable: None)
    yield
    gc.collect()

"""Every clause of the Runtime contract on every backend."""

import importlib
import inspect
import sys

import pytest

from harness.api import runtime
from harness.plugins import Plugins
from harness.testing.clauses import CLAUSES
from harness.testing.contract import lacking

BACKENDS = {name: backend for name, backend in Plugins().catalogue().backends.items() if not backend.planted}
"""Those that mean to keep the contract."""

KNOWN_BREACHES = {
    ("uvloop", "sleep does not return before its time (fractions of a millisecond)"): (
        "uvloop #482, #739: timers are rounded to whole milliseconds, so 0.3 ms is none and 1.4 ms is one"
    ),
    ("curio", "notify without a waiter is no error"): "curio 1.6: notify(n) with fewer than n waiters ends the kernel",
    ("curio", "the lock is held after a wait that was cancelled twice while another task had it"): (
        "curio 1.6: Condition.wait does not finish to acquire again; bpo-42600 is the same in asyncio, fixed there"
    ),
}
"""(backend, clause) → reference, where a runtime itself does not keep a clause. Strict: one that holds fails."""

CONTRACT = (
    runtime.TaskGroup,
    runtime.CancelScope,
    runtime.Event,
    runtime.Lock,
    runtime.Semaphore,
    runtime.Condition,
    runtime.SendChannel,
    runtime.ReceiveChannel,
    runtime.ByteStream,
    runtime.Listener,
    runtime.Runtime,
)


def results_of(results, backend):
    """Return a backend's results by clause; skip where curio cannot be imported, with its own error."""
    try:
        return results[backend.name].result()
    except ImportError as exc:
        if backend.name == "curio" and sys.version_info >= (3, 12):
            pytest.skip(str(exc))
        raise


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.name)
@pytest.mark.parametrize("backend", BACKENDS.values(), ids=lambda backend: backend.name)
def test_clause(results, backend, clause):
    """The clause holds, and nothing was dropped on the way."""
    if (offer := lacking(backend, clause)) is not None:
        pytest.skip(f"declared absent: {offer.note}")
    result = results_of(results, backend)[clause.name]
    if reference := KNOWN_BREACHES.get((backend.name, clause.name)):
        assert result.error, f"holds now: take it out of the table ({reference})"
        pytest.xfail(reference)
    assert result.error == ""
    assert result.unhandled == ()


def test_known_breaches_name_what_exists():
    """A breach whose clause was renamed would excuse nothing, silently."""
    known = {(backend, clause.name) for backend in BACKENDS for clause in CLAUSES}
    assert set(KNOWN_BREACHES) - known == set()


def test_every_operation_is_checked():
    """Each public method and property of the contract is what some clause is about, and no clause is about another."""
    operations = {
        f"{kind.__name__}.{name}"
        for kind in CONTRACT
        for name, value in vars(kind).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
    }
    assert {clause.of for clause in CLAUSES} == operations


def test_clause_names_are_unique():
    """A result is found by its name."""
    assert len({clause.name for clause in CLAUSES}) == len(CLAUSES)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="curio imports before Python 3.12")
def test_curio_says_why_it_does_not_import(results):
    """The whole backend is skipped with the real error, not with a guess."""
    error = results["curio"].exception()
    assert isinstance(error, ImportError)
    assert "CurioRunner: AttributeError: module 'multiprocessing.connection' has no attribute" in str(error)


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=lambda backend: backend.name)
def test_sections_have_the_same_order(backend):
    """Two backends can be read side by side: the runtime's sections come in the contract's order."""
    module, _, _ = backend.runner.partition(":")
    if backend.name == "uvloop" or (backend.name == "curio" and sys.version_info >= (3, 12)):
        pytest.skip("has no runtime of its own to read" if backend.name == "uvloop" else "does not import")

    def sections(source):
        return [line.strip(" #-") for line in source.splitlines() if line.strip().startswith("# --- ")]

    wanted = sections(inspect.getsource(runtime))
    found = [section for section in sections(inspect.getsource(importlib.import_module(module))) if section in wanted]
    # Helpers of a section may stand before the runtime class, under the same headings.
    assert found[-len(wanted) :] == wanted

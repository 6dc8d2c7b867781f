"""Every clause of the Runtime contract on every backend."""

import importlib
import inspect
import sys

import pytest

from harness.api import Support, runtime
from harness.plugins import Plugins
from harness.testing.clauses import CLAUSES
from harness.testing.contract import run_clauses

BACKENDS = Plugins().catalogue().backends

KNOWN_BREACHES = {
    ("curio", "notify without a waiter is no error"): "curio 1.6: notify(n) with fewer than n waiters ends the kernel",
}
"""(backend, clause) → reference, where a runtime itself does not keep a clause. Strict: one that holds fails."""

_results: dict[str, object] = {}


def results_of(backend):
    """Run all clauses that the backend does not declare to lack, once."""
    if backend.name not in _results:
        wanted = [clause for clause in CLAUSES if lacking(backend, clause) is None]
        try:
            _results[backend.name] = {result.clause: result for result in run_clauses(backend.runner, {}, wanted)}
        except ImportError as exc:
            _results[backend.name] = exc
    found = _results[backend.name]
    if isinstance(found, ImportError):
        if backend.name == "curio" and sys.version_info >= (3, 12):
            pytest.skip(str(found))
        raise found
    return found


def lacking(backend, clause):
    """Return the offer of the first capability that the backend lacks, if there is one."""
    offers = [backend.offer(capability) for capability in clause.requires]
    return next((offer for offer in offers if offer.support is Support.ABSENT), None)


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.name)
@pytest.mark.parametrize("backend", BACKENDS.values(), ids=lambda backend: backend.name)
def test_clause(backend, clause):
    """The clause holds, and nothing was dropped on the way."""
    if (offer := lacking(backend, clause)) is not None:
        pytest.skip(f"declared absent: {offer.note}")
    result = results_of(backend)[clause.name]
    if reference := KNOWN_BREACHES.get((backend.name, clause.name)):
        assert result.error, f"holds now: take it out of the table ({reference})"
        pytest.xfail(reference)
    assert result.error == ""
    assert result.unhandled == ()


def test_every_contract_is_checked():
    """Each method whose docstring has a Contract, or that is part of a contract's object, has a clause."""
    checked = {clause.of for clause in CLAUSES}
    promised = {
        f"{name}.{method}"
        for name, kind in inspect.getmembers(runtime, inspect.isclass)
        if kind.__module__ == runtime.__name__
        for method, value in vars(kind).items()
        if "Contract:" in (inspect.getdoc(value) or "") and not method.startswith("__")
    }
    # `spawn` of a lock's class docstring and the like: the class says it for its methods.
    assert promised - checked == set()


def test_clause_names_are_unique():
    """A result is found by its name."""
    assert len({clause.name for clause in CLAUSES}) == len(CLAUSES)


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

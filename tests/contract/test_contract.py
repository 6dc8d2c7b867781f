"""Every clause of the Runtime contract on every backend."""

import importlib
import inspect
import sys

import pytest

from harness.api import bridge, datagrams, names, processes, runtime, servers, tls, unix
from harness.plugins import Plugins
from harness.testing.breaches import list_unknown, select_breaches
from harness.testing.clauses import CLAUSES
from harness.testing.contract import lacking, run_clauses
from harness.testing.hot_path import measure_hot_paths

CATALOGUE = Plugins().catalogue()
BACKENDS = {name: backend for name, backend in CATALOGUE.backends.items() if not backend.control}
"""Those that mean to keep the contract."""

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
    bridge.Inbox,
    bridge.BridgeEvent,
    bridge.BridgeJob,
    bridge.Direct,
    bridge.Bridge,
    servers.Server,
    servers.Servers,
    tls.TlsStream,
    tls.TlsListener,
    tls.Tls,
    datagrams.DatagramEndpoint,
    datagrams.Datagrams,
    processes.ByteSource,
    processes.ByteSink,
    processes.ChildProcess,
    processes.Processes,
    names.Names,
    unix.UnixListener,
    unix.UnixSockets,
)


DROPS_EMPTY = sys.version_info < (3, 13)
"""asyncio sends no empty datagram."""


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
def test_clause(request, results, backend, clause):
    """The clause holds, and nothing was dropped on the way; a rerun asks the backend again."""
    if (offer := lacking(backend, clause)) is not None:
        pytest.skip(f"declared absent: {offer.note}")
    result = results_of(results, backend)[clause.name]
    if getattr(request.node, "execution_count", 1) > 1:
        (result,) = run_clauses(backend.runner, {}, [clause])
    if breach := select_breaches(CATALOGUE.breaches, backend.name).get(clause.name):
        assert result.error, f"holds now: take it out of {breach.source} ({breach.text})"
        pytest.xfail(breach.text)
    assert result.error == ""
    assert result.unhandled == ()


def test_known_breaches_name_what_exists():
    """A breach whose clause was renamed would excuse nothing, silently."""
    assert len(CATALOGUE.breaches) == 23
    assert list(list_unknown(CATALOGUE.breaches, {clause.name for clause in CLAUSES})) == []
    counts = {name: len(select_breaches(CATALOGUE.breaches, name)) for name in BACKENDS}
    assert counts == {"asyncio": 2 + DROPS_EMPTY, "uvloop": 5, "trio": 1, "curio": 5, "threads": 0}


NATIVE = {
    "channel send": 0,
    "channel receive": 0,
    "checkpoint": 0,
    "sleep(0)": 0,
    "wait for an event that is set": 0,
    "acquire and release a free lock": 1,
}
"""Functions of the adapter that run for one operation; `release` is no coroutine on these runtimes."""
CALLS = {
    "asyncio": NATIVE,
    "uvloop": NATIVE,
    "trio": NATIVE,
    "curio": NATIVE | {"acquire and release a free lock": 0},
    "threads": dict.fromkeys(NATIVE, 1) | {"checkpoint": 3, "acquire and release a free lock": 3},
}


@pytest.mark.parametrize("backend", CALLS)
def test_what_stands_between_a_scenario_and_a_hot_path(backend):
    """No more functions of ours than it needs; the number depends neither on the machine nor on what else it does."""
    if backend == "curio" and sys.version_info >= (3, 12):
        pytest.skip("does not import")
    costs = measure_hot_paths(BACKENDS[backend].runner, {}, "")
    assert {cost.operation: cost.calls for cost in costs} == CALLS[backend]


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

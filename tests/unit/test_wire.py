"""model ⇄ JSON lines."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.api import Bounded, Exact, Grade, Graded, Info, Metric, Outcomes, Trace
from harness.model import (
    FORMAT,
    Attestation,
    BackendCard,
    BackendSpec,
    Cell,
    CellFinished,
    CellObserved,
    CellProgressed,
    CellResult,
    CellStarted,
    Disturbance,
    ErrorReport,
    Observed,
    Outcome,
    Plan,
    Request,
    Resources,
    RoleBackend,
    RoleResult,
    RunFinished,
    RunStarted,
    ScenarioCard,
    SkippedCell,
    Step,
    Unhandled,
    Usage,
)
from harness.wire import (
    Ended,
    Ready,
    RoleEnded,
    Shared,
    UnhandledSeen,
    WorkerJob,
    WorkerMessage,
    WorkerOrder,
    decode_journal_line,
    decode_line,
    encode_line,
)

# Times are multiples of 1/1024, so that their decimal text is exact; NaN and infinity are not JSON.
seconds = st.integers(0, 2**40).map(lambda n: n / 1024)
texts = st.text(max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | seconds | texts
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


def structs(kind, **fields):
    return st.builds(kind, **fields)


errors = structs(ErrorReport, type=texts, message=texts, traceback=texts, leaves=st.lists(texts, max_size=2).map(tuple))
observed = structs(Observed, role=texts, key=texts, value=documents, at=seconds)
steps = structs(Step, role=texts, actor=texts, what=texts, at=seconds)
unhandled = structs(Unhandled, context=texts, error=st.none() | errors)
attestations = structs(
    Attestation,
    scheduler=texts,
    expected=texts,
    python=texts,
    implementation=texts,
    gil=st.booleans(),
    versions=st.dictionaries(texts, texts, max_size=2),
)
specs = structs(BackendSpec, name=texts, options=st.lists(st.tuples(texts, texts), max_size=2).map(tuple))
cells = structs(
    Cell,
    scenario=texts,
    roles=st.lists(structs(RoleBackend, role=texts, backend=specs), min_size=1, max_size=2).map(tuple),
    parameters=st.lists(st.tuples(texts, scalars), max_size=3).map(tuple),
    round=st.integers(1, 60),
    seed=st.integers(0, 2**32 - 1),
    timeout=seconds,
    hang_after=seconds,
)
counts = st.none() | st.integers(0, 2**40)
resources = structs(
    Resources,
    wall=seconds,
    user=seconds,
    system=seconds,
    run_delay=st.none() | seconds,
    voluntary_switches=counts,
    involuntary_switches=counts,
    peak_rss_bytes=counts,
)
usages = structs(Usage, user=seconds, system=seconds, max_rss_bytes=st.integers(0, 2**40))
roles = structs(
    RoleResult,
    role=texts,
    backend=texts,
    outcome=st.sampled_from(Outcome),
    reason=texts,
    seconds=seconds,
    exit_code=st.none() | st.integers(-64, 255),
    error=st.none() | errors,
    attestation=st.none() | attestations,
    unhandled=st.lists(unhandled, max_size=2).map(tuple),
    usage=usages,
    stacks=texts,
    survivors=st.lists(texts, max_size=2).map(tuple),
    resources=st.none() | resources,
)
results = structs(
    CellResult,
    cell_id=texts,
    outcome=st.sampled_from(Outcome),
    reason=texts,
    seconds=seconds,
    roles=st.lists(roles, max_size=2).map(tuple),
    disturbed=st.lists(structs(Disturbance, wall=seconds, run_delay=seconds, seconds=seconds), max_size=2).map(tuple),
)
messages = st.one_of(
    structs(Ready, attestation=attestations),
    observed,
    steps,
    structs(Shared, key=texts, value=documents),
    structs(UnhandledSeen, unhandled=unhandled),
    structs(
        Ended,
        outcome=st.sampled_from(Outcome),
        reason=texts,
        error=st.none() | errors,
        resources=st.none() | resources,
    ),
)
orders = structs(Shared, key=texts, value=documents) | structs(RoleEnded, role=texts)
plans = structs(
    Plan,
    cells=st.lists(cells, max_size=2).map(tuple),
    skipped=st.lists(structs(SkippedCell, cell=cells, reason=texts), max_size=1).map(tuple),
    backends=st.lists(specs, max_size=2).map(tuple),
    seed=st.integers(0, 2**32),
)
judges = st.one_of(
    structs(Exact, expected=scalars, reason=texts),
    structs(
        Outcomes, grades=st.dictionaries(texts, structs(Graded, grade=st.sampled_from(Grade), reason=texts), max_size=2)
    ),
    structs(Trace, reason=texts, reference=texts),
    structs(Bounded, at_least=st.none() | seconds, at_most=st.none() | seconds),
    structs(Metric, unit=texts, better=st.sampled_from(("lower", "higher"))),
    structs(Info, unit=texts),
)
scenario_cards = structs(
    ScenarioCard,
    name=texts,
    question=texts,
    contract=st.lists(texts, max_size=2).map(tuple),
    headline=texts,
    judges=st.dictionaries(texts, judges, max_size=3),
    conserved=st.dictionaries(texts, st.lists(texts, max_size=2).map(tuple), max_size=2),
    roles=st.lists(texts, max_size=2).map(tuple),
)
backend_cards = structs(
    BackendCard, label=texts, name=texts, summary=texts, offers=st.dictionaries(texts, texts, max_size=2)
)
requests = structs(
    Request,
    backends=st.lists(texts, max_size=2).map(tuple),
    parameters=st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
    rounds=st.integers(1, 60),
    seed=st.integers(0),
    timeout=st.none() | seconds,
    server=st.none() | texts,
)
events = st.one_of(
    structs(
        RunStarted,
        run_id=texts,
        started_at=texts,
        request=requests,
        plan=plans,
        scenarios=st.just(()) | st.tuples(scenario_cards),
        backends=st.just(()) | st.tuples(backend_cards),
        environment=st.dictionaries(texts, documents, max_size=2),
    ),
    structs(CellStarted, cell_id=texts, pids=st.dictionaries(texts, st.integers(1, 2**22), max_size=2)),
    structs(CellObserved, cell_id=texts, observation=observed | steps),
    structs(CellProgressed, cell_id=texts, seconds=seconds, progress=st.integers(0, 2**53)),
    structs(CellFinished, result=results),
    structs(RunFinished, finished_at=texts, events=st.integers(0), cells=st.integers(0), interrupted=st.booleans()),
)


def one_line(message):
    line = encode_line(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return line


@given(messages)
def test_worker_messages_round_trip(message):
    """What a worker says is what the runner hears, in one line."""
    assert decode_line(one_line(message), WorkerMessage) == message


@given(orders)
def test_orders_round_trip(order):
    """What the runner orders is what a worker hears."""
    assert decode_line(one_line(order), WorkerOrder) == order


@given(events)
def test_run_events_round_trip(event):
    """What is put into the journal comes out of it."""
    assert decode_journal_line(one_line(event)) == event


@given(cells)
def test_jobs_round_trip(cell):
    """A worker is told its whole job on its command line, which holds no NUL."""
    assigned = cell.roles[0]
    job = WorkerJob(
        format=FORMAT,
        role=assigned.role,
        backend=str(assigned.backend),
        options=dict(assigned.backend.options),
        parameters=dict(cell.parameters),
        seed=cell.seed,
        runner="a:B",
        scenario="c:d",
        report_fd=3,
        order_fd=4,
        progress_fd=5,
        stacks_fd=6,
    )
    line = one_line(job)
    assert b"\0" not in line
    assert decode_line(line, WorkerJob) == job


@given(st.binary(max_size=60))
def test_garbage_is_an_error_and_nothing_else(data):
    """Whatever a worker writes, decoding fails in one way."""
    try:
        decode_line(data, WorkerMessage)
    except msgspec.DecodeError:
        return
    pytest.fail(f"{data!r} was taken for a message")


def test_a_newer_minor_version_can_be_read():
    """Fields that this version does not know are ignored."""
    assert decode_line(b'{"type":"role-ended","role":"server","why":"new"}', WorkerOrder) == RoleEnded(role="server")

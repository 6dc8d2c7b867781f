"""Programs of public reports about threads, children, datagrams, TLS, groups and ends: found, on their runtimes only.

The rows are those of the default matrix, on all backends and their idioms. Figures of cost rows differ by a factor,
not by noise.
"""

import json
import subprocess
import sys

import pytest

from tests.runtimes import BACKENDS

HAS_EAGER_FAULT = (3, 12) <= sys.version_info < (3, 12, 9) or (3, 13) <= sys.version_info < (3, 13, 2)
CASES = {
    # question: observation, part of the answer, backends that give it
    "process.wait-ends-with-the-process": (
        "answer",
        "until another process has closed the pipe",
        {"asyncio"} if sys.version_info < (3, 14) else set(),
    ),
    "datagram.empty-is-sent": (
        "answer",
        "a datagram is lost",
        {"asyncio", "uvloop"} if sys.version_info < (3, 13) else {"uvloop"},
    ),
    "tls.close-while-peer-sends": ("answer", "the closed stream goes on receiving", {"uvloop"}),
    "deadline.pending-cancellation": (
        "answer",
        "the cancelled block runs on",
        {"asyncio:cancel=task", "uvloop:cancel=task"},
    ),
    "group.failure-cancels-each-task": (
        "answer",
        "some are cancelled, and one is not",
        {"asyncio:eager=true", "uvloop:eager=true"} if HAS_EAGER_FAULT else set(),
    ),
    "bridge.direct-item": ("answer", "the scheduler ends with an error of its own", {"trio"}),
    "end.interrupt-while-a-job-runs": ("thread job", "ends when the job does", {"asyncio", "uvloop", "trio"}),
}
LATE = ("bridge.direct-item", "answer", "when something else wakes the scheduler", {"asyncio", "uvloop"})
COSTS = {
    # row: backend that is slow, backend beside it, factor that each round shows
    "children[at_once=10,batches=3]": ("uvloop", "asyncio", 1.5),
    "bridge-job[threads=1,way=job]": ("asyncio", "threads", 1.2),
}
OUTPUT = ("-q", "--json", "report.json", "--out", "runs")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of the questions and the cost rows, on every backend."""
    folder = tmp_path_factory.mktemp("cases")
    names = [*CASES, *(row.partition("[")[0] for row in COSTS)]
    selection = [word for name in names for word in ("-s", name)]
    selection += [word for backend in BACKENDS for word in ("-b", backend)]
    command = [
        sys.executable,
        "-m",
        "harness.cli",
        "matrix",
        *selection,
        "-q",
        "--json",
        "report.json",
        "--out",
        "runs",
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1000, check=False)
    assert done.returncode == 0, done.stdout + done.stderr  # each case is listed, and nothing else is found
    return json.loads((folder / "report.json").read_text())


def answers(report, scenario, key):
    """By column, every answer of a question to an observation."""
    return {
        record["label"]: {one["value"] for one in record["observations"] if one.get("key") == key}
        for record in report["records"]
        if record["cell"]["scenario"] == scenario
    }


@pytest.mark.parametrize(("scenario", "key", "part", "backends"), [*((n, *c) for n, c in CASES.items()), LATE])
def test_the_question_names_the_runtimes_of_the_case(report, scenario, key, part, backends):
    """And no other runtime; idioms of a runtime are looked at where the case is about one."""
    given = answers(report, scenario, key)
    assert set(given) >= set(BACKENDS)
    looked_at = {*BACKENDS, *backends} & given.keys()
    named = {column for column in looked_at if any(part in str(value) for value in given[column])}
    assert named == backends & given.keys(), given
    assert bool(named) == bool(backends), given


@pytest.mark.parametrize(("row", "slow", "beside", "factor"), [(row, *case) for row, case in COSTS.items()])
def test_the_figure_shows_the_cost_of_the_case(report, row, slow, beside, factor):
    """Also between the best values, which a busy machine disturbs least."""
    (found,) = (each for each in report["rows"] if each["id"] == row)
    best = {cell["label"]: min(cell["headline"]["best"]) for cell in found["cells"] if cell["headline"]}
    assert best[slow] > factor * best[beside], best

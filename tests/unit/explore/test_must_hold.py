"""What exploring must find, and must not: by default settings, from several seeds, with small programs and scripts."""

import statistics
import sys

import pytest
from click.testing import CliRunner
from runtimes import COROUTINES
from trials import SCHEDULES

from harness.api import Subject
from harness.cli.explore import explore
from harness.cli.state import State
from harness.explore.batch import Batch
from harness.explore.families import FAMILIES
from harness.explore.summary import summarise
from harness.journal import RunStore, read_run

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(900)]

LOST = "lost wake-ups"
KNOWN = {"trio": LOST, "curio": "failures of the runtime itself"} | (
    {"asyncio": LOST, "uvloop": LOST} if sys.version_info < (3, 13) else {}
)
"""What each Condition is known for; fixed on asyncio in 3.13."""


def _explore(folder, *arguments):
    options = ["-q", "--out", str(folder), *arguments]
    done = CliRunner().invoke(explore, options, obj=State("never"), standalone_mode=False)
    return done, summarise(read_run(RunStore(folder).find("latest")))


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_each_condition_is_found_with_the_programs_of_a_minute(seed, tmp_path):
    """And nothing that is not known; findings are small, and most have a script that fails by itself."""
    done, summary = _explore(tmp_path, "--only", "condition", "--programs", "500", "--seed", seed)
    assert done.return_value == 0, done.output
    found = {(each.backend, each.clause) for each in summary.findings}
    assert {(backend, KNOWN[backend]) for backend in COROUTINES if backend in KNOWN} <= found
    if sys.version_info >= (3, 13):
        assert {backend for backend, _ in found} == {"trio"}
    assert statistics.median(each.smallest["operations"] for each in summary.findings) <= 7
    scripts = [each.smallest for each in summary.findings if each.smallest["script"]]
    assert scripts
    assert all(each["script"].count("\n") <= 40 for each in scripts)
    assert sum(each["script_fails"] for each in scripts) >= len(scripts) / 2


def test_nearly_every_fault_that_the_grammar_expresses_is_found(tmp_path):
    """The score is printed: what needs three nested deadlines of which the inner one passes first may be missed."""
    done, _ = _explore(tmp_path, "--saboteurs", "--programs", "250")
    found, _, of = done.output.splitlines()[-1].partition(" of ")
    assert int(found) >= int(of.split()[0]) - 2, done.output


class _Probe:
    seed = 99

    def __init__(self, **parameters):
        defaults = {"programs": 5000, "first": 0, "seed": None, "schedules": 3, "deviations": 0, "against": ""}
        self.parameters = defaults | {"trace": False} | parameters
        self.observed = {}

    def observe(self, key, value):
        self.observed[key] = value

    def advance(self, count=1):
        pass


HEALTHY = [("trio", family) for family in ("lock", "semaphore", "channel", "event", "group", "scope")]
if sys.version_info >= (3, 13):
    HEALTHY += [("asyncio", family) for family, grammar in FAMILIES.items() if not grammar.real_clock]


@pytest.mark.parametrize(("backend", "family"), HEALTHY)
def test_healthy_combinations_show_nothing_in_5000_programs(backend, family):
    """`benchmarks/exploration.py` goes on to a million."""
    probe = _Probe()
    Batch(family, FAMILIES[family], Subject(make_runner=None, options={}, schedules=SCHEDULES[backend]), probe).run()
    assert probe.observed["programs"] == 5000
    assert (probe.observed["failing programs"], probe.observed["excluded programs"]) == (0, 0)

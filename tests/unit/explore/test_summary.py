"""A run of explorations as a summary, and the score of saboteurs."""

import sys

import pytest
from click.testing import CliRunner

from harness.cli.explore import explore
from harness.cli.state import State
from harness.explore.summary import score, summarise
from harness.journal import RunStore, read_run

pytestmark = pytest.mark.filterwarnings("ignore")


def _invoke(*arguments):
    return CliRunner().invoke(explore, arguments, obj=State("never"), standalone_mode=False)


def _explore(tmp_path, *arguments):
    done = _invoke("-q", "--out", str(tmp_path), *arguments)
    assert done.exception is None, done.output
    return done, read_run(RunStore(tmp_path).find("latest"))


def test_a_saboteur_is_found_beside_its_control(tmp_path):
    """A fault counts as found when programs fail that do not fail on the healthy backend; each is printed."""
    done, run = _explore(tmp_path, "--saboteurs", "--only", "semaphore", "--programs", "30", "--schedules", "2")
    assert "3 of 3 faults that the grammar can express are found" in done.output
    assert done.return_value == 0
    scores = score(run, {name: each.spec for name, each in State("never").catalogue.saboteurs.items()})
    assert {each.fault: each.found for each in scores} == {
        "lock-open": True,
        "lock-never-released": True,
        "lock-lost-with-its-waiter": True,
    }
    healthy = summarise(run).tallies["asyncio", "semaphore"]
    assert healthy.counts["programs"] == 30
    assert not healthy.clauses


def test_a_finding_has_a_script_that_fails_and_can_be_replayed(tmp_path):
    """The smallest program of a finding, its script in the run's folder, and the same program again."""
    if sys.version_info >= (3, 13):
        pytest.skip("asyncio's Condition is fixed there")
    done, run = _explore(tmp_path, "-b", "asyncio", "--only", "condition", "--programs", "250", "--seed", "5")
    assert done.return_value in (0, 1)
    (finding,) = summarise(run).findings
    assert (finding.backend, finding.family, finding.clause) == ("asyncio", "condition", "lost wake-ups")
    assert finding.smallest["label"] == "stock"
    assert finding.smallest["operations"] <= 9
    script = RunStore(tmp_path).find("latest") / "found" / finding.file_name
    assert str(script.name) in done.output
    assert script.read_text().count("\n") <= 40
    family, seed, number = finding.smallest["program"].split("/")
    again, run = _explore(tmp_path, "-b", "asyncio", "--replay", f"{family}/{seed}/{number}")
    (found,) = summarise(run).findings
    assert found.clause == finding.clause
    assert "begins enter 0" in again.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--replay", "condition"], "a program is named FAMILY/SEED/N"),
        (["--saboteurs", "-b", "trio"], "leave out --backend and --replay"),
        (["--against", "threads"], "cannot compare with threads: a schedule cannot control it"),
        (["--only", "nothing"], "unknown scenario 'explore.nothing'"),
    ],
)
def test_what_cannot_be_explored_is_refused(arguments, complaint, tmp_path):
    """With a line that says what to do."""
    done = _invoke("--out", str(tmp_path), *arguments)
    assert complaint in str(done.exception)


def test_final_states_are_compared_with_another_runtime(tmp_path):
    """The smallest program without a common one is printed; it is no finding."""
    arguments = ("-b", "trio", "--against", "asyncio", "--only", "scope", "--programs", "30", "--seed", "1")
    done, run = _explore(tmp_path, *arguments)
    assert done.return_value == 0
    difference = summarise(run).differences["trio", "scope"]
    assert not set(difference["own"]) & set(difference["other"])
    assert "trio scope: no final state in common with asyncio in " in done.output
    assert difference["text"][1] in done.output

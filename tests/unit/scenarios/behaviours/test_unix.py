"""Unix sockets: each runtime answers as known. `tests/unit/saboteurs` shows that the faults are seen."""

import sys
from pathlib import Path

import pytest

from harness.testing.wrapping import Wrapped
from harness_scenarios.behaviours import unix_connect, unix_path

SCENARIOS = {
    scenario.name.removeprefix("unix."): scenario
    for family in (unix_path, unix_connect)
    for scenario in family.SCENARIOS
}
LOOPS = ("asyncio", "uvloop")
OTHERS = ("trio", "curio", "threads")
ALL = (*LOOPS, *OTHERS)
REMOVES = LOOPS if sys.version_info >= (3, 13) else ()
"""`create_unix_server` removes its own file when it is closed."""

EXPECTED = {
    "path-length": {unix_path.UP_TO_THE_LIMIT: ALL},
    "path-in-use": {unix_path.TAKES_OVER: LOOPS, unix_path.IN_USE: OTHERS},
    "path-left-behind": {unix_path.STARTS: LOOPS, unix_path.IN_USE: OTHERS},
    "file-at-the-end": {
        unix_path.REMOVED: REMOVES,
        unix_path.LEFT: tuple(sorted(set(ALL) - set(REMOVES))),
    },
    "abstract-name": {unix_path.WORKS: ALL},
    "connect-beyond-backlog": {
        unix_connect.NOT_CONNECTED: ("asyncio", "trio", "curio"),
        unix_connect.SOME_TOLD: ("uvloop",),
        unix_connect.ALL_SERVED: ("threads",),
    },
    "connect-to-longer-path": {
        unix_connect.ANOTHER_SERVER: ("uvloop",),
        unix_connect.RAISES: ("asyncio", "trio", "curio", "threads"),
    },
    "file-goes-under-server": {unix_connect.LIVES_ON: ALL},
    "close-wakes-accept": {"raises closed": (*LOOPS, "trio"), "never ends": ("curio", "threads")},
    "carries-bytes": {unix_connect.ARRIVES: ALL},
}
"""Each question, its answers and the runtimes that give them."""
BREAKS = {unix_connect.NOT_CONNECTED, unix_connect.ANOTHER_SERVER, "never ends"}
"""Known answers that break the contract."""


@pytest.mark.skipif(sys.platform != "linux", reason="abstract names, and EAGAIN of a full backlog, are Linux")
@pytest.mark.parametrize("name", EXPECTED)
def test_each_runtime_answers_as_known(run_apart, backend, name):
    """The known difference appears on the runtimes and versions where it lives and on no other."""
    report = run_apart(SCENARIOS[name], {"repetitions": 1}, backend=backend)
    answers = {answer for answer, runtimes in EXPECTED[name].items() if backend in runtimes}
    assert report.errors == {}
    assert set(report.values["answer"]) == answers
    assert report.violations == ({"answer"} if answers & BREAKS else set())


@pytest.mark.skipif(sys.platform != "linux", reason="abstract names are Linux")
def test_a_file_of_another_process_is_no_file_of_an_abstract_name(run_roles, monkeypatch, tmp_path):
    """An editor, or a coverage report, writes to the current directory while the server listens."""
    monkeypatch.chdir(tmp_path)

    class Runtime(Wrapped):
        @property
        def unix(self):
            Path(f"other-{len(list(tmp_path.iterdir()))}").touch()
            return self.inner.unix

    report = run_roles(unix_path.abstract, {"repetitions": 1}, wrap={"main": Runtime})
    assert len(list(tmp_path.iterdir())) > 1
    assert report.values["answer"] == [unix_path.WORKS]


def test_every_question_has_a_known_answer_and_a_fault_that_it_catches():
    """The answers are tried above."""
    assert set(EXPECTED) == set(SCENARIOS)
    assert all(scenario.catches for scenario in SCENARIOS.values())

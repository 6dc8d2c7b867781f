"""Stored runs that are asked: the list, the trend of a row, filters, advice."""

import json
import sqlite3
import time

import pytest

from harness.api import Harm, allowed, forbidden, metric, outcomes
from harness.cli.exits import Exit

from ..compare.run_builder import cell
from .stored_runs import store

JUDGES = {"took": metric("ns"), "answer": outcomes({"kept": allowed(), "lost": forbidden("no", harm=Harm.DATA)})}


def name_of(number):
    return f"20261130-10{number:02}00-0000"


def store_runs(count, step=99):
    """Store runs in which trio takes 10 % longer from one of them on."""
    for number in range(count):
        scatter = 1 + 0.004 * (number * 7 % 5)
        took = 100 * scatter * (1.1 if number >= step else 1)
        cells = cell("asyncio", observed={"took": 100 * scatter}), cell("trio", observed={"took": took})
        store(name_of(number), *cells, judges=JUDGES, headline="took")


def test_runs_are_listed_with_their_verdict(harness):
    """The latest last, with the word that means it."""
    store("20261130-100000-0000", cell("asyncio", observed={"answer": "lost"}), judges=JUDGES, headline="answer")
    store("20261130-110000-0000", cell("asyncio"), cell("trio"), judges=JUDGES)
    code, out, _ = harness("runs")
    first, second = out.splitlines()
    assert code == 0
    assert first.split()[:2] == ["20261130-100000-0000", "latest~1"]
    assert "1 unexpected" in first
    assert "1 row, 2 cells on asyncio, trio" in second
    assert json.loads(harness("runs", "--json", "-n", "1")[1])[0]["verdict"] == "nothing unexpected"
    assert harness("show", "latest~1", "-q")[0] == Exit.FINDINGS
    assert "there are 2; the first is 20261130-100000-0000" in harness("show", "latest~7")[2]


def test_twenty_runs_are_listed_in_less_than_a_second(harness):
    """From the index; the journals are not read again."""
    store_runs(20)
    assert len(harness("runs")[1].splitlines()) == 20
    begun = time.perf_counter()
    assert len(harness("runs")[1].splitlines()) == 20
    assert time.perf_counter() - begun < 1


def test_the_index_follows_the_journals(harness, tmp_path):
    """It is made again where it is missing, stale or damaged; a run that is gone or unreadable does not stop it."""
    store_runs(2)
    harness("runs")
    runs = tmp_path / ".harness" / "runs"
    journal = runs / name_of(0) / "journal.jsonl"
    journal.write_text("no journal")
    for path in (runs / name_of(1)).iterdir():
        path.unlink()
    store_runs_later = store("20261130-120000-0000", cell("asyncio"), judges=JUDGES)
    assert store_runs_later.name in harness("runs")[1]
    assert "unreadable" in harness("runs")[1]
    assert name_of(1) not in harness("runs")[1]
    for damage in (lambda file: file.write_text("damaged"), lambda file: file.unlink(), _of_another_version):
        damage(runs / "index.db")
        assert len(harness("runs")[1].splitlines()) == 2


def _of_another_version(file):
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()


def test_a_trend_has_no_figure_of_a_forked_process(harness):
    """Such a figure is a first impression of its own run."""
    for number, is_forked in enumerate((False, True)):
        records = cell("asyncio", observed={"took": 100}), cell("trio", observed={"took": 200}, is_forked=is_forked)
        store(name_of(number), *records, judges=JUDGES, headline="took")
    lines = harness("trend", "drain")[1].splitlines()
    assert sum(name_of(0) in line for line in lines) == 2
    assert sum(name_of(1) in line for line in lines) == 1


def test_a_trend_names_the_run_in_which_a_step_began(harness):
    """With the factor; the other backend has none."""
    store_runs(20, step=12)
    code, out, _ = harness("trend", "drain")
    assert code == 0
    asyncio, trio = (part for part in out.split("drain on ") if part)
    assert "no step in 20 runs" in asyncio
    assert f"step: \xd71.10 (worse) from {name_of(12)} on" in trio
    assert "drain on" not in harness("trend", "drain", "-b", "curio")[1]


@pytest.mark.parametrize(
    ("words", "labels"), [(("-b", "trio"), ["trio"]), (("-b", "a*", "-b", "trio"), ["asyncio", "trio"])]
)
def test_a_stored_run_is_narrowed_to_backends(harness, words, labels):
    """As if only they had been asked for."""
    store("r", *(cell(name, observed={"took": 5}) for name in ("asyncio", "trio", "curio")), judges=JUDGES)
    out = harness("show", "r", *words, "--format", "json")[1]
    assert json.loads(out)["labels"] == labels
    assert "no cell of the run is left; it has asyncio" in harness("show", "r", "-b", "uvloop")[2]


def test_a_stored_run_is_narrowed_to_scenarios(harness):
    """By name or glob; the grid is shown."""
    store("r", *(cell("trio", scenario=name) for name in ("q.one", "q.two", "other")), judges=JUDGES)
    out = harness("show", "r", "-s", "q.*")[1]
    assert "q.one" in out
    assert "other" not in out


def test_advice_begins_with_what_loses_data(harness):
    """The backend without a no-go first; a rate that was not measured has the command that measures it."""
    cells = [cell("asyncio", observed={"answer": "lost"}, scenario="stream.x"), cell("trio", scenario="stream.x")]
    store("r", *cells, judges=JUDGES, headline="answer")
    code, out, _ = harness("advise", "--uses", "streams,magic", "--rate", "2000")
    assert code == 0
    assert out.index("trio: no no-go among the features in use") < out.index("\nasyncio: ")
    assert "no-go         data lost or mixed: stream.x on asyncio: lost" in out
    assert "nothing is known about magic" in out
    assert "2000/s: not measured in this run; measure it: harness run -b asyncio -s storm" in out
    assert harness("advise", "--uses", "magic")[0] == Exit.NOTHING_SELECTED
    assert json.loads(harness("advise", "--uses", "streams", "--json")[1])["rows"] == 1

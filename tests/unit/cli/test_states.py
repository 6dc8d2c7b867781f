"""States that occur every day, and that every output must tell truthfully: page, terminal, `-q`, `show`, exit code."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from msgspec.structs import replace

from harness.api import HANG_TASKS, NO_FIGURE, allowed, bounded, forbidden, info, metric, outcomes
from harness.cli.exits import Exit
from harness.model import BackendCard, Expectation, Outcome

from ..compare.run_builder import a_run, cell
from .stored_runs import store, write

ANSWERS = {"answer": outcomes({"kept": allowed("fine"), "lost": forbidden("nothing may be lost")})}
BEFORE_IT = "the run was interrupted before this cell"
FORMATS = ("terminal", "html", "json", "junit", "markdown", "github")


def answering(backend, value="kept", **fields):
    return cell(backend, observed={"answer": value}, **fields)


@pytest.fixture
def outputs(harness):
    """Return what every output says of a stored run, by name, and the exit codes of `show`."""

    def show(run, **kinds):
        texts = {name: harness("report", run, "--format", name)[1] for name in FORMATS}
        code, texts["show"], _ = harness("show", run)
        quiet_code, texts["quiet"], _ = harness("show", run, "-q")
        coloured = harness("--color", "always", "show", run, "-q")[1]
        return texts, code, quiet_code, coloured

    return show


# --- interrupted ---


@pytest.fixture
def interrupted(outputs, harness):
    """A run of which two of four cells were not run."""
    missing = [cell(backend, Outcome.NOT_RUN, reason=BEFORE_IT, scenario="other") for backend in ("asyncio", "trio")]
    store("cut", answering("asyncio"), answering("trio"), *missing, judges=ANSWERS, interrupted=True)
    return outputs("cut")


def test_an_interrupted_run_has_no_verdict_anywhere(interrupted):
    """It is incomplete in every output, and nothing calls it fine."""
    texts, code, quiet_code, _ = interrupted
    assert (code, quiet_code) == (Exit.INCOMPLETE, Exit.INCOMPLETE) == (5, 5)
    for name, text in texts.items():
        said = " ".join(text.split())
        assert "2 of 4 cells not run" in said, name
        assert "nothing unexpected" not in said, name
        assert " agree" not in said, name


def test_an_interrupted_run_is_amber_and_says_how_it_goes_on(interrupted):
    """Yellow on a terminal, amber on the page, a warning sign in Markdown, an error in JUnit."""
    texts, *_, coloured = interrupted
    assert coloured.startswith("\x1b[1;33mINCOMPLETE: ")
    assert '<h1 class="verdict odd">' in texts["html"]
    assert texts["markdown"].startswith("### ⚠️")
    assert "::warning title=harness::INCOMPLETE" in texts["github"]
    assert json.loads(texts["json"])["verdict"]["tone"] == "odd"
    error = ET.fromstring(texts["junit"]).find(".//testcase[@name='the run is complete']/error")
    assert error is not None
    assert error.get("type") == "incomplete"
    for name in ("show", "quiet", "html", "markdown"):
        assert "harness resume cut" in texts[name], name


def test_what_was_found_before_the_interrupt_counts(outputs):
    """A bug that was seen is one, however the run ended."""
    missing = cell("trio", Outcome.NOT_RUN, reason=BEFORE_IT)
    store("cut", answering("asyncio", "lost"), missing, judges=ANSWERS, interrupted=True)
    texts, code, *_ = outputs("cut")
    assert code == Exit.FINDINGS
    assert "1 of 2 cells not run" in texts["quiet"]
    assert "1 unexpected finding: 1 violation so far" in " ".join(texts["quiet"].split())


def test_nothing_is_stale_in_an_incomplete_run(outputs):
    """What did not occur in a part of the rows may occur in the rest."""
    missing = cell("asyncio", Outcome.NOT_RUN, reason=BEFORE_IT, parameters={"n": 2})
    cells = answering("asyncio", parameters={"n": 1}), missing
    store("part", *cells, judges=ANSWERS, interrupted=True, expectations=(KNOWN,))
    texts, code, *_ = outputs("part")
    assert code == Exit.INCOMPLETE
    assert "STALE" not in texts["terminal"]


def test_a_run_without_a_footer_is_incomplete(outputs, tmp_path):
    """It was killed: every cell that was begun may have been the last one."""
    folder = store("killed", answering("asyncio"), answering("trio"), judges=ANSWERS)
    journal = folder / "journal.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))
    texts, code, *_ = outputs("killed")
    assert code == Exit.INCOMPLETE
    assert texts["quiet"].startswith("INCOMPLETE: the run did not end")


def test_what_is_known_not_to_run_leaves_a_run_whole(outputs):
    """A capability that a backend lacks, and a host that lacks what a scenario needs, are answers."""
    lacking = cell("trio", Outcome.NOT_RUN, reason="it needs 4 cores, this host has 2")
    store("whole", answering("asyncio"), answering("threads"), lacking, judges=ANSWERS)
    texts, code, *_ = outputs("whole")
    assert (code, texts["quiet"].strip()) == (
        Exit.OK,
        "nothing unexpected: 1 of 1 row agrees",
    )


# --- known bugs ---

KNOWN = Expectation(scenario="drain", backends=("asyncio",), key="answer", value="lost", reason="listed")


def test_a_known_breach_of_one_backend_does_not_acquit_another(outputs):
    """All break the contract, one of them as listed: the other one is charged, and the scenario is not suspect."""
    store("both", answering("asyncio", "lost"), answering("trio", "lost"), judges=ANSWERS, expectations=(KNOWN,))
    texts, code, *_ = outputs("both")
    assert code == Exit.FINDINGS
    for name, text in texts.items():
        assert "suspect" not in text.lower() or name in ("html", "json"), name
    assert "VIOLATION  drain on trio: answer: 'lost' is forbidden" in texts["quiet"]
    found = [(finding["kind"], finding["backends"]) for finding in json.loads(texts["json"])["findings"]]
    assert ("suspect scenario", ["trio"]) not in found


def test_what_every_backend_breaks_is_charged_to_the_library_under_test(outputs):
    """A scenario about a library is not suspect: each output names the library."""
    run = a_run(answering("asyncio", "lost"), answering("trio", "lost"), judges=ANSWERS)
    cards = tuple(replace(card, subject="anyio 4.9") for card in run.started.scenarios)
    write(Path(".harness/runs/library"), replace(run, started=replace(run.started, scenarios=cards)))
    texts, code, *_ = outputs("library")
    assert code == Exit.FINDINGS
    assert "VIOLATION  drain on asyncio, trio" in texts["quiet"]
    for name in ("terminal", "show", "html", "json", "junit"):
        assert "anyio 4.9" in texts[name], name


def test_variants_and_loops_inherit_what_is_known(outputs):
    """No column of a variant, or of a derived backend, is charged with a known bug of its base."""
    derived = BackendCard(label="myloop", name="myloop", summary="", derives_from=("asyncio",))
    labels = ("asyncio", "asyncio:offload=executor", "asyncio:loop=a:Loop", "myloop")
    cells = [answering(label, "lost") for label in labels]
    store("family", *cells, answering("trio"), judges=ANSWERS, expectations=(KNOWN,), cards=(derived,))
    texts, code, *_ = outputs("family")
    assert code == Exit.OK
    assert "0 of 1 row agrees, 1 known" in texts["quiet"]


# --- counts ---


def test_counts_count_what_they_say(outputs):
    """Rows where all gave the same answer, or one did not run, are not answered differently."""
    expectations = (
        Expectation(scenario="q.known", backends=("asyncio", "trio"), key="answer", value="lost", reason="listed"),
    )
    cells = [answering(backend, "lost", scenario="q.known") for backend in ("asyncio", "trio")]
    cells += [answering("asyncio", scenario="q.alone"), cell("trio", Outcome.UNAVAILABLE, scenario="q.alone")]
    cells += [answering("asyncio", scenario="q.differs"), answering("trio", "late", scenario="q.differs")]
    cells += [answering(backend, scenario="q.alike") for backend in ("asyncio", "trio")]
    judges = {"answer": outcomes({"kept": allowed(), "late": allowed(), "lost": forbidden("no")})}
    store("counts", *cells, judges=judges, headline="answer", expectations=expectations)
    texts, *_ = outputs("counts")
    said = "1 answered differently, 1 known, 1 not run on every backend of 4 questions"
    assert said in texts["terminal"]


# --- saboteurs ---


@pytest.mark.parametrize(("value", "word"), [("lost", "planted fault caught"), ("kept", "planted fault not caught")])
def test_a_planted_fault_is_caught_or_missed(harness, value, word):
    """In the details of its cell, not only in the score."""
    card = BackendCard(label="saboteur", name="saboteur", summary="", planted=True, derives_from=("asyncio",))
    cells = answering("asyncio"), answering("saboteur", value)
    store("sabotaged", *cells, judges=ANSWERS, cards=(card,), request={"saboteurs": True})
    title = harness("show", "sabotaged", "@saboteur")[1].splitlines()[0]
    assert title.endswith(f"drain on saboteur  {word}")


# --- figures that were withheld ---


def test_a_figure_that_was_withheld_says_why(outputs):
    """In words and numbers, in amber, with what to do, and counted in the summary."""
    why = "the client started 150 connections/s where 200 were due; lower the rate, or free the machine"
    cells = cell("asyncio", observed={"took": 5}), cell("trio", observed={NO_FIGURE: why})
    store("late", *cells, judges={"took": metric("ms"), NO_FIGURE: info()}, headline="took")
    texts, code, *_ = outputs("late")
    assert code == Exit.OK
    assert "not measured: 1 row" in " ".join(texts["quiet"].split())
    for name in ("terminal", "html"):
        assert "○" in texts[name], name
        assert why in " ".join(texts[name].split()), name
    (row,) = json.loads(texts["json"])["rows"]
    assert [(square["withheld"], square["reason"]) for square in row["cells"]] == [(False, ""), (True, why)]


def test_a_row_that_has_no_figure_by_nature_is_measured(outputs):
    """Nobody gives one, and nobody says why."""
    store("none", cell("asyncio"), cell("trio"), judges={"took": metric("ms")}, headline="took")
    texts, *_ = outputs("none")
    assert "not measured" not in texts["terminal"]


# --- the machine ---


def test_load_and_noise_are_named_in_every_report(outputs):
    """A busy machine explains more than figures."""
    noise = "noisy (p90 80 % above the median, 30 % of time lost to stalls), load 9.8 on 2 CPUs"
    store("busy", answering("asyncio"), answering("trio"), judges=ANSWERS, environment={"noise": noise})
    texts, *_ = outputs("busy")
    for name in ("terminal", "html", "markdown", "json"):
        assert "load 9.8 on 2 CPUs" in " ".join(texts[name].split()), name


@pytest.mark.parametrize(("pace", "code"), [("limited: 150 of 200 connections/s", Exit.OK), ("ok", Exit.FINDINGS)])
def test_what_the_machine_could_not_do_is_no_bug_of_a_backend(outputs, pace, code):
    """A storm is judged only where its generator kept the pace; which it did not is shown."""
    judges = {"timed out": bounded(at_most=0, only_where={"generator": "ok"}), "generator": info()}
    late = cell("trio", observed={"timed out": 4, "generator": pace})
    store("storm", cell("asyncio", observed={"timed out": 0, "generator": "ok"}), late, judges=judges)
    texts, seen, *_ = outputs("storm")
    assert seen == code
    is_charged = code is Exit.FINDINGS
    for name in ("terminal", "show", "quiet", "junit", "github"):
        assert ("timed out is more than 0" in " ".join(texts[name].split())) is is_charged, name


# --- expectations that are proposed ---


def test_a_bug_is_not_listed_until_a_person_writes_the_reason(harness):
    """The proposal has an empty reason, and is refused as it is."""
    store("new", answering("asyncio"), answering("myloop", "lost"), judges=ANSWERS)
    code, proposed, _ = harness("expect", "new")
    assert code == Exit.OK
    assert 'reason = ""' in proposed
    Path("known.toml").write_text(proposed)
    code, _, said = harness("matrix", "--expectations", "known.toml", "-b", "asyncio", "-s", "channel.capacity-zero")
    assert code == Exit.USAGE
    assert "has no reason" in said


# --- questions that give up waiting ---


def test_a_question_that_gave_up_waiting_saw_a_hang(outputs):
    """It ended by its own deadline: counted as a hang in every output, with where each task was."""
    line = "reader waits for read: streams.py:9 in receive_some"
    judges = {"answer": outcomes({"ends": allowed(), "never ends": forbidden("it ends")}), HANG_TASKS: info()}
    stuck = cell("trio", observed={"answer": "never ends", HANG_TASKS: line})
    store("stuck", cell("asyncio", observed={"answer": "ends"}), stuck, judges=judges, headline="answer")
    texts, code, *_ = outputs("stuck")
    assert code == Exit.FINDINGS
    assert texts["quiet"].startswith("1 unexpected finding: 1 hang")
    assert "HANG  drain on trio" in texts["terminal"]
    for name in ("terminal", "html", "junit"):
        assert line in " ".join(texts[name].split()), name
    (finding,) = json.loads(texts["json"])["findings"]
    assert finding["kind"] == "hang"

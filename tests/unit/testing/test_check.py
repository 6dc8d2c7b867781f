"""What a check says of a backend that breaks one promise, and of one that breaks none."""

import datetime as dt
import inspect
import platform
from pathlib import Path

import pytest

from harness.api import CHAPTERS, Backend, BackendOption, Capability, Offer, Support, runtime
from harness.model import KnownBreach, UsageError
from harness.plugins import Catalogue, Plugins
from harness.testing.breaches import select_breaches
from harness.testing.check import Check, CheckReport, Finding, Verdict, check_backend, describe_promise
from harness.testing.clauses import CLAUSES

HERE = Path(__file__).parent
ATTESTED, TIDY, NONSENSE, FAILS, WAITS, BLOCKS = (
    "the backend that runs is the requested one",
    "a run leaves nothing behind",
    "a scenario that needs an absent capability is unsupported",
    "a scenario that raises is reported with its exception",
    "a task that waits for ever is seen as hung, and ended",
    "a call that never returns is seen as hung, and ended",
)
SLEEP = "sleep does not return before its time"
LOCK = next(clause.name for clause in CLAUSES if clause.of == "Lock.acquire")
CHOICE = BackendOption(
    name="group",
    default="taskgroup",
    summary="",
    choices=("taskgroup", "gather"),
    offers={"gather": {Capability.RENDEZVOUS: Offer(Support.ABSENT, "not there")}},
)


@pytest.fixture(autouse=True)
def _beside(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def ask(runner, *questions, spec="planted", breaches=(), **declared):
    """Return what became of these questions, by question."""
    chapters = {chapter: Offer(Support.NATIVE) for chapter in CHAPTERS}
    backend = Backend(name="planted", summary="", runner=runner, capabilities=chapters, **declared)
    catalogue = Catalogue(
        backends={"planted": backend}, scenarios={}, renderers={}, plugins=(), breaches=tuple(breaches)
    )
    return {finding.question: finding for finding in Check(spec, catalogue).run(questions)}


def ask_saboteur(fault, *questions, **more):
    """Return what became of these questions on a shipped saboteur."""
    options = (BackendOption(name="fault", default=fault, summary=""),)
    return ask(
        "harness_saboteurs.runner:SaboteurRunner", *questions, spec=f"planted:fault={fault}", options=options, **more
    )


def test_a_shipped_saboteur():
    """Its fault is found as a clause that is broken."""
    (finding,) = ask_saboteur("timer-early", SLEEP).values()
    assert finding.verdict is Verdict.BROKEN
    assert finding.summary.startswith("AssertionError: ")


def test_the_conduct_of_a_healthy_backend():
    """All of it holds, hangs included; what it does not lack is not asked."""
    found = ask("harness_asyncio.backend:AsyncioRunner", ATTESTED, TIDY, NONSENSE, FAILS, WAITS, BLOCKS)
    assert [(name, finding.verdict, finding.error) for name, finding in found.items()] == [
        (ATTESTED, Verdict.HOLDS, ""),
        (TIDY, Verdict.HOLDS, ""),
        (NONSENSE, Verdict.NOT_ASKED, "the backend declares nothing absent"),
        (FAILS, Verdict.HOLDS, ""),
        (WAITS, Verdict.HOLDS, ""),
        (BLOCKS, Verdict.HOLDS, ""),
    ]


@pytest.mark.parametrize(
    ("runner", "question", "summary"),
    [
        ("Lying", ATTESTED, "the cell must be 'completed', and is 'wrong backend'"),
        ("Leaking", TIDY, "fd "),
        ("Swallowing", FAILS, "the cell must be 'raised', and is 'completed'"),
        ("Renaming", FAILS, "PlannedFailure was raised, and 'OSError' is reported"),
        ("Impatient", WAITS, "the cell must be 'hung', and is 'completed'"),
        ("Stuck", WAITS, "hung before it came to where it should"),
        ("Forgetful", LOCK, "NotImplementedError: no lock yet"),
    ],
)
def test_a_broken_promise(runner, question, summary):
    """It is found, with what was promised."""
    (finding,) = ask(f"planted_runners:{runner}", question).values()
    assert finding.verdict is Verdict.BROKEN
    assert finding.summary.startswith(summary), finding.error
    assert finding.promise == describe_promise(finding.about)


def test_where_to_look():
    """The innermost line below the clause."""
    (finding,) = ask("planted_runners:Forgetful", LOCK).values()
    file = HERE / "planted_runners.py"
    line = file.read_text().splitlines().index('    raise NotImplementedError("no lock yet")') + 1
    assert finding.where == f"{file}:{line} in create_lock"


def test_a_backend_that_is_not_installed():
    """Said once, with its own error; nothing else is asked."""
    found = ask("nowhere:Runner", ATTESTED, FAILS, SLEEP)
    assert "No module named 'nowhere'" in found[ATTESTED].error
    assert [found[name].verdict for name in (FAILS, SLEEP)] == [Verdict.NOT_ASKED] * 2
    clauses = ask("nowhere:Runner", SLEEP, LOCK)
    assert [finding.verdict for finding in clauses.values()].count(Verdict.BROKEN) == 1


def test_what_is_declared_absent():
    """Its clauses are not asked, for the reason that was given; a scenario that needs it is unsupported."""
    rendezvous = next(clause.name for clause in CLAUSES if Capability.RENDEZVOUS in clause.requires)
    runner, asyncio = "harness_asyncio.backend:AsyncioRunner", {"options": (CHOICE,)}
    absent = ask(runner, NONSENSE, rendezvous, spec="planted:group=gather", **asyncio)
    assert (absent[NONSENSE].verdict, absent[rendezvous].verdict) == (Verdict.HOLDS, Verdict.NOT_ASKED)
    assert absent[rendezvous].error == "declared absent: not there"
    present = ask(runner, NONSENSE, **asyncio)
    assert present[NONSENSE].verdict is Verdict.NOT_ASKED


def breach(clause=SLEEP, **more):
    """Return a breach that is known of the planted backend."""
    return KnownBreach(**{"clause": clause, "backends": ("planted*",), "reason": "so slow", "source": "s.toml"} | more)


def test_a_breach_that_is_known():
    """It is no breach of the adapter's; the reason, the reference and who declares it are said."""
    known = breach(reference="bug 7")
    (finding,) = ask_saboteur("timer-early", SLEEP, breaches=[known]).values()
    assert (finding.verdict, finding.known) == (Verdict.KNOWN, "so slow (bug 7); says s.toml")
    assert finding.summary.startswith("AssertionError")


def test_a_breach_that_is_gone():
    """What is declared as broken and holds is stale, unless it is broken only sometimes."""
    runner = "harness_asyncio.backend:AsyncioRunner"
    (finding,) = ask(runner, SLEEP, breaches=[breach()]).values()
    assert (finding.verdict, finding.error) == (Verdict.STALE, "it holds, and is declared as broken")
    (finding,) = ask(runner, SLEEP, breaches=[breach(sometimes=True)]).values()
    assert (finding.verdict, finding.known) == (Verdict.HOLDS, "")


def test_a_backend_that_cannot_be_run_breaks_nothing_that_is_known():
    """Else whoever asks for that clause alone would be told that all is well."""
    (finding,) = ask("nowhere:Runner", SLEEP, breaches=[breach()]).values()
    assert finding.verdict is Verdict.BROKEN


def test_a_breach_of_what_nobody_asks():
    """A clause that was renamed: it is said, before the questions are put."""
    backend = Backend(name="planted", summary="", runner="nowhere:Runner")
    known = (breach("renamed"),)
    check = Check(
        "planted",
        Catalogue(backends={"planted": backend}, scenarios={}, renderers={}, plugins=(), breaches=known),
    )
    finding = next(check.run())
    assert (finding.question, finding.verdict) == ("renamed", Verdict.STALE)
    assert finding.error == "s.toml declares it as broken, and there is no such question"


@pytest.mark.parametrize(
    ("conditions", "is_current"),
    [
        ({}, True),
        ({"backends": ("other", "planted")}, True),
        ({"backends": ("other",)}, False),
        ({"when": {"python": ">=3.11"}}, True),
        ({"when": {"python": "<3.11"}}, False),
        ({"when": {"msgspec": ">0", "cores": ">=1"}}, True),
        ({"when": {"msgspec": "<0.1"}}, False),
        ({"when": {"not-installed-at-all": ">0"}}, False),
        ({"when": {"system": platform.system().lower()}}, True),
        ({"when": {"system": "Plan 9"}}, False),
        ({"expires": dt.date(2020, 1, 1)}, False),
        ({"expires": dt.date(9999, 1, 1)}, True),
    ],
)
def test_where_a_breach_is_known(conditions, is_current):
    """On the backends and under the conditions that it names, until it expires."""
    assert (SLEEP in select_breaches([breach(**conditions)], "planted")) is is_current


def test_the_score():
    """What was not asked counts for nothing, and a backend of which nothing could be asked has not passed."""

    def report(*verdicts):
        return CheckReport(
            backend="x", findings=tuple(Finding(question=str(v), about="Runtime", verdict=v) for v in verdicts)
        )

    good = report(Verdict.HOLDS, Verdict.NOT_ASKED)
    assert (good.held, good.asked, good.broken, good.passed) == (1, 1, (), True)
    bad = report(Verdict.HOLDS, Verdict.BROKEN, Verdict.NOT_ASKED)
    assert (bad.held, bad.asked, len(bad.broken), bad.passed) == (1, 2, 1, False)
    assert not report(Verdict.NOT_ASKED).passed
    known = report(Verdict.HOLDS, Verdict.KNOWN)
    assert (known.held, known.asked, len(known.known), known.passed) == (1, 2, 1, True)
    assert not report(Verdict.KNOWN).passed
    assert not report(Verdict.HOLDS, Verdict.STALE).passed


def test_every_question_has_a_promise():
    """What is about nothing that is documented could not be mended."""
    catalogue = Catalogue(
        backends={"x": Backend(name="x", summary="", runner="m:C")}, scenarios={}, renderers={}, plugins=()
    )
    questions = Check("x", catalogue).questions
    assert {clause.name for clause in CLAUSES} < questions.keys()
    assert [about for about in questions.values() if not describe_promise(about)] == []
    assert describe_promise("Runtime.sleep") == " ".join(inspect.getdoc(runtime.Runtime.sleep).split())


def test_a_backend_that_nobody_brings():
    """The same error as everywhere."""
    with pytest.raises(UsageError, match="unknown backend 'x'"):
        check_backend("x", Catalogue(backends={}, scenarios={}, renderers={}, plugins=()))


@pytest.mark.parametrize(
    ("only", "about"),
    [(("Lock",), "Lock"), (("TaskGroup.spawn",), "TaskGroup.spawn"), (("Runtime.fail_*",), "Runtime.fail_after")],
)
def test_a_part_of_the_questions(only, about):
    """Those about a subject, by a text or a glob; progress counts them, and no costs are measured."""
    told = []
    report = check_backend("asyncio", Plugins().catalogue(), only, lambda *counts: told.append(counts))
    assert {finding.about for finding in report.findings if finding.about.startswith(about)}
    assert len(report.findings) < 30
    assert told[-1] == (len(report.findings), len(report.findings))
    assert (report.costs, report.broken) == ((), ())


def test_no_question_matches():
    """It is a mistake of usage, and nothing is asked."""
    with pytest.raises(UsageError, match="no question matches telepathy"):
        check_backend("asyncio", Plugins().catalogue(), ("telepathy",))

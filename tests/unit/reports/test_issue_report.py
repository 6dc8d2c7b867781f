"""A bug report that can be pasted upstream."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.api import allowed, forbidden, outcomes, trace
from harness.compare import compare
from harness.model import Autopsy, ErrorReport, Expectation, LastSeen, Outcome, RenderOptions
from harness_reports.issue_report import render_issue
from harness_reports.private import without_paths

from ..compare.run_builder import a_run, cell, steps, unhandled
from .hostile_runs import EVIL, hostile
from .sample_runs import show

ANSWERS = {"answer": outcomes({"all": allowed(), "none": forbidden("lost", "https://example.org/none")})}


def answered(**answers):
    """Return a run in which each backend gave an answer; the last one first, as the subject."""
    cells = [cell(name, observed={"answer": answer}) for name, answer in answers.items()]
    return a_run(*reversed(cells), judges=ANSWERS, headline="answer")


def test_it_has_everything_that_a_maintainer_asks_for():
    """Title, versions, platform, one command, expected with reference, observed with what the others do."""
    run = answered(asyncio="all", uvloop="all", trio="none")
    started = msgspec.structs.replace(
        run.started, environment={"system": "Linux", "machine": "x86_64", "versions": {"runtime-harness": "1.2"}}
    )
    text = show(render_issue, msgspec.structs.replace(run, started=started))
    assert text.startswith("# trio: answer: 'none' is forbidden (drain)\n")
    for words in (
        "| trio | 0.35.0 |",
        "| python | cpython 3.11.7 |",
        r"| platform | Linux x86\_64 |",
        "| harness | 1.2 |",
        "```sh\nharness run --backend trio --scenario drain\n```",
        "another answer than 'none': lost",
        "| `none` | **trio** | 1 of 1 |",
        "| `all` | uvloop, asyncio | 1 of 1 |",
    ):
        assert words in text


SCRIPT = '''"""A drain ends.

API: Pool.drain, which
waits.
Peer: reads *nothing*.
"""

if True:
    print("```")
'''


def test_the_standalone_script_is_in_it_as_it_is():
    """Before the command that needs harness, with the API and the peer at the top."""
    text = render_issue((run := answered(asyncio="all", trio="none")), compare(run), RenderOptions(script=SCRIPT))
    assert f"````python\n{SCRIPT}````\n\nWith harness installed" in text
    assert "**API:** Pool.drain, which waits.\n\n**Peer:** reads \\*nothing\\*.\n" in text
    assert "python\n" not in show(render_issue, run)


def test_expectation_files_are_not_mentioned():
    """The maintainers of a runtime have none; what is known of the problem is related."""
    run = answered(asyncio="all", trio="none")
    known = Expectation(scenario="drain", backends=("trio",), key="answer", value="none", reason="upstream knows")
    started = msgspec.structs.replace(run.started, expectations=(known,))
    text = show(render_issue, msgspec.structs.replace(run, started=started))
    assert "Related: upstream knows." in text
    assert "Known" not in text
    assert "expectation" not in text.lower()


def test_the_reference_is_a_link():
    """To where the expectation is written down."""
    text = show(render_issue, answered(asyncio="all", trio="none"))
    assert "Reference: <https://example.org/none>" in text


def test_the_trace_shows_the_steps_around_the_first_difference():
    """Not all of them; a cell that took no step has its column."""
    long = " ".join(f"s{number}" for number in range(40))
    run = a_run(
        cell("trio", Outcome.COMPLETED, *steps(reader=f"{long} odd")),
        cell("asyncio", Outcome.COMPLETED, *steps(reader=f"{long} even")),
        cell("uvloop", Outcome.COMPLETED, *steps(reader=f"{long} even")),
        judges={"trace": trace()},
    )
    text = show(render_issue, run)
    assert "| 41 ≠ | even | odd |" in text
    assert "| 35 | s34 | s34 |" in text
    assert "s20" not in text
    silent = a_run(cell("trio"), cell("asyncio", Outcome.COMPLETED, *steps(reader="a")), judges={"trace": trace()})
    assert "| 1 ≠ | (no further step) | a |" in show(render_issue, silent)


def test_a_hang_has_its_autopsy_and_stacks_and_a_crash_its_traceback():
    """Without where files lie on this machine."""
    stacks = (
        'Thread 0x1 (most recent call first):\n  File "/home/alice/v/lib/python3.11/site-packages/trio/_run.py", line 3'
    )
    autopsy = Autopsy(
        diagnosis="lost wake-up",
        reasons=("idle",),
        tasks=("main", "  reader"),
        descriptors=("5 socket",),
        waits=("reader waits for read, since before 2.10 s",),
        last_seen=(LastSeen(what="items: 3", at=0.12),),
    )
    hung = cell("trio", Outcome.HUNG, reason="no progress", stacks=stacks, autopsy=autopsy)
    text = show(render_issue, a_run(hung, cell("asyncio")))
    waits = "waits:\n  reader waits for read, since before 2.10 s"
    last_seen = "last seen of each actor:\n  observed items: 3 at 0.120 s"
    tasks = "tasks:\n  main\n    reader\ndescriptors:\n  5 socket"
    assert f"lost wake-up: idle\n{waits}\n{last_seen}\n{tasks}" in text
    assert '  File "trio/_run.py", line 3' in text
    assert "alice" not in text
    error = ErrorReport(type="OSError", message="no", traceback='  File "/srv/alice/s.py", line 1\nOSError: no')
    raised = show(render_issue, a_run(cell("trio", Outcome.RAISED, error=error), cell("asyncio")))
    assert '  File "…/s.py", line 1\nOSError: no' in raised
    dropped = show(render_issue, a_run(cell("trio", unhandled=(unhandled(),)), cell("asyncio")))
    assert "## Unhandled exceptions" in dropped


def test_of_a_whole_run_it_is_about_the_heaviest_finding():
    """As `harness report --format issue` calls it."""
    run = a_run(
        cell("asyncio", scenario="fine"),
        cell("asyncio", scenario="bad"),
        cell("trio", Outcome.HUNG, scenario="bad", reason="stuck"),
    )
    assert show(render_issue, run).startswith("# trio: hangs")
    expected = Expectation(scenario="bad", backends=("trio",), reason="upstream knows")
    started = msgspec.structs.replace(run.started, expectations=(expected,))
    known = msgspec.structs.replace(
        run, started=started, records=(*run.records, cell("curio", unhandled=(unhandled(),)))
    )
    assert show(render_issue, known).startswith("# curio: unhandled exception")
    assert show(render_issue, a_run()) == "nothing was run: there is nothing to report\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            'File "/root/.pyenv/versions/3.11.7/lib/python3.11/asyncio/x.py", line 2',
            'File "python3.11/asyncio/x.py", line 2',
        ),
        ("/home/bob/.venv/lib/python3.13t/site-packages/curio/meta.py:3", "curio/meta.py:3"),
        ('File "/Users/bob smith/My Code/a.py"', 'File "…/a.py"'),
        ("opened /home/bob/x/data.txt, then", "opened …/data.txt, then"),
        ("file:///home/bob/x.html", "…/x.html"),
        ("config=/etc/app/x.toml", "config=…/x.toml"),
        ('File "~/v/lib/python3.11/site-packages/trio/_run.py", line 3', 'File "trio/_run.py", line 3'),
        ("opened ~/x/data.txt, then", "opened …/data.txt, then"),
        ("see https://docs.python.org/3/library/x.html", "see https://docs.python.org/3/library/x.html"),
        ("reads /proc/self/fd/3", "reads /proc/self/fd/3"),
        ("1/2 and a/b", "1/2 and a/b"),
        (r'File "C:\Users\bob\a.py"', 'File "…/a.py"'),
    ],
)
def test_paths_keep_what_a_maintainer_needs(text, shown):
    """And nothing of the machine."""
    assert without_paths(text) == shown


@settings(max_examples=25, deadline=None)
@given(st.one_of(st.just(EVIL), st.text(st.characters(), min_size=1, max_size=30)))
def test_hostile_text_does_nothing(text):
    """No markup, no control character; tables stay tables."""
    run = hostile(text)
    made = render_issue(run, compare(run), RenderOptions())
    made.encode()
    assert all(line.isprintable() for line in made.split("\n"))
    outside, inside = [], False
    for line in made.split("\n"):
        inside ^= line.startswith("```")
        outside += [] if inside else [line]
    assert not any(line.startswith(("<script", "<img")) for line in outside)

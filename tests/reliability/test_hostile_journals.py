"""Journals from anywhere, with the structure of one and hostile values: they are read, or refused in a line."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.cli.comparing import _FORMATS, _render
from harness.cli.expect import update_text
from harness.cli.show import judged_by, narrow
from harness.cli.timeline import render_timeline
from harness.compare import compare, compare_runs, propose_expectations
from harness.journal import JOURNAL_NAME, RunStore, merge_runs, read_events, read_run
from harness.model import RenderOptions, UsageError
from harness.plugins import Plugins
from harness.session.run_so_far import RunSoFar

from .hostile_journals import hostile_lines, write_base


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Return the folder of a journal with which nothing is wrong."""
    folder = tmp_path_factory.mktemp("base")
    write_base(folder)
    assert read_run(folder).complete
    return folder


@pytest.fixture(scope="module")
def renderers():
    """Return the report formats of the installed plugins."""
    return list(Plugins().catalogue().renderers.values())


def use_everywhere(folder, base, renderers, random):
    """Do what `show`, `report`, `compare`, `expect`, `merge` and the start of `resume` do with a run.

    Of the formats, one that is chosen by a `Random`.
    """
    run = read_run(folder)
    comparison = compare(run)
    sides = (judged_by(run, None, allow_disparity=True), comparison)
    renderer = random.choice(renderers)
    renderer.render(*sides, RenderOptions(verbosity=1, run_path="run")).encode(errors="replace")
    update_text("", propose_expectations(comparison), {})
    RunSoFar(run.started.request, read_events(folder))
    for part in (
        lambda: list(render_timeline(read_events(folder))),
        lambda: narrow(run, comparison, "trio"),
        lambda: merge_runs((folder, base), RunStore(folder), force=True),
    ):
        with suppress(UsageError):
            part()
    whole = read_run(base)
    for pair in (((whole, compare(whole)), sides), (sides, (whole, compare(whole)))):
        changes = compare_runs(*pair, across_machines=True, margin=0.03)
        _render(changes, random.choice(_FORMATS), (), verbose=True)


def try_variant(base, renderers, random):
    """Use a variant of a journal, which may be refused."""
    with TemporaryDirectory() as name, suppress(UsageError):
        folder = Path(name)
        (folder / JOURNAL_NAME).write_bytes(hostile_lines((base / JOURNAL_NAME).read_bytes().splitlines(), random))
        use_everywhere(folder, base, renderers, random)


def fuzz(base, renderers, number):
    """Try so many variants."""

    @settings(max_examples=number, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.randoms())
    def check(random):
        try_variant(base, renderers, random)

    check()


def test_a_hostile_journal(base, renderers):
    """Whatever its values are: no command ends in an error of ours."""
    fuzz(base, renderers, 25)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_ten_thousand_hostile_journals(base, renderers):
    """The same, with 10,000 variants."""
    fuzz(base, renderers, 10_000)

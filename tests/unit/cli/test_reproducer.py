"""Standalone reproducers: which file asks a question of a backend, and what the backend writes into it."""

import sys

import pytest
from click.testing import CliRunner

from harness.api import Backend, BackendOption, Scenario
from harness.cli.main import harness, load_plugins
from harness.model import BackendSpec
from harness.plugins.reproducers import list_scripts, read_script
from harness_asyncio.plugin import harness_backends as asyncio_backends
from harness_uvloop.plugin import harness_backends as uvloop_backends

(ASYNCIO,), (UVLOOP,) = asyncio_backends(), uvloop_backends()
LINE = "from asyncio import new_event_loop  # the event loop under test\n"


@pytest.fixture
def scenario(tmp_path, monkeypatch):
    """A scenario of a third-party package, with scripts for asyncio, one of its idioms, and a runtime of its own."""
    package = f"scripts_of_{tmp_path.name}".replace("-", "_")
    folder = tmp_path / package / "reproducers" / "pool.returns"
    folder.mkdir(parents=True)
    (tmp_path / package / "__init__.py").touch()
    for name, text in {"asyncio": LINE, "asyncio.io=sock": f"sock\n{LINE}", "own": "own\n"}.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Scenario(
        name="pool.returns",
        question="?",
        contract=(),
        ref="x:y",
        roles={},
        parameters=(),
        judges={},
        headline="answer",
        rows={},
        scripts=f"{package}:reproducers",
    )
    sys.modules.pop(package, None)


@pytest.mark.parametrize(
    ("backend", "options", "text"),
    [
        (ASYNCIO, {}, LINE),
        (ASYNCIO, {"loop": "rloop"}, "from rloop import new_event_loop  # the event loop under test\n"),
        (
            ASYNCIO,
            {"loop": "a.b:make", "debug": "true"},
            "from a.b import make as new_event_loop  # the event loop under test\n",
        ),
        (UVLOOP, {}, "from uvloop import new_event_loop  # the event loop under test\n"),
        (UVLOOP, {"io": "sock"}, "sock\nfrom uvloop import new_event_loop  # the event loop under test\n"),
        (ASYNCIO, {"io": "streams"}, LINE),
        (ASYNCIO, {"group": "gather"}, ""),
        (ASYNCIO, {"group": "gather", "io": "sock"}, ""),
    ],
)
def test_the_script_names_the_loop_under_test(scenario, backend, options, text):
    """Other idioms have files of their own, because they call something else."""
    assert read_script(scenario, backend, BackendSpec(backend.name, tuple(options.items()))) == text


def test_a_backend_without_a_writer_has_the_text_as_it_is(scenario):
    """Its own name is the runtime's; an option that is no idiom changes no file."""
    own = Backend(
        name="own", summary="", runner="x:Y", options=(BackendOption(name="debug", default="no", summary=""),)
    )
    assert read_script(scenario, own, BackendSpec("own", (("debug", "yes"),))) == "own\n"
    assert list_scripts(scenario) == ["asyncio", "asyncio.io=sock", "own"]


def test_a_scenario_without_scripts_has_none(scenario):
    """Neither one that declares no folder, nor one whose folder is not there."""
    import msgspec

    for scripts in ("", scenario.scripts.replace("reproducers", "nothing")):
        bare = msgspec.structs.replace(scenario, scripts=scripts)
        assert (list_scripts(bare), read_script(bare, ASYNCIO, BackendSpec("asyncio"))) == ([], "")


def call(*words):
    load_plugins()
    return CliRunner().invoke(harness, ["script", *words], catch_exceptions=True)


def test_the_command_prints_the_script():
    """For the backend that is named, or for the first."""
    name = "stream.reset-while-reading"
    assert "\nfrom asyncio import new_event_loop" in call(name).output
    assert "\nfrom rloop import new_event_loop" in call(name, "--backend", "asyncio:loop=rloop").output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("storm",), "scenario 'storm' brings no standalone script"),
        (
            ("stream.reset-while-reading", "-b", "asyncio:group=gather"),
            "scenario 'stream.reset-while-reading' brings no standalone script for asyncio:group=gather; it has",
        ),
    ],
)
def test_what_has_no_script_is_refused(words, message):
    """With what there is."""
    assert message in str(call(*words).exception)

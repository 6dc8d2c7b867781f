"""Guarded loading: one broken plugin does not stop the program."""

import subprocess
import sys
import textwrap
from importlib.metadata import EntryPoint

import pytest

from harness.model import RunFinished, UsageError
from harness.plugins import GROUP, Plugins

HEALTHY = """
    from harness.api import Backend
    from harness.plugins import hookimpl

    @hookimpl
    def harness_backends():
        return [Backend(name="{name}", summary="", runner="x:Y")]
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Write plugin modules and load them as entry points, in the order given."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def load(**sources):
        points = []
        for name, source in sources.items():
            module = f"plugin_of_{tmp_path.name}_{name}".replace("-", "_")
            (tmp_path / f"{module}.py").write_text(textwrap.dedent(source))
            points.append(EntryPoint(name=name, value=module, group=GROUP))
        return Plugins(points)

    return load


def report(plugins, name):
    (found,) = [plugin for plugin in plugins.catalogue().plugins if plugin.name == name]
    return found


def test_a_healthy_plugin(install):
    """Brings what it says."""
    plugins = install(one=HEALTHY.format(name="one"))
    assert list(plugins.catalogue().backends) == ["one"]
    assert (report(plugins, "one").backends, report(plugins, "one").error) == (("one",), "")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("raise RuntimeError('no')", "cannot be loaded: RuntimeError: no"),
        ("import does_not_exist", "cannot be loaded: ModuleNotFoundError"),
        ("raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
        ("def harness_backend(): pass", "unknown hook 'harness_backend'; did you mean 'harness_backends'?"),
        (
            "from harness.plugins import hookimpl\n@hookimpl\ndef harness_backends(): return ['trio']",
            "harness_backends must return Backend objects, not str",
        ),
        (
            "from harness.plugins import hookimpl\n@hookimpl\ndef harness_backends(): return 7",
            "harness_backends must return Backend objects, not int",
        ),
        (
            "from harness.plugins import hookimpl\n@hookimpl\ndef harness_backends(): 1 / 0",
            "harness_backends failed: ZeroDivisionError",
        ),
        (
            "from harness.plugins import hookimpl\n@hookimpl\ndef harness_backends(colour): return []",
            "cannot be loaded: PluginValidationError",
        ),
    ],
)
def test_a_broken_plugin_is_reported_and_the_others_work(install, source, error):
    """Whatever is wrong with it, it is named, and the healthy one is there."""
    plugins = install(broken=source, healthy=HEALTHY.format(name="healthy"))
    assert list(plugins.catalogue().backends) == ["healthy"]
    assert error in report(plugins, "broken").error


LEAVING = ["KeyboardInterrupt", "GeneratorExit", "SystemExit", "BaseException", "MemoryError", "RecursionError"]


@pytest.mark.parametrize("error", LEAVING)
@pytest.mark.parametrize(
    "source",
    [
        "raise {error}",
        "from harness.plugins import hookimpl\n@hookimpl\ndef harness_backends(): raise {error}",
        "from harness.plugins import hookimpl\n@hookimpl\ndef harness_expected_divergences(): raise {error}",
    ],
    ids=["import", "hook", "expectations"],
)
def test_no_exception_of_a_plugin_ends_the_program(install, source, error):
    """Also those that are no `Exception`: the plugin is named, and the healthy one is there."""
    plugins = install(broken=source.format(error=error), healthy=HEALTHY.format(name="healthy"))
    assert list(plugins.catalogue().backends) == ["healthy"]
    assert error in report(plugins, "broken").error


def test_an_interrupt_of_the_user_is_none_of_the_plugin(install):
    """Ctrl-C while a plugin is imported ends the program."""
    with pytest.raises(KeyboardInterrupt):
        install(slow="from harness.model import UserInterrupt\nraise UserInterrupt")


def test_a_duplicate_backend_names_both_plugins(install):
    """The first keeps the name."""
    plugins = install(a=HEALTHY.format(name="same"), b=HEALTHY.format(name="same"))
    assert report(plugins, "b").error == "backend 'same' is already brought by plugin 'a'"
    assert report(plugins, "a").error == ""


EXECUTING = """
    from harness.model import Executor
    from harness.plugins import hookimpl

    @hookimpl
    def harness_executors():
        return [Executor(name={name!r}, summary="", wrap=lambda command, role: command, find_problem={find_problem})]
"""


def test_an_executor_is_taken_by_its_name(install):
    """Beside the one that is always there; a name that is taken names both plugins."""
    source = EXECUTING.format(name="mine", find_problem=None)
    catalogue = install(a=source, b=source).catalogue()
    assert list(catalogue.executors) == ["local", "mine"]
    first, second = catalogue.plugins
    assert (first.executors, first.error) == (("mine",), "")
    assert (second.executors, second.error) == ((), "executor 'mine' is already brought by plugin 'a'")
    catalogue.require_executor("mine")
    with pytest.raises(UsageError, match="unknown executor 'mien'; did you mean 'mine'"):
        catalogue.require_executor("mien")


@pytest.mark.parametrize(
    ("find_problem", "complaint"),
    [
        ("lambda: 'install it'", "executor 'x' cannot be used here: install it$"),
        ("lambda: 1 / 0", "cannot be used here: its check for missing features raised ZeroDivisionError"),
    ],
)
def test_an_executor_that_cannot_be_used_here(install, find_problem, complaint):
    """It is there, and refused with its own words, or with what it raised."""
    catalogue = install(a=EXECUTING.format(name="x", find_problem=find_problem)).catalogue()
    with pytest.raises(UsageError, match=complaint):
        catalogue.require_executor("x")


def test_a_duplicate_plugin_name_names_both_modules(tmp_path, monkeypatch):
    """Two distributions may choose the same entry point name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("duplicate_one", "duplicate_two"):
        (tmp_path / f"{module}.py").write_text("")
    plugins = Plugins([EntryPoint("same", module, GROUP) for module in ("duplicate_one", "duplicate_two")])
    assert "taken by duplicate_one" in report(plugins, "same (duplicate_two)").error


def test_a_listener_that_raises_is_not_called_again(install):
    """It is reported; the run goes on."""
    source = """
        from harness.plugins import hookimpl
        calls = []

        @hookimpl
        def harness_on_event(event):
            calls.append(event)
            raise ValueError("no")
    """
    plugins = install(listener=source)
    for _ in range(3):
        plugins.notify(RunFinished(finished_at="", events=0, cells=0))
    assert report(plugins, "listener").error == "harness_on_event raised ValueError: no"
    (module,) = [m for name, m in sys.modules.items() if name.startswith("plugin_of_") and name.endswith("_listener")]
    assert len(module.calls) == 1


def test_an_unknown_name_suggests_the_nearest(install):
    """Or lists what there is."""
    catalogue = install(one=HEALTHY.format(name="asyncio")).catalogue()
    with pytest.raises(UsageError, match="unknown backend 'asynco'; did you mean 'asyncio'"):
        catalogue.backend("asynco")
    with pytest.raises(UsageError, match="unknown scenario 'x'; there are none"):
        catalogue.scenario("x")


def test_loading_all_plugins_imports_no_runtime():
    """Listing what there is must be fast, and must work where a runtime does not import."""
    code = """
        import sys
        from harness.plugins import Plugins
        catalogue = Plugins().catalogue()
        assert not [plugin for plugin in catalogue.plugins if plugin.error], catalogue.plugins
        whole = [backend.name for backend in catalogue.backends.values() if not backend.control]
        assert whole == ["asyncio", "curio", "threads", "trio", "uvloop"], whole
        print(sorted({"asyncio", "uvloop", "trio", "curio", "rich"} & set(sys.modules)))
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


EXPECTING = """
    from pathlib import Path
    from harness.plugins import hookimpl

    @hookimpl
    def harness_expected_divergences():
        return [Path({file!r})]
"""


def test_expectations_are_read_from_the_file_of_a_plugin(install, tmp_path):
    """And name the plugin; a file that cannot be read is that plugin's error."""
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    breach = "[[breach]]\nclause = 'c'\nbackends = ['b']\nreason = 'r'\n"
    good.write_text("[[expected]]\nscenario = 'a'\nbackends = ['b']\nreason = 'r'\n" + breach)
    bad.write_text("[[expected]]\n")
    plugins = install(one=EXPECTING.format(file=str(good)), two=EXPECTING.format(file=str(bad)))
    catalogue = plugins.catalogue()
    sources = [known.source for known in (*catalogue.expectations, *catalogue.breaches)]
    assert sources == ["plugin one, good.toml"] * 2
    assert (report(plugins, "one").expectations, report(plugins, "one").error) == (1, "")
    assert "missing required field" in report(plugins, "two").error


# --- plugins that were written against harness 0.1 ---

BACKEND_0_1 = """
    from harness.api import Backend, BackendOption, Capability, Offer, Support
    from harness.plugins import hookimpl

    @hookimpl
    def harness_backends():
        return [
            Backend(
                name="old",
                summary="a backend of 0.1",
                runner="old.backend:Runner",
                capabilities={Capability.RENDEZVOUS: Offer(Support.EMULATED, "a queue")},
                options=(BackendOption(name="io", default="streams", summary="idiom", choices=("streams", "sock")),),
                distributions=("old",),
                install_hint="pip install old",
            )
        ]
"""
SCENARIO_0_1 = """
    from harness.api import Parameter, Scenario, allowed, bounded, exact, forbidden, info, metric, outcomes, trace
    from harness.plugins import hookimpl

    async def main(runtime, probe):
        probe.observe("lost", 0)

    @hookimpl
    def harness_scenarios():
        judges = {
            "lost": bounded(at_most=0, reason="none"), "kind": exact("one"), "steps": trace(), "note": info("s"),
            "answer": outcomes({"yes": allowed(), "no": forbidden("never")}), "ns": metric("ns"),
        }
        return [
            Scenario(
                name="old.question", question="?", contract=("none is lost",), ref=f"{__name__}:main",
                roles={"main": main}, parameters=(Parameter(name="n", default=1, summary="number"),),
                judges=judges, headline="ns", rows={"quick": ({"n": 1},)},
            )
        ]
"""
OTHERS_0_1 = """
    from harness.model import Executor, Renderer
    from harness.plugins import hookimpl

    @hookimpl
    def harness_executors():
        return [Executor(name="calm", summary="as it is", wrap=lambda command, role: command)]

    @hookimpl
    def harness_renderers():
        return [Renderer(name="count", summary="counts", suffix=".txt", render=lambda run, comparison, options: "1")]

    @hookimpl
    def harness_on_event(event):
        pass

    @hookimpl
    def harness_cli(group):
        pass
"""


def test_a_plugin_of_0_1_is_loaded(install):
    """What its author could rely on is there: the API, the model and the marker."""
    plugins = install(backend=BACKEND_0_1, scenario=SCENARIO_0_1, others=OTHERS_0_1)
    catalogue = plugins.catalogue()
    assert [(known.name, known.error) for known in catalogue.plugins] == [
        ("backend", ""),
        ("others", ""),
        ("scenario", ""),
    ]
    assert (list(catalogue.backends), list(catalogue.scenarios)) == (["old"], ["old.question"])
    assert (list(catalogue.renderers), sorted(catalogue.executors)) == (["count"], ["calm", "local"])


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (
            "from harness.expectations import read_expectations",
            "No module named 'harness.expectations'; plugins import",
        ),
        ("import harness.testing.saboteurs", "No module named 'harness.testing.saboteurs'; plugins import harness.api"),
        ("from harness.plugins import Known, describe", "cannot import name 'Known' from 'harness.plugins'"),
        (
            HEALTHY.format(name="old").replace("runner=", "planted={'fault=x': ('a',)}, runner="),
            "Unexpected keyword argument 'planted'; get the plugin for this version of harness",
        ),
    ],
)
def test_a_plugin_of_0_1_that_needs_what_is_gone_is_refused_with_one_line(install, source, error):
    """It names what is missing and what to do; the plugins beside it work."""
    plugins = install(healthy=HEALTHY.format(name="healthy"), old=source)
    refused = report(plugins, "old").error
    assert error in refused
    assert "for this version" in refused
    assert "\n" not in refused
    assert list(plugins.catalogue().backends) == ["healthy"]

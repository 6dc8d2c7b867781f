"""Load, validate and offer plugins. Only this module touches pluggy.

Plugins import `hookimpl` from here. Each entry point is loaded guarded: a broken one is reported by
`harness plugins` and does not stop the program.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

import msgspec
import pluggy

from harness.api import Backend, Perturbation, Saboteur, Scenario
from harness.model import (
    LOCAL,
    Executor,
    PluginError,
    PluginInterrupt,
    Renderer,
    RunEvent,
    UserInterrupt,
)

from . import hookspecs
from .calls import CALLS
from .catalogue import Catalogue, Named, PluginReport, describe_error
from .known import Known, read_known

hookimpl = pluggy.HookimplMarker("harness")

GROUP = "harness"
"""Entry point group."""
_OURS = "runtime-harness"


class _Listener:
    def __init__(self, listen: Callable[[RunEvent], None]) -> None:
        self._listen = listen

    @hookimpl
    def harness_on_event(self, event: RunEvent) -> None:
        self._listen(event)


class Plugins:
    """The typed façade over pluggy: nothing else calls a hook."""

    def __init__(
        self,
        points: Iterable[EntryPoint] | None = None,
        own: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """Load the plugins.

        Args:
            points: entry points; those of the installed distributions by default.
            own: plugins of the program itself, by name. They come first.
        """
        self._manager = pluggy.PluginManager("harness")
        self._manager.add_hookspecs(hookspecs)
        self._reports: dict[str, PluginReport] = {}
        self._listeners: list[tuple[str, Callable[..., None]]] | None = None
        for name, plugin in own.items():
            self._add(name, plugin)
        for point in sorted(entry_points(group=GROUP) if points is None else points, key=_order):
            self._load(point)

    @contextmanager
    def listening(self, name: str, listen: Callable[[RunEvent], None]) -> Iterator[None]:
        """Call a function with every event of a run while the block runs, through the hook that plugins have.

        Args:
            name: of the listener; the report of one that raised is kept.
            listen: takes an event.
        """
        self._add(name, _Listener(listen))
        try:
            yield
        finally:
            self._manager.unregister(name=name)
            self._listeners = None
            if not self._reports[name].error:
                del self._reports[name]

    def catalogue(self) -> Catalogue:
        """Collect the plugins' contributions. A plugin that fails here is reported; a duplicate name names both."""
        backends = self._collect("harness_backends", Backend, "backends")
        scenarios = self._collect("harness_scenarios", Scenario, "scenarios")
        saboteurs = self._collect("harness_saboteurs", Saboteur, "saboteurs")
        renderers = self._collect("harness_renderers", Renderer, "renderers")
        # Also where the installed package was made before there was a plugin for it.
        executors = {LOCAL.name: LOCAL} | self._collect("harness_executors", Executor, "executors")
        perturbations = self._collect("harness_perturbations", Perturbation, "perturbations")
        known = self._collect_known()
        return Catalogue(
            backends=backends,
            scenarios=scenarios,
            saboteurs=saboteurs,
            renderers=renderers,
            plugins=self.reports,
            expectations=tuple(expectation for one in known for expectation in one.expectations),
            breaches=tuple(breach for one in known for breach in one.breaches),
            executors=executors,
            perturbations=perturbations,
        )

    @property
    def reports(self) -> tuple[PluginReport, ...]:
        """The present facts about each plugin; a listener may have failed since the catalogue was collected."""
        return tuple(self._reports.values())

    def notify(self, event: RunEvent) -> None:
        """Hand an event to every plugin that listens; one that raises is reported and not called again."""
        if self._listeners is None:
            self._listeners = list(self._implementations("harness_on_event"))
        for name, listen in tuple(self._listeners):
            try:
                with CALLS.running(f"harness_on_event of plugin {name!r}"):
                    listen(event=event)
            except PluginInterrupt as exc:  # the run sees the signal after this event
                self._fail(name, str(exc))
                self._listeners.remove((name, listen))
            except UserInterrupt:
                raise
            except BaseException as exc:  # noqa: BLE001 - whatever a plugin does, the run goes on
                self._fail(name, f"harness_on_event raised {describe_error(exc)}")
                self._listeners.remove((name, listen))

    def extend_cli(self, group: Any) -> None:
        """Let plugins add sub-commands to a click group."""
        for name, extend in self._implementations("harness_cli"):
            try:
                with CALLS.running(f"harness_cli of plugin {name!r}"):
                    extend(group=group)
            except UserInterrupt:
                raise
            except BaseException as exc:  # noqa: BLE001 - whatever a plugin does, the program goes on
                self._fail(name, f"harness_cli raised {describe_error(exc)}")

    def _add(self, name: str, plugin: object) -> None:
        module = getattr(plugin, "__name__", type(plugin).__module__)
        self._reports[name] = PluginReport(name=name, module=module, distribution=_OURS)
        self._manager.register(plugin, name=name)
        self._listeners = None

    def _load(self, point: EntryPoint) -> None:
        report = PluginReport(
            name=point.name,
            module=point.value,
            distribution=point.dist.name if point.dist else "",
            version=point.dist.version if point.dist else "",
        )
        if (other := self._reports.get(point.name)) is not None:
            name = f"{point.name} ({point.value})"
            message = (
                f"the name {point.name!r} is taken by {other.module} of {other.distribution or 'an unknown package'}"
            )
            self._reports[name] = msgspec.structs.replace(report, name=name, error=message)
            return
        self._reports[point.name] = report
        try:
            with CALLS.running(f"the import of plugin {point.name!r}"):
                module = importlib.import_module(point.value)
            _check_hook_names(module)
            self._manager.register(module, name=point.name)
        except UserInterrupt:
            raise
        except BaseException as exc:  # noqa: BLE001 - a broken plugin must not end the host
            self._fail(point.name, f"cannot be loaded: {_explain(exc)}")

    def _implementations(self, hook: str) -> Iterable[tuple[str, Callable[..., Any]]]:
        caller = getattr(self._manager.hook, hook)
        implementations = sorted(caller.get_hookimpls(), key=lambda impl: list(self._reports).index(impl.plugin_name))
        for implementation in implementations:
            yield implementation.plugin_name, _accepting(implementation.function, implementation.argnames)

    def _collect(self, hook: str, kind: type[Named], field: str) -> dict[str, Named]:
        found: dict[str, Named] = {}
        owner: dict[str, str] = {}
        for plugin, function in self._implementations(hook):
            try:
                with CALLS.running(f"{hook} of plugin {plugin!r}"):
                    things = _validated(function(), kind, hook)
            except UserInterrupt:
                raise
            except BaseException as exc:  # noqa: BLE001 - a broken plugin must not end the host
                self._fail(plugin, f"{hook} failed: {_explain(exc)}")
                continue
            for thing in things:
                if not _is_encodable(thing):
                    self._fail(plugin, f"{field[:-1]} {thing.name[:80]!a} has a text that cannot be written as UTF-8")
                    continue
                if thing.name in found:
                    self._fail(
                        plugin, f"{field[:-1]} {thing.name!r} is already brought by plugin {owner[thing.name]!r}"
                    )
                    continue
                found[thing.name], owner[thing.name] = thing, plugin
            names = tuple(name for name, by in owner.items() if by == plugin)
            self._reports[plugin] = msgspec.structs.replace(self._reports[plugin], **{field: names})
        return found

    def _collect_known(self) -> tuple[Known, ...]:
        collected: list[Known] = []
        for plugin, function in self._implementations("harness_expected_divergences"):
            try:
                with CALLS.running(f"harness_expected_divergences of plugin {plugin!r}"):
                    found = [read_known(file, f"plugin {plugin}, {file.name}") for file in function() or ()]
            except UserInterrupt:
                raise
            except BaseException as exc:  # noqa: BLE001 - a broken plugin must not end the host
                self._fail(plugin, f"harness_expected_divergences failed: {describe_error(exc)}")
                continue
            collected += found
            count = sum(len(known.expectations) for known in found)
            self._reports[plugin] = msgspec.structs.replace(self._reports[plugin], expectations=count)
        return tuple(collected)

    def _fail(self, plugin: str, message: str) -> None:
        before = self._reports[plugin].error
        text = f"{before}; {message}" if before else message
        self._reports[plugin] = msgspec.structs.replace(self._reports[plugin], error=text)


def _explain(exc: BaseException) -> str:
    """Return an exception as one line; of a plugin for another version of harness also what plugins may rely on."""
    match exc:
        case ImportError(name=str(name)) if name.partition(".")[0] == "harness":
            hint = "; plugins import harness.api, harness.model and harness.plugins: get the plugin for this version"
        case TypeError() if "keyword argument" in str(exc):
            hint = "; get the plugin for this version of harness"
        case _:
            hint = ""
    return f"{describe_error(exc)}{hint}"


def _order(point: EntryPoint) -> tuple[bool, str, str]:
    # Built-ins first, so that a third party's duplicate is the one that is refused.
    return (not (point.dist is not None and point.dist.name == _OURS), point.name, point.value)


def _validated(things: object, kind: type[Named], hook: str) -> list[Named]:
    if things is None:
        return []
    if not isinstance(things, Iterable):
        raise TypeError(f"{hook} must return {kind.__name__} objects, not {type(things).__name__}")
    checked = list(things)
    for thing in checked:
        if not isinstance(thing, kind):
            raise TypeError(f"{hook} must return {kind.__name__} objects, not {type(thing).__name__}")
    return checked


def _is_encodable(thing: object) -> bool:
    """Whether every text of a plugin's declaration can be written to a journal, also in tuples, dicts and structs."""
    match thing:
        case str():
            return not any("\ud800" <= character <= "\udfff" for character in thing)
        case dict():
            return all(_is_encodable(key) and _is_encodable(value) for key, value in thing.items())
        case list() | tuple():
            return all(map(_is_encodable, thing))
        case msgspec.Struct():
            return all(_is_encodable(getattr(thing, name)) for name in thing.__struct_fields__)
        case _:
            return True


def _check_hook_names(module: object) -> None:
    known = {name for name in vars(hookspecs) if name.startswith("harness_")}
    for name, value in vars(module).items():
        if name.startswith("harness_") and inspect.isfunction(value) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise PluginError(str(getattr(module, "__name__", module)), f"unknown hook {name!r}{hint}")


def _accepting(function: Callable[..., Any], argnames: tuple[str, ...]) -> Callable[..., Any]:
    # Like pluggy: an implementation may take fewer arguments than the hook offers.
    def call(**offered: object) -> Any:
        return function(**{name: offered[name] for name in argnames})

    return call

"""The hooks of harness. Each docstring says when in the life of the program it is called.

Resist more: a hook is a promise to every plugin.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

import pluggy

from harness.api import Backend, Perturbation, Saboteur, Scenario

if TYPE_CHECKING:
    import click

    from harness.model import Executor, Renderer, RunEvent

hookspec = pluggy.HookspecMarker("harness")
"""Marks the hooks."""


@hookspec
def harness_backends() -> Iterable[Backend]:  # type: ignore[empty-body]
    """Return the backends that this plugin brings. Called once, when the catalogue is first needed.

    Must not import the runtime: `Backend.runner` names the code that a worker imports.
    """


@hookspec
def harness_scenarios() -> Iterable[Scenario]:  # type: ignore[empty-body]
    """Return the scenarios that this plugin brings. Called once, when the catalogue is first needed."""


@hookspec
def harness_saboteurs() -> Iterable[Saboteur]:  # type: ignore[empty-body]
    """Return the faults that this plugin brings, each with the backend spec that has it.

    Called once, when the catalogue is first needed. The backend itself is brought by `harness_backends`.
    """


@hookspec
def harness_renderers() -> Iterable[Renderer]:  # type: ignore[empty-body]
    """Return the report formats that this plugin brings. Called once, when the catalogue is first needed."""


@hookspec
def harness_executors() -> Iterable[Executor]:  # type: ignore[empty-body]
    """Return the ways to start processes that this plugin brings. Called once, when the catalogue is first needed."""


@hookspec
def harness_perturbations() -> Iterable[Perturbation]:  # type: ignore[empty-body]
    """Return the perturbations that this plugin brings. Called once, when the catalogue is first needed."""


@hookspec
def harness_expected_divergences() -> Iterable[Traversable]:  # type: ignore[empty-body]
    """Return TOML files of differences, and breaches of the contract, that are known.

    `docs/reference/expectations.md` describes them. Called once, when the catalogue is first needed. A package
    finds its own with `importlib.resources.files`.
    """


@hookspec
def harness_on_event(event: RunEvent) -> None:
    """Receive each event of a run, after it is in the journal. Called in the runner; must return quickly."""


@hookspec
def harness_cli(group: click.Group) -> None:
    """Add sub-commands to the `harness` command. Called once, when the command line is built."""

"""`harness env`: environments, in which other interpreters run cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from harness.host.interpreters import ask_environment, list_missing, list_registered, remove_registered
from harness.model import Request, UsageError

from .plain import say
from .state import help_if_alone

if TYPE_CHECKING:
    from harness.plugins import Catalogue


@click.group(invoke_without_command=True)
@click.pass_context
def env(context: click.Context) -> None:
    """Manage environments: other Pythons, other runtime versions.

    \b
    Examples:
      harness env create py313 --python 3.13
      harness matrix --backend asyncio --backend asyncio@py313
    """
    help_if_alone(context)


@env.command()
@click.argument("name")
@click.option(
    "--python",
    default="",
    metavar="VERSION|PATH",
    help="Python of the environment [default: the one that runs harness].",
)
@click.option(
    "--with",
    "requirements",
    multiple=True,
    metavar="REQUIREMENT",
    help="Requirement to install beside harness, e.g. trio==0.29 (repeatable).",
)
def create(name: str, python: str, requirements: tuple[str, ...]) -> None:
    """Create an environment in .harness/envs/NAME, or replace it.

    uv makes it if it is there, else virtualenv, else the venv of that Python.

    \b
    Examples:
      harness env create py313 --python 3.13
      harness env create trio-0.29 --with trio==0.29
    """
    _create(name, python, requirements)


@env.command(name="list")
def list_environments() -> None:
    """List the environments that were made here, with what each has.

    \b
    Examples:
      harness env list
    """
    found = describe_registered()
    for line in found:
        say(line)
    if not found:
        say("none; make one with: harness env create py313 --python 3.13")


@env.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove an environment and its folder.

    \b
    Examples:
      harness env remove py313
    """
    remove_registered(name)
    say(f"removed {name}")


def describe_registered() -> list[str]:
    """Return a line for each environment that was made here."""
    lines = []
    for known in list_registered():
        try:
            text = ask_environment(known.name, str(known.interpreter)).text
        except UsageError as exc:
            text = f"cannot be used: {exc}"
        lines.append(f"{known.name:16} {text}")
    return lines


def create_missing(request: Request, catalogue: Catalogue) -> None:
    """Make the environments that versions on specs (`trio==0.29`) ask for and that are not there."""
    for name, requirement in tuple(list_missing(request, catalogue)):
        _create(name, "", (requirement,), err=True)  # stdout of a run has its report


def _create(name: str, python: str, requirements: tuple[str, ...], *, err: bool = False) -> None:
    from harness.host.venvs import create_environment

    made = create_environment(name, python, requirements, lambda step: say(f"harness: {step}", err=True))
    if made.error:
        raise UsageError(f"environment {name!r} was made and {made.text}")
    say(f"{name}: {made.text}", err=err)

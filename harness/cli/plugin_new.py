"""`harness plugin new`: a distribution to start from."""

from __future__ import annotations

from pathlib import Path

import click

from harness.model import UsageError
from harness.testing.skeleton import KINDS, STYLES, Skeleton

from .state import State

_LOOK = {
    "backend": "harness plugin check {name}",
    "scenario": "harness matrix --scenario {name}",
    "renderer": "harness report latest --format {name}",
    "executor": "harness matrix --preset quick --executor {name}",
    "perturbation": "harness matrix --preset quick --perturb {name}=20",
}
"""Command that tries the new plugin, by kind."""


@click.command()
@click.argument("name")
@click.option(
    "--kind",
    "-k",
    type=click.Choice(KINDS),
    required=True,
    help="Content: a runtime, a question, a report format, a way to start processes, or a condition of cells.",
)
@click.option(
    "--style",
    type=click.Choice(STYLES),
    default=STYLES[0],
    show_default=True,
    help="Tasks of a backend: coroutines, or threads or greenlets whose calls block.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Parent folder of the new folder  [default: the current folder].",
)
@click.pass_obj
def new(state: State, name: str, kind: str, style: str, out: Path) -> None:
    """Create the distribution of a plugin in a folder harness-NAME.

    It installs, passes its own tests and is listed before anything in it is changed.

    \b
    Examples:
      harness plugin new mylib --kind backend
      harness plugin new mygreens --kind backend --style greenlet
      harness plugin new fan-out --kind scenario --out ../plugins
    """
    if kind != "backend" and style != STYLES[0]:
        raise UsageError(f"--style is about backends; a {kind} has none")
    skeleton = Skeleton(kind, name, style)
    _require_free(state, skeleton)
    target = skeleton.write(out)
    click.echo(f"{target}:")
    for path, _ in skeleton.texts():
        click.echo(f"  {path}")
    click.echo(f"next steps:\n  cd {target}\n  pip install --editable '.[test]'\n  pytest")
    click.echo(f"  {_LOOK[kind].format(name=skeleton.name)}")


def _require_free(state: State, skeleton: Skeleton) -> None:
    catalogue = state.catalogue
    things = {
        "backend": catalogue.backends,
        "scenario": catalogue.scenarios,
        "renderer": catalogue.renderers,
        "executor": catalogue.executors,
        "perturbation": catalogue.perturbations,
    }
    plugins = {plugin.name: plugin.distribution for plugin in catalogue.plugins}
    if skeleton.name in plugins:
        owner = plugins[skeleton.name] or "an unknown distribution"
        raise UsageError(f"a plugin {skeleton.name!r} is there already, of {owner}; take another name")
    if skeleton.name in things[skeleton.kind]:
        article = "an" if skeleton.kind == "executor" else "a"
        raise UsageError(f"{article} {skeleton.kind} {skeleton.name!r} is there already; take another name")

"""The `harness` command: build it, run it, turn every error into one line and an exit code."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

import click

from harness.host.faults import explain_runner_error
from harness.host.inherited import normalise
from harness.host.signals import INTERRUPTS
from harness.model import HarnessError, NothingSelectedError, UsageError

from .command_group import CommandGroup
from .exits import MEANINGS, Exit
from .leaving import LEAVE_SECONDS, leave_within
from .mistakes import suggest_words
from .plain import is_gone, one_line
from .state import State, help_if_alone

if TYPE_CHECKING:
    from harness.plugins import Plugins

_FULL = (errno.ENOSPC, errno.EDQUOT)
_EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code.value:<3} {meaning}" for code, meaning in MEANINGS.items())


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
    invoke_without_command=True,
)
@click.version_option(package_name="runtime-harness", prog_name="harness")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Coloured output; auto uses colour on a terminal unless NO_COLOR is set.",
)
@click.pass_context
def harness(context: click.Context, color: str) -> None:
    """Run the same concurrency scenario on every Python runtime; see where they diverge, hang, and how fast they are.

    \b
    Examples:
      harness matrix                               every scenario on every backend
      harness run --backend trio --scenario storm  one of them
      harness list scenarios -v                    scenarios with contracts
      harness show latest                          the last run again
    """
    context.obj = State(colour=color, plugins=context.obj)
    help_if_alone(context)


def load_plugins(group: CommandGroup = harness) -> Plugins:
    """Load the plugins and let them add their sub-commands, those of this package first."""
    from harness.plugins import Plugins

    from . import commands

    plugins = Plugins(own={commands.__name__: commands})
    plugins.extend_cli(group)
    return plugins


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    normalise()
    INTERRUPTS.install(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks ✓ still gets the report
    code = _guarded(arguments)
    _let_go_of_dead_outputs()
    if arguments is None:  # this process is the program, and ends
        leave_within(LEAVE_SECONDS, code)
    sys.exit(code)


def _guarded(arguments: Sequence[str] | None) -> int:
    try:
        code = harness.main(arguments, prog_name="harness", standalone_mode=False, obj=load_plugins())
        sys.stdout.flush()
        return int(code or Exit.OK)
    except click.ClickException as exc:
        return _say(f"{_fragment(exc.format_message())}{suggest_words(exc)}", Exit.USAGE)
    except NothingSelectedError as exc:
        return _say(str(exc), Exit.NOTHING_SELECTED)
    except UsageError as exc:
        return _say(str(exc), Exit.USAGE)
    except (KeyboardInterrupt, click.Abort) as exc:
        where = str(exc.__cause__ or exc)  # click puts an abort of its own in the place of an interrupt
        return _say(f"interrupted: {where}" if where else "interrupted", INTERRUPTS.exit_code)
    except (HarnessError, Exception) as exc:  # noqa: BLE001 - whatever it is, the user gets one line
        if is_gone(exc):
            return Exit.OK
        if isinstance(exc, OSError) and exc.errno in _FULL:
            return _say(f"cannot write: {exc.strerror}", Exit.USAGE)
        if cause := explain_runner_error(exc):
            return _say(cause, Exit.USAGE)
        return _say(
            f"internal error: {type(exc).__name__}: {exc} (please report it; traceback in {_keep_traceback()})",
            Exit.HARNESS_FAULT,
        )


def _let_go_of_dead_outputs() -> None:
    # A pipe without a reader, a closed terminal, a full disk: Python would complain again when it flushes at exit.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _say(message: str, code: int) -> int:
    with suppress(OSError):  # the reader of stderr has gone
        click.echo(f"harness: {one_line(message)}", err=True)
    return code


def _fragment(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")


def _keep_traceback() -> str:
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="harness-fault-", suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            traceback.print_exc(file=file)
    except OSError as exc:
        return f"no file, {exc.strerror}"
    return file.name

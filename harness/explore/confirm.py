"""Run a failing program again on the unmodified runtime: alone, in its own order, on the real clock."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.api import Subject

from .clauses import Clause
from .failure import Failure
from .leftovers import Leftovers
from .posix import Limits, Page, Send, run_in_child
from .script import MOST_LINES, CannotSay, Dialect, render_script

if TYPE_CHECKING:
    from .batch import Batch

STOCK = "stock"
"""It fails on the runtime as it is."""
REACHABLE = "reachable"
"""It fails under an order of steps that the runtime's documentation allows."""
EXCLUDED = "excluded"
"""It fails only under an order of steps that the runtime's documentation excludes: no defect."""
_STOCK_RUNS = 40
_MOST_LOSSES = 3
_LIMITS = Limits(cpu=2.0, sleeps=4)
"""Of one run on the real clock, in which a program sleeps for a fraction of a second."""
_SCRIPT_LOOK = 1.0
_SCRIPT_LOOKS = 60
"""Looks at a script, a second apart, before it is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What holds of a failure."""

    label: str
    stock: str
    """`n of m` runs on the runtime as it is."""
    script: str = ""
    """A stand-alone script in the runtime's own words; empty where there is no way to write one."""
    script_fails: bool = False
    """Whether the script was run, and exits with 1."""


def confirm(batch: Batch, failure: Failure) -> Confirmation:
    """Return how often a failure shows on the runtime as it is, and a script of it."""
    failed, ran = _count_on_stock(batch, failure)
    script, fails = _find_script(batch, failure)
    is_native = failure.schedule.startswith("native") or failure.native != failure.smallest
    return Confirmation(
        label=STOCK if failed or fails else REACHABLE if is_native or not batch.keeps_order else EXCLUDED,
        stock=f"{failed} of {ran}",
        script=script,
        script_fails=fails,
    )


def _count_on_stock(batch: Batch, failure: Failure) -> tuple[int, int]:
    """Return how many of some runs on the unmodified runtime failed. A run that is stuck ends its process."""
    seen: list[Any] = []
    ends_process = failure.clause in (Clause.HANG, Clause.CRASH, Clause.MEMORY)
    losses = 0
    while len(seen) < _STOCK_RUNS and losses < _MOST_LOSSES:
        body = partial(_run_on_stock, batch, failure, _STOCK_RUNS - len(seen))
        ending = run_in_child(body, seen.append, attend=batch.attend, limits=_LIMITS)
        losses += bool(ending.reason)
        if ending.reason and ends_process:
            seen.append(failure.clause)
        if not ending.reason:
            break
    return seen.count(failure.clause), max(len(seen), losses)


def _run_on_stock(batch: Batch, failure: Failure, count: int, send: Send, page: Page) -> None:
    trial, leftovers = batch.make_stock_trial(), Leftovers()

    def give_up() -> None:
        # Everything was cancelled, and the run has not ended: a virtual clock would report it as stuck.
        if trial.play is not None:
            trial.play.judge_stuck()
            send(trial.play.found and trial.play.found[0])

    page.on_hang = give_up
    for number in range(count):
        page.number = number
        send(leftovers.judge(trial.run(failure.native, "native 0")).clause)


def _find_script(batch: Batch, failure: Failure) -> tuple[str, bool]:
    """Return a script of a failure, and whether it fails; of several ways to say it, one that does."""
    script = ""
    for text in write_scripts(batch.subject, failure):
        script = script or text
        if run_script(text, batch.attend):
            return text, True
    return script, False


def write_scripts(subject: Subject, failure: Failure) -> Iterator[str]:
    """Yield a failure as a script in the runtime's own words, in each way that its dialect has and few lines allow.

    There is none for options that the dialect cannot express, such as another event loop.
    """
    if not subject.dialect:
        return
    module, _, name = subject.dialect.partition(":")
    try:
        dialect: Dialect = getattr(importlib.import_module(module), name)(subject.options)
    except CannotSay:
        return
    for each in (dialect, *dialect.others):
        text = render_script(failure, each)
        if text and text.count("\n") <= MOST_LINES:
            yield text


def run_script(text: str, attend: Callable[[], None] = lambda: None) -> bool:
    """Return whether a script reproduces its failure: its exit code is 1, and it has printed its expectation."""
    command = [sys.executable, "-W", "ignore", "-c", text]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as script:
        for _ in range(_SCRIPT_LOOKS):
            attend()
            with suppress(subprocess.TimeoutExpired):
                printed, _ = script.communicate(timeout=_SCRIPT_LOOK)
                return script.returncode == 1 and "expected:" in printed
        script.kill()
    return False

"""Write a failing program as a stand-alone script in a runtime's own words.

The script imports the runtime and nothing of harness, runs the program until it comes to rest, prints the expected
and the observed state, and exits with 1 if they differ. A dialect holds the code of each operation on a runtime; a
backend names its dialect in `Backend.dialect`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .clauses import REASONS, Clause
from .failure import Failure
from .program import Operation, Operations, Program, Resource

MOST_LINES = 40
ATTEMPTS = 50
"""How often a script runs its program: a runtime may have a random order."""
REST = 0.05
"""Seconds after which a program of a few steps has come to rest."""
UNIT = 0.005
"""Seconds of a time unit."""
_INDENT = "    "


class CannotSay(Exception):
    """An operation, or a clause, for which there are no words."""


class Dialect(Protocol):
    """The words of a runtime: expressions to await, statements, and blocks around other lines.

    Each method raises `CannotSay` where the runtime has no native code, such as for an emulated capability.
    """

    modules: tuple[str, ...]
    """Modules that the script imports, the runtime last."""
    run: str
    """Runs `main` and returns its result."""
    cancelled: str
    """The class of its cancellation."""
    checkpoint: str
    """A statement."""
    others: Sequence[Dialect]
    """Other ways to say it, for a program that does not fail in the first one."""

    def create(self, resource: Resource) -> str:
        """Return the expression that creates a resource."""

    def sleep(self, seconds: float) -> str:
        """Return a statement."""

    def notify(self, name: str, count: int | None) -> str:
        """Return the statement that notifies so many waiters, or all."""

    def set(self, name: str) -> str:
        """Return the statement that sets an event."""

    def send(self, name: str, item: str) -> str:
        """Return an expression to await."""

    def receive(self, name: str) -> str:
        """Return an expression to await."""

    def deadline(self, seconds: float, body: list[str]) -> list[str]:
        """Return the body in a block that is left silently after so many seconds."""

    def group(self, children: Sequence[str], body: list[str]) -> list[str]:
        """Return the body in a task group that runs these functions, and whose `ValueError`s are dropped."""

    def cancel_group(self) -> str:
        """Return the statement that cancels the innermost group."""

    def cancel(self, index: int) -> str:
        """Return the statement that cancels a task of the program."""

    def cancellable(self, index: int, body: list[str]) -> list[str]:
        """Return the body of a task that others cancel."""

    def main(self, tasks: Sequence[str], cancelled: Sequence[int], rest: float, seen: str) -> list[str]:
        """Return the lines that start the tasks, wait until they rest, store the state in `seen` and end them."""

    def is_there(self, resource: Resource, name: str) -> str:
        """Return the expression that is true when the awaited condition holds."""


def render_script(failure: Failure, dialect: Dialect) -> str:
    """Return the script, or nothing if the dialect has no words for it."""
    try:
        return "\n".join(_Writer(failure, dialect).write()) + "\n"
    except CannotSay:
        return ""


def indent(lines: Sequence[str]) -> list[str]:
    """Return lines one level deeper; an empty block is a `pass`."""
    return [_INDENT + line for line in lines] or [f"{_INDENT}pass"]


class _Writer:
    def __init__(self, failure: Failure, dialect: Dialect) -> None:
        self._failure = failure
        self._program: Program = failure.native
        self._dialect = dialect
        self._functions: list[str] = []
        self._children = 0
        self._items = 0
        self._waits = False
        self._task = ""
        self._names = [f"{resource.kind}{index}" for index, resource in enumerate(self._program.resources)]

    def write(self) -> list[str]:
        """Return the lines of the script."""
        failure, dialect = self._failure, self._dialect
        seen = self._write_check()
        tasks = [self._write_task(index, task) for index, task in enumerate(self._program.tasks)]
        cancelled = sorted({each.target for task in self._program.tasks for each in _cancels(task)})
        body = [self._create(index, name, each) for index, (name, each) in enumerate(self._resources())]
        if seen == "list(wrong)":
            body += ["wrong = []"]
        if self._waits:
            body += ["waiting = {}", *_WAITS]
        body += [*self._functions, *dialect.main(tasks, cancelled, REST, seen)]
        return [
            f'"""{dialect.modules[-1]}: {failure.clause.value}."""',
            *(f"import {module}" for module in dialect.modules),
            "",
            f'EXPECTED = "{REASONS[failure.clause]}"',
            "",
            "async def main():",
            *indent(body),
            f"{_INDENT}return seen",
            "",
            f"for attempt in range({ATTEMPTS}):",
            *indent(self._write_attempt()),
        ]

    def _create(self, index: int, name: str, resource: Resource) -> str:
        if resource.kind == "condition":
            return f"{name}, tokens{index} = {self._dialect.create(resource)}, []"
        return f"{name} = {self._dialect.create(resource)}"

    def _resources(self) -> list[tuple[str, Resource]]:
        return list(zip(self._names, self._program.resources, strict=True))

    def _write_attempt(self) -> list[str]:
        show = ['print(f"expected: {EXPECTED}\\nseen: {seen} (attempt {attempt + 1})")', "raise SystemExit(1)"]
        if self._failure.clause is Clause.RUNTIME_FAILED:
            return [
                "try:",
                f"{_INDENT}seen = {self._dialect.run}",
                "except Exception as exc:",
                f"{_INDENT}seen = repr(exc)",
                "if seen:",
                *indent(show),
            ]
        return [f"seen = {self._dialect.run}", "if seen:", *indent(show)]

    def _write_check(self) -> str:
        match self._failure.clause:
            case Clause.LOST_WAKE_UP:
                self._waits = True
                there = (
                    f"{self._is_there(each, name)} and [t for t, what in waiting.items() if what == {name!r}]"
                    for name, each in self._resources()
                )
                return " or ".join(there) or _cannot()
            case Clause.CANCELLATION_LOST:
                self._waits = True
                cancelled = sorted({each.target for task in self._program.tasks for each in _cancels(task)})
                return f"[t for t in waiting if t in {[f'task{index}' for index in cancelled]}]"
            case Clause.UNEXPECTED_ERROR | Clause.CANCELLATION_STRAY:
                return "list(wrong)"
            case Clause.RUNTIME_FAILED:
                return "None"
        return _cannot()

    def _is_there(self, resource: Resource, name: str) -> str:
        if resource.kind == "condition":
            return f"tokens{self._names.index(name)}"
        return self._dialect.is_there(resource, name)

    def _write_task(self, index: int, operations: Operations) -> str:
        name = self._task = f"task{index}"
        body = self._write_all(operations)
        if any(each.target == index for task in self._program.tasks for each in _cancels(task)):
            body = self._dialect.cancellable(index, body)
        if self._failure.clause in (Clause.UNEXPECTED_ERROR, Clause.CANCELLATION_STRAY):
            body = self._guarded(body)
        self._functions += [f"async def {name}():", *indent(body)]
        return name

    def _guarded(self, body: list[str]) -> list[str]:
        is_error = self._failure.clause is Clause.UNEXPECTED_ERROR
        kind = "Exception" if is_error else self._dialect.cancelled
        also = ["wrong.append(repr(exc))", *([] if is_error else ["raise"])]
        return ["try:", *indent(body), f"except {kind} as exc:", *indent(also)]

    def _write_all(self, operations: Operations) -> list[str]:
        return [line for each in operations for line in self._write_one(each)]

    def _await(self, expression: str, what: str) -> str:
        self._waits = True
        return f"await waits({self._task!r}, {what!r}, {expression})"

    def _write_one(self, each: Operation) -> list[str]:
        dialect = self._dialect
        name = self._names[each.target] if each.target < len(self._names) else ""
        match each.name:
            case "checkpoint":
                turns = f"for _ in range({each.amount}): " if each.amount > 1 else ""
                return [f"{turns}{dialect.checkpoint}"]
            case "sleep":
                return [dialect.sleep(each.amount * UNIT)]
            case "hold" | "permit" | "enter":
                return self._write_held(each, name)
            case "take":
                tokens = f"tokens{each.target}"
                waits = self._await(f"{name}.wait()", name)
                return [f"while not {tokens}: {waits}", f"{tokens}.pop()"]
            case "put" | "put-all":
                count = each.amount if each.name == "put" else None
                tokens = f"tokens{each.target}"
                added = f"{tokens}.append(1)" if each.amount == 1 else f"{tokens}.extend([1] * {each.amount})"
                return [added, dialect.notify(name, count)]
            case "set":
                return [dialect.set(name)]
            case "wait":
                return [self._await(f"{name}.wait()", name)]
            case "send":
                self._items += 1
                return [self._await(dialect.send(name, str(self._items)), name)]
            case "receive":
                return [self._await(dialect.receive(name), name)]
            case "cancel":
                return [dialect.cancel(each.target)]
            case "deadline":
                return dialect.deadline(each.amount * UNIT, self._write_all(each.body))
            case "group":
                return self._write_group(each)
            case "cancel-group":
                return [dialect.cancel_group()]
            case "fail":
                return ['raise ValueError("failed")']
        raise CannotSay(each.name)

    def _write_held(self, each: Operation, name: str) -> list[str]:
        return [f"async with {name}:", *indent(self._write_all(each.body))]

    def _write_group(self, each: Operation) -> list[str]:
        outer = self._task
        names = []
        for child in each.children:
            self._task = f"{outer}_{self._children}"
            self._children += 1
            names.append(self._task)
            lines = self._write_all(child)
            self._functions += [f"async def {self._task}():", *indent(lines)]
        self._task = outer
        return self._dialect.group(names, self._write_all(each.body))


_WAITS = [
    "async def waits(task, what, awaitable):",
    "    waiting[task] = what",
    "    try: return await awaitable",
    "    finally: del waiting[task]",
]


def _cannot() -> str:
    raise CannotSay


def _cancels(operations: Operations) -> list[Operation]:
    from .program import walk

    return [each for each in walk(operations) if each.name == "cancel"]

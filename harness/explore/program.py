"""A program as data: resources, and tasks that are lists of operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a task.

    `target` is the index of a resource or of a task, `amount` a count or a number of time units; which of them means
    something, and whether there is a body, the rule of the operation says.
    """

    name: str
    target: int = 0
    amount: int = 0
    body: Operations = ()
    """What runs inside a block."""
    children: tuple[Operations, ...] = ()
    """Operations of each task of a group."""


Operations = tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that the tasks share: its kind, and how many permits or items it has room for."""

    kind: str
    size: int = 1


@dataclass(frozen=True, slots=True)
class Program:
    """Resources, and what each task does with them."""

    resources: tuple[Resource, ...]
    tasks: tuple[Operations, ...]

    @property
    def size(self) -> int:
        """How many operations it has, those inside blocks too."""
        return sum(1 for task in self.tasks for _ in walk(task))


def walk(operations: Operations) -> Iterator[Operation]:
    """Yield every operation, each before those inside it."""
    for operation in operations:
        yield operation
        yield from walk(operation.body)
        for child in operation.children:
            yield from walk(child)


def encode_program(program: Program) -> Any:
    """Return a program as JSON-able data: `{"resources": [[kind, size]], "tasks": [[operation]]}`."""
    return {
        "resources": [[resource.kind, resource.size] for resource in program.resources],
        "tasks": [_encode(task) for task in program.tasks],
    }


def decode_program(data: Any) -> Program:
    """Return the program of what `encode_program` returned."""
    return Program(
        tuple(Resource(kind, size) for kind, size in data["resources"]),
        tuple(_decode(task) for task in data["tasks"]),
    )


def _encode(operations: Operations) -> list[Any]:
    return [
        [each.name, each.target, each.amount, _encode(each.body), [_encode(child) for child in each.children]]
        for each in operations
    ]


def _decode(data: Any) -> Operations:
    return tuple(
        Operation(name, target, amount, _decode(body), tuple(_decode(child) for child in children))
        for name, target, amount, body, children in data
    )


def describe_program(program: Program) -> list[str]:
    """Return a program as lines for a reader: the resources, then each task."""
    shared = ", ".join(f"{each.kind} {index} ({each.size})" for index, each in enumerate(program.resources))
    lines = [f"shared: {shared or 'nothing'}"]
    return lines + [f"task {index}: {describe_operations(task)}" for index, task in enumerate(program.tasks)]


def describe_operations(operations: Operations) -> str:
    """Return operations on one line."""
    return "; ".join(map(_describe, operations)) or "nothing"


def _describe(operation: Operation) -> str:
    text = f"{operation.name} {operation.target} x{operation.amount}"
    if operation.children:
        text += f" spawn [{' | '.join(map(describe_operations, operation.children))}]"
    return f"{text} {{{describe_operations(operation.body)}}}" if operation.body else text

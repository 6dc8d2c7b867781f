"""Make a failing program smaller, one change at a time, as long as it still fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from .grammar import Rule
from .program import Operation, Operations, Program, Resource, walk

Fails = Callable[[Program], str]
"""Returns the schedule under which a program still fails, or an empty string."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """The smallest program found, the schedule under which it fails, and how many candidates were tried."""

    program: Program
    schedule: str
    tried: int


def shrink(program: Program, schedule: str, fails: Fails, rules: Mapping[str, Rule], most: int = 400) -> Shrunk:
    """Return the smallest program that fails, among those that single changes lead to.

    Args:
        program: fails under `schedule`.
        schedule: as found.
        fails: tries a candidate.
        rules: of the grammar; a candidate keeps to them.
        most: candidates that are tried.
    """
    tried = 0
    progress = True
    while progress and tried < most:
        progress = False
        for candidate in list_candidates(program, rules):
            if tried >= most:
                break
            tried += 1
            if found := fails(candidate):
                program, schedule, progress = candidate, found, True
                break
    return Shrunk(program, schedule, tried)


def list_candidates(program: Program, rules: Mapping[str, Rule]) -> Iterator[Program]:
    """Yield smaller programs: without a task, without an operation, with a block replaced by its body, and so on."""
    seen = {program}
    for candidate in _changes(program, rules):
        if candidate not in seen and is_valid(candidate, rules):
            seen.add(candidate)
            yield candidate


def is_valid(program: Program, rules: Mapping[str, Rule]) -> bool:
    """Return whether each operation is where its rule allows it."""
    return all(_is_valid(task, None, program, rules, in_group=False) for task in program.tasks)


def _is_valid(
    operations: Operations, innermost: int | None, program: Program, rules: Mapping[str, Rule], *, in_group: bool
) -> bool:
    for each in operations:
        rule = rules[each.name]
        if rule.inside == "group" and not in_group:
            return False
        if (
            rule.inside
            and rule.inside != "group"
            and (innermost != each.target or program.resources[each.target].kind != rule.inside)
        ):
            return False
        inner = None if rule.in_other_task else each.target if rule.holds else innermost
        inside = not rule.in_other_task and (in_group or rule.has_children)
        if not _is_valid(each.body, inner, program, rules, in_group=inside):
            return False
        if not all(_is_valid(child, None, program, rules, in_group=True) for child in each.children):
            return False
    return True


def _changes(program: Program, rules: Mapping[str, Rule]) -> Iterator[Program]:
    for index in range(len(program.tasks)):
        if len(program.tasks) > 1:
            yield _without_task(program, index, rules)
    for index, task in enumerate(program.tasks):
        for changed in _smaller(task, rules):
            tasks = (*program.tasks[:index], changed, *program.tasks[index + 1 :])
            yield replace(program, tasks=tasks)
    yield _without_unused(program, rules)
    for index, resource in enumerate(program.resources):
        if resource.size > 1:
            smaller = (*program.resources[:index], replace(resource, size=1), *program.resources[index + 1 :])
            yield replace(program, resources=smaller)


def _without_task(program: Program, gone: int, rules: Mapping[str, Rule]) -> Program:
    def move(operation: Operation) -> Operation | None:
        if rules[operation.name].needs != "task" or operation.target < gone:
            return operation
        return None if operation.target == gone else replace(operation, target=operation.target - 1)

    tasks = (*program.tasks[:gone], *program.tasks[gone + 1 :])
    return replace(program, tasks=tuple(_mapped(task, move) for task in tasks))


def _without_unused(program: Program, rules: Mapping[str, Rule]) -> Program:
    used = {each.target for task in program.tasks for each in walk(task) if _has_resource(rules[each.name])}
    kept = sorted(used)
    places = {old: new for new, old in enumerate(kept)}

    def move(operation: Operation) -> Operation | None:
        has = _has_resource(rules[operation.name])
        return replace(operation, target=places[operation.target]) if has else operation

    resources: tuple[Resource, ...] = tuple(program.resources[index] for index in kept)
    return Program(resources, tuple(_mapped(task, move) for task in program.tasks))


def _has_resource(rule: Rule) -> bool:
    return (bool(rule.needs) and rule.needs != "task") or (bool(rule.inside) and rule.inside != "group")


def _mapped(operations: Operations, move: Callable[[Operation], Operation | None]) -> Operations:
    moved = (
        move(
            replace(
                each,
                body=_mapped(each.body, move),
                children=tuple(_mapped(child, move) for child in each.children),
            )
        )
        for each in operations
    )
    return tuple(each for each in moved if each is not None)


def _smaller(operations: Operations, rules: Mapping[str, Rule]) -> Iterator[Operations]:
    """Yield the operations with one change somewhere."""
    for index, each in enumerate(operations):
        before, after = operations[:index], operations[index + 1 :]
        yield (*before, *after)
        if each.body:
            yield (*before, *each.body, *after)
        for number, child in enumerate(each.children):
            others = (*each.children[:number], *each.children[number + 1 :])
            yield (*before, replace(each, children=others), *after)
            for changed in _smaller(child, rules):
                grown = (*each.children[:number], changed, *each.children[number + 1 :])
                yield (*before, replace(each, children=grown), *after)
        for changed in _smaller(each.body, rules):
            yield (*before, replace(each, body=changed), *after)
        least = min(rules[each.name].amounts)
        if each.amount > least:
            yield (*before, replace(each, amount=each.amount - 1), *after)

"""Make a program from a grammar and a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from .grammar import Grammar, Rule
from .program import Operation, Operations, Program, Resource

MOST_OPERATIONS = 8
"""Of a task, those inside blocks too."""
_MOST_DEPTH = 3
_MOST_CHILDREN = 2
_INSIDE_FACTOR = 3
"""How much likelier an operation is where it is possible, if that is in a certain block only."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a program an operation would stand."""

    held: frozenset[int] = frozenset()
    """Resources that the task has to itself."""
    innermost: int | None = None
    """The resource that it took last."""
    in_group: bool = False
    is_bounded: bool = False
    depth: int = 0


class Generator:
    """Makes programs of one family."""

    def __init__(self, grammar: Grammar) -> None:
        rules = grammar.all_rules()
        self._grammar = grammar
        self.rules = rules
        self._phrases = [*(Operation(name) for name in grammar.weights), *(phrase for _, phrase in grammar.phrases)]
        self._weights = [*grammar.weights.values(), *(weight for weight, _ in grammar.phrases)]
        self._choices: dict[tuple[bool, ...], tuple[list[Operation], list[int]]] = {}

    def make(self, seed: int, number: int) -> Program:
        """Return program `number` of a seed: always the same."""
        source = random.Random((seed << 32) + number)  # noqa: S311 - a program, not a secret
        resources = tuple(Resource(kind, source.choice(sizes)) for kind, sizes in self._grammar.resources)
        count = source.randint(*self._grammar.tasks)
        writer = _Writer(self, source, resources, count)
        return Program(resources, tuple(writer.write_task() for _ in range(count)))

    def choose(self, source: random.Random, place: _Place, resources: Sequence[Resource]) -> Operation:
        """Return an operation, or a phrase, that may be used at a place; nothing of it is filled in yet."""
        kind = "" if place.innermost is None else resources[place.innermost].kind
        allowed = tuple(_is_allowed(self.rules[phrase.name], place, kind) for phrase in self._phrases)
        if allowed not in self._choices:
            usable = [index for index, is_usable in enumerate(allowed) if is_usable]
            weights = list(accumulate(self._weigh(index) for index in usable))
            self._choices[allowed] = ([self._phrases[index] for index in usable], weights)
        phrases, weights = self._choices[allowed]
        return source.choices(phrases, cum_weights=weights)[0]

    def _weigh(self, index: int) -> int:
        return self._weights[index] * (_INSIDE_FACTOR if self.rules[self._phrases[index].name].inside else 1)


def _is_allowed(rule: Rule, place: _Place, kind: str) -> bool:
    if rule.inside == "group":
        return place.in_group
    if rule.inside and rule.inside != kind:
        return False
    return not (rule.waits and place.is_bounded) and not (rule.is_block and place.depth >= _MOST_DEPTH)


class _Writer:
    """Writes the tasks of one program."""

    def __init__(self, generator: Generator, source: random.Random, resources: Sequence[Resource], tasks: int) -> None:
        self._generator = generator
        self._source = source
        self._resources = resources
        self._tasks = tasks
        self._left = 0

    def write_task(self) -> Operations:
        """Return the operations of one task."""
        self._left = MOST_OPERATIONS
        return self._write(_Place(), self._generator._grammar.length)  # noqa: SLF001 - the writer is part of it

    def _write(self, place: _Place, most: int) -> Operations:
        operations: list[Operation] = []
        for _ in range(self._source.randint(1, most)):
            if self._left <= 0:
                break
            if (operation := self._write_one(place)) is not None:
                operations.append(operation)
        return tuple(operations)

    def _write_one(self, place: _Place) -> Operation | None:
        return self._fill(self._generator.choose(self._source, place, self._resources), place)

    def _fill(self, phrase: Operation, place: _Place) -> Operation | None:
        """Return an operation with its target, its amount and, unless the phrase has one, its body."""
        rule = self._generator.rules[phrase.name]
        target = self._choose_target(rule, place)
        if target is None:
            return None
        self._left -= 1
        amount = phrase.amount or self._source.choice(rule.amounts)
        inner = replace(place, depth=place.depth + 1)
        children: tuple[Operations, ...] = ()
        if rule.holds:
            inner = replace(inner, held=place.held | {target}, innermost=target)
        if rule.in_other_task:
            inner = replace(inner, is_bounded=inner.is_bounded or rule.is_bounded, in_group=False, innermost=None)
        if rule.has_children:
            inner = replace(inner, in_group=True)
            alone = replace(inner, innermost=None)  # a child does not hold what its parent holds
            children = tuple(self._write(alone, 2) for _ in range(self._source.randint(1, _MOST_CHILDREN)))
        if phrase.body:
            filled = (self._fill(each, inner) for each in phrase.body)
            return Operation(rule.name, target, amount, tuple(each for each in filled if each is not None), children)
        return Operation(rule.name, target, amount, self._write(inner, 2) if rule.is_block else (), children)

    def _choose_target(self, rule: Rule, place: _Place) -> int | None:
        """Return the target of the operation, or `None` if no target is left."""
        if rule.needs == "task":
            return self._source.randrange(self._tasks)
        if rule.inside and rule.inside != "group":
            return place.innermost
        if not rule.needs:
            return 0
        fitting = [
            index
            for index, resource in enumerate(self._resources)
            if resource.kind == rule.needs and not (rule.holds and index in place.held)
        ]
        return self._source.choice(fitting) if fitting else None

"""A program is data: it can be stored, made again, and made smaller."""

import json
from dataclasses import replace

import pytest

from harness.explore.families import FAMILIES
from harness.explore.generate import MOST_OPERATIONS, Generator
from harness.explore.grammar import RULES
from harness.explore.program import Operation, Program, Resource, decode_program, describe_program, encode_program
from harness.explore.shrink import is_valid, list_candidates, shrink

COUNT = 150


@pytest.mark.parametrize("family", FAMILIES)
def test_a_seed_makes_the_same_programs_again(family):
    """Program N of a seed does not depend on which others were made."""
    first, second = Generator(FAMILIES[family]), Generator(FAMILIES[family])
    programs = [first.make(7, number) for number in range(COUNT)]
    assert [second.make(7, number) for number in reversed(range(COUNT))] == programs[::-1]
    assert len(set(programs)) > COUNT / 2


@pytest.mark.parametrize("family", FAMILIES)
def test_generated_programs_keep_the_rules(family):
    """Each is bounded, its operations are where they may be, and JSON gives it back."""
    grammar = FAMILIES[family]
    generator = Generator(grammar)
    for number in range(COUNT):
        program = generator.make(1, number)
        assert is_valid(program, grammar.all_rules())
        assert grammar.tasks[0] <= len(program.tasks) <= min(6, grammar.tasks[1])
        assert program.size <= len(program.tasks) * (MOST_OPERATIONS + 3)
        assert decode_program(json.loads(json.dumps(encode_program(program)))) == program
        assert len(describe_program(program)) == len(program.tasks) + 1


def test_every_rule_is_in_a_family():
    """An operation that no family has would never run."""
    used = {name for grammar in FAMILIES.values() for name in grammar.weights}
    assert used == set(RULES)


LOCK = (Resource("lock"), Resource("event"))
HOLD = Operation("hold", 0, 0, (Operation("checkpoint", 0, 3), Operation("cancel", 2)))
BIG = Program(LOCK, ((HOLD, Operation("wait", 1)), (Operation("checkpoint", 0, 2),), (HOLD, HOLD)))


def test_shrinking_ends_at_the_smallest_program():
    """What must stay stays, and everything else goes: tasks, operations, blocks, amounts, unused resources."""

    def fails(program: Program) -> str:
        return "native 0" if any(each.name == "cancel" for task in program.tasks for each in _all(task)) else ""

    shrunk = shrink(BIG, "shuffle 3", fails, RULES)
    assert shrunk.program == Program((), ((Operation("cancel", 0),),))
    assert shrunk.schedule == "native 0"
    assert 0 < shrunk.tried < 60


def test_candidates_are_valid_and_different():
    """No candidate is the program itself, or has an operation where it must not be."""
    condition = Program((Resource("condition"),), ((Operation("enter", 0, 0, (Operation("take"),)),) * 2,))
    for program in (BIG, condition):
        candidates = list(list_candidates(program, RULES))
        assert program not in candidates
        assert len(set(candidates)) == len(candidates) > 2
        assert all(is_valid(each, RULES) for each in candidates)


def test_a_cancelled_task_that_is_removed_takes_its_cancellations_with_it():
    """The others still name the tasks that they named."""
    program = Program((), ((Operation("cancel", 1), Operation("cancel", 2)), (), (Operation("checkpoint", 0, 1),)))
    without = next(each for each in list_candidates(program, RULES) if len(each.tasks) == 2 and each.tasks[0])
    assert without == replace(program, tasks=((Operation("cancel", 1),), program.tasks[2]))


def _all(operations):
    for each in operations:
        yield each
        yield from _all(each.body)

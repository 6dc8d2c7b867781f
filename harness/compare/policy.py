"""Policy or semantics: can the backends of a row agree on an answer under some order of steps?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.model import Nature, PossibleAnswers

from .rows import Row


def classify(answers: Mapping[str, Mapping[str, int]]) -> Nature:
    """Return the nature of a row.

    Args:
        answers: by backend, how often it gave each answer under many orders; a backend without any is left out.
    """
    sets = [set(each) for each in answers.values() if each]
    if len(sets) < 2:
        return Nature.NOT_COMPARED
    if all(each == sets[0] for each in sets):
        return Nature.SAME
    return Nature.POLICY if set.intersection(*sets) else Nature.SEMANTIC


def find_nature(row: Row, answers: Iterable[PossibleAnswers]) -> Nature | None:
    """Return the nature of a row by the answers of its backends; nothing if fewer than two of them were asked."""
    labels, name = {square.label for square in row.squares}, str(row.id)
    found = classify({each.label: each.counts for each in answers if each.row == name and each.label in labels})
    return None if found is Nature.NOT_COMPARED else found

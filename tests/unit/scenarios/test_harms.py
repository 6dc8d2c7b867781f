"""Answers that hurt a program declare their harm: advice, root causes and the page go by it, not by the words."""

import re

from harness.api import Grade, Harm
from harness.plugins import Plugins

HURTS = re.compile(
    r"never (ends|returns)|for ever|sleeps on|only SIGKILL|does not end|no end\b"
    r"|\b(it is|bytes are|item is) lost|arrives? twice|is a zombie|(descriptors|processes) are left"
    r"|ends with an error of its own"
)
MILD = {None, Harm.ANSWER, Harm.ERROR, Harm.TIME}


def test_what_hurts_has_a_harm():
    """A wait without an end, a loss, a leak, a dead run: of each shipped question."""
    undeclared = {
        (name, key, value)
        for name, scenario in Plugins().catalogue().scenarios.items()
        for key, judge in scenario.judges.items()
        for value, graded in getattr(judge, "grades", {}).items()
        if graded.grade is not Grade.ALLOWED and HURTS.search(value) and graded.harm in MILD
    }
    assert undeclared == set()

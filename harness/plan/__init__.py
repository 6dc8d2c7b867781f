"""(Request, Catalogue) → Plan; pure."""

from .make import assign_work, find_scalable, make_plan, plan_rounds
from .order import by_family, first_rows, longest_first
from .select import select_backends, select_scenarios
from .spec import parse_spec

__all__ = [
    "assign_work",
    "by_family",
    "find_scalable",
    "first_rows",
    "longest_first",
    "make_plan",
    "parse_spec",
    "plan_rounds",
    "select_backends",
    "select_scenarios",
]

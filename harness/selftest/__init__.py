"""Does the harness find what is there, and nothing else? It is tried on this machine, with a truth that is known.

A bench runs requests on real cells, through the ordinary stages, with backends that are injected with a known fault.
A module for each part of the self-test runs its requests and judges what came out.
"""

from .bench import Bench
from .part import FULL, SHORT, Effort, PartResult
from .parts import run_parts, summarise

__all__ = ["FULL", "SHORT", "Bench", "Effort", "PartResult", "run_parts", "summarise"]

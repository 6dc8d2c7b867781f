"""Blocking functions in curio's own threads and processes, which have the shape of the contract as they are."""

from __future__ import annotations

from curio import run_in_process, run_in_thread

__all__ = ["run_in_process", "run_in_thread"]

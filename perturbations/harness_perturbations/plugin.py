"""Declare the perturbations. Their implementations are imported only in the worker."""

from __future__ import annotations

from harness.api import Perturbation
from harness.plugins import hookimpl


@hookimpl
def harness_perturbations() -> list[Perturbation]:
    """Bring those of the CPU, of files, of sockets and of the garbage collector."""
    from .collector import COLLECTOR
    from .cpus import CPU_HOG, ONE_CPU
    from .files import OPEN_FILES
    from .sockets import RECEIVE_BUFFER, SEND_BUFFER

    return [ONE_CPU, CPU_HOG, OPEN_FILES, SEND_BUFFER, RECEIVE_BUFFER, COLLECTOR]

"""Declare the backend. Its faults are in `faults`, which only a worker imports."""

import msgspec

from harness.api import Backend, BackendOption
from harness.plugins import hookimpl
from harness_threads.plugin import THREADS

FAULTS = {
    "process": ("zero-for-a-signal", "wait-collects-any-child", "killed-run-is-not-reaped", "large-output-is-cut"),
    "bridge": ("inbox-drops-items", "event-set-by-a-thread-is-lost", "errors-change-class", "timeout-cancels-job"),
    "server": ("error-stops-serving", "close-cuts-connections", "errors-are-silent", "connections-stay-open"),
    "end": ("interrupt-is-success", "exit-code-is-lost", "sigterm-is-held", "runs-once"),
}
"""By kind of question, the faults of the implementation."""


@hookimpl
def harness_backends() -> list[Backend]:
    """Bring the backend, healthy or with one fault."""
    names = ("none", *(name for kind in FAULTS.values() for name in kind))
    fault = BackendOption(name="fault", default="none", summary="what is wrong", choices=names)
    return [
        msgspec.structs.replace(
            THREADS,
            name="third-party",
            runner="harness_third_party.faults:Runner",
            options=(fault,),
            costs={},
            derives_from="threads",
        )
    ]

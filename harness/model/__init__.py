"""Frozen data that passes between stages.

A name's module is imported when the name is first used: a worker needs two of these modules, and its start-up is
part of what is measured.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cell import (
        LEAST_ROUNDS,
        BackendSpec,
        Cell,
        Plan,
        Request,
        RoleBackend,
        RowId,
        SkippedCell,
        format_parameters,
        format_value,
    )
    from .command import make_command
    from .comparison import (
        PLANTED,
        CellSummary,
        Comparison,
        Finding,
        FindingKind,
        Group,
        MetricSummary,
        OrderEffect,
        RatioSummary,
        RowSummary,
        SelfCheck,
        SpeedVerdict,
    )
    from .errors import HarnessError, JournalError, NothingSelectedError, PluginError, UsageError, WorkerProtocolError
    from .expectation import Expectation, matches_glob
    from .outcome import (
        SYMBOLS,
        Attestation,
        Autopsy,
        CellResult,
        ErrorReport,
        Observation,
        Observed,
        Outcome,
        RoleResult,
        Step,
        Unhandled,
        Usage,
    )
    from .renderer import Renderer, RenderOptions
    from .run import (
        FORMAT,
        BackendCard,
        CellFinished,
        CellObserved,
        CellProgressed,
        CellRecord,
        CellStarted,
        Run,
        RunEvent,
        RunExtended,
        RunFinished,
        RunResumed,
        RunStarted,
        ScenarioCard,
    )

__all__ = [
    "FORMAT",
    "LEAST_ROUNDS",
    "PLANTED",
    "SYMBOLS",
    "Attestation",
    "Autopsy",
    "BackendCard",
    "BackendSpec",
    "Cell",
    "CellFinished",
    "CellObserved",
    "CellProgressed",
    "CellRecord",
    "CellResult",
    "CellStarted",
    "CellSummary",
    "Comparison",
    "ErrorReport",
    "Expectation",
    "Finding",
    "FindingKind",
    "Group",
    "HarnessError",
    "JournalError",
    "MetricSummary",
    "NothingSelectedError",
    "Observation",
    "Observed",
    "OrderEffect",
    "Outcome",
    "Plan",
    "PluginError",
    "RatioSummary",
    "RenderOptions",
    "Renderer",
    "Request",
    "RoleBackend",
    "RoleResult",
    "RowId",
    "RowSummary",
    "Run",
    "RunEvent",
    "RunExtended",
    "RunFinished",
    "RunResumed",
    "RunStarted",
    "ScenarioCard",
    "SelfCheck",
    "SkippedCell",
    "SpeedVerdict",
    "Step",
    "Unhandled",
    "Usage",
    "UsageError",
    "WorkerProtocolError",
    "format_parameters",
    "format_value",
    "make_command",
    "matches_glob",
]

_MODULES = ("cell", "command", "outcome", "errors", "run", "comparison", "expectation", "renderer")


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in (import_module(f".{home}", __name__) for home in _MODULES):
            if name in vars(module):
                globals()[name] = vars(module)[name]
                return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

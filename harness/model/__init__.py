"""Frozen data that passes between stages.

A name's module is imported when the name is first used: a worker needs two of these modules, and its start-up is
part of what is measured.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cell import (
        LEAST_ROUNDS,
        TRIAL_ROUND,
        BackendSpec,
        Cell,
        Plan,
        Request,
        RoleBackend,
        RowId,
        SkippedCell,
        format_parameters,
        format_value,
        make_file_name,
    )
    from .command import make_command
    from .comparison import (
        PLANTED,
        Bounds,
        CellSummary,
        Comparison,
        Finding,
        FindingKind,
        Group,
        MetricSummary,
        OrderEffect,
        Overall,
        RatioSummary,
        Repeats,
        RowSummary,
        SelfCheck,
        SpeedVerdict,
    )
    from .environment import Environment
    from .errors import HarnessError, JournalError, NothingSelectedError, PluginError, UsageError, WorkerProtocolError
    from .executor import LOCAL, Executor
    from .expectation import Expectation, KnownBreach, matches_glob
    from .limits import DEFAULT_LIMITS, LIMITS, SIZES, format_limit
    from .outcome import (
        FORMAT,
        MOST_DELAY,
        NOT_TRIED,
        SYMBOLS,
        UNFINISHED,
        Attempt,
        Attestation,
        Autopsy,
        CellResult,
        Disturbance,
        ErrorReport,
        LastSeen,
        Observation,
        Observed,
        Outcome,
        Resources,
        RoleResult,
        Stall,
        Step,
        Unhandled,
        Usage,
    )
    from .renderer import Renderer, RenderOptions
    from .run import (
        MACHINE_FACTS,
        PASSING_FACTS,
        BackendCard,
        CellFinished,
        CellObserved,
        CellProgressed,
        CellRecord,
        CellRetried,
        CellStarted,
        Event,
        Moment,
        Run,
        RunCalibrated,
        RunEvent,
        RunExtended,
        RunFinished,
        RunResumed,
        RunStarted,
        ScenarioCard,
    )
    from .value import is_whole, outcome_text, value_text
    from .work import RowWork

__all__ = [
    "DEFAULT_LIMITS",
    "FORMAT",
    "LEAST_ROUNDS",
    "LIMITS",
    "LOCAL",
    "MACHINE_FACTS",
    "MOST_DELAY",
    "NOT_TRIED",
    "PASSING_FACTS",
    "PLANTED",
    "SIZES",
    "SYMBOLS",
    "TRIAL_ROUND",
    "UNFINISHED",
    "Attempt",
    "Attestation",
    "Autopsy",
    "BackendCard",
    "BackendSpec",
    "Bounds",
    "Cell",
    "CellFinished",
    "CellObserved",
    "CellProgressed",
    "CellRecord",
    "CellResult",
    "CellRetried",
    "CellStarted",
    "CellSummary",
    "Comparison",
    "Disturbance",
    "Environment",
    "ErrorReport",
    "Event",
    "Executor",
    "Expectation",
    "Finding",
    "FindingKind",
    "Group",
    "HarnessError",
    "JournalError",
    "KnownBreach",
    "LastSeen",
    "MetricSummary",
    "Moment",
    "NothingSelectedError",
    "Observation",
    "Observed",
    "OrderEffect",
    "Outcome",
    "Overall",
    "Plan",
    "PluginError",
    "RatioSummary",
    "RenderOptions",
    "Renderer",
    "Repeats",
    "Request",
    "Resources",
    "RoleBackend",
    "RoleResult",
    "RowId",
    "RowSummary",
    "RowWork",
    "Run",
    "RunCalibrated",
    "RunEvent",
    "RunExtended",
    "RunFinished",
    "RunResumed",
    "RunStarted",
    "ScenarioCard",
    "SelfCheck",
    "SkippedCell",
    "SpeedVerdict",
    "Stall",
    "Step",
    "Unhandled",
    "Usage",
    "UsageError",
    "WorkerProtocolError",
    "format_limit",
    "format_parameters",
    "format_value",
    "is_whole",
    "make_command",
    "make_file_name",
    "matches_glob",
    "outcome_text",
    "value_text",
]

_MODULES = (
    "cell",
    "command",
    "outcome",
    "errors",
    "run",
    "comparison",
    "expectation",
    "renderer",
    "executor",
    "limits",
    "environment",
    "value",
    "work",
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in (import_module(f".{home}", __name__) for home in _MODULES):
            if name in vars(module):
                globals()[name] = vars(module)[name]
                return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

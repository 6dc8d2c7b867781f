"""Questions about semantics: small, exact, asked many times. One module for each family, or a few for a large one."""

from __future__ import annotations

from harness.api import Scenario


def list_questions() -> list[Scenario]:
    """Return every question, by family."""
    from . import (
        cancel,
        cancel_cleanup,
        cancel_items,
        channel,
        deadline,
        deadline_condition,
        deadline_result,
        fairness,
        group,
        group_around,
        group_lifetime,
        listener,
        listener_fds,
        lock,
        offload,
        offload_cancel,
        shutdown,
        shutdown_interrupt,
        stream_close,
        stream_end,
        stream_flow,
        timer,
        waits,
    )

    families = (
        *(cancel, cancel_cleanup, cancel_items),
        *(deadline, deadline_condition, deadline_result),
        *(group, group_around, group_lifetime),
        channel,
        lock,
        fairness,
        *(stream_end, stream_close, stream_flow),
        *(listener, listener_fds),
        timer,
        *(offload, offload_cancel),
        *(shutdown, shutdown_interrupt),
        waits,
    )
    return [question for family in families for question in family.SCENARIOS]

"""Questions about semantics: small, exact, asked many times. One module for each family, or a few for a large one."""

from __future__ import annotations

from importlib import import_module

from harness.api import Scenario

_FAMILIES = (
    *("cancel", "cancel_cleanup", "cancel_items"),
    *("deadline", "deadline_condition", "deadline_result", "deadline_pending"),
    *("group", "group_around", "group_lifetime", "group_each"),
    *("channel", "lock", "fairness"),
    *("stream_end", "stream_close", "stream_flow"),
    *("listener", "listener_fds"),
    *("timer", "offload", "offload_cancel"),
    *("shutdown", "shutdown_interrupt"),
    *("process_wait", "process_streams", "process_start", "process_others"),
    *("bridge_wake", "bridge_call", "bridge_end"),
    *("bridge_blocks", "bridge_direct", "bridge_signal"),
    *("server_handler", "server_close", "server_start"),
    *("tls_close", "tls_end", "tls_handshake", "tls_upgrade", "tls_use"),
    *("unix_path", "unix_connect"),
    *("names_lookup", "names_connect"),
    *("descriptors", "descriptors_shared"),
    *("end_interrupt", "end_program"),
    *("datagram_transfer", "datagram_receive", "datagram_errors", "datagram_close"),
    *("several_waiters", "several_things", "several_crowds", "contract_rest"),
    *("several_calls", "several_bridge", "arguments", "process_each"),
    "waits",
)
"""Modules with `SCENARIOS`. Loaded when they are listed: a worker loads only the one that it was told."""


def list_questions() -> list[Scenario]:
    """Return every question, by family."""
    return [question for name in _FAMILIES for question in import_module(f".{name}", __name__).SCENARIOS]

"""The clauses of the Runtime contract, by family; importing this registers them all."""

from . import (
    bridge,
    calls,
    channel_races,
    channels,
    clock,
    groups,
    introspection,
    offload,
    processes,
    scopes,
    selection,
    servers,
    streams,
    synchronisation,
    tls,
    waits,
)
from .clause import CLAUSES, Clause, clause

__all__ = [
    "CLAUSES",
    "Clause",
    "bridge",
    "calls",
    "channel_races",
    "channels",
    "clause",
    "clock",
    "groups",
    "introspection",
    "offload",
    "processes",
    "scopes",
    "selection",
    "servers",
    "streams",
    "synchronisation",
    "tls",
    "waits",
]

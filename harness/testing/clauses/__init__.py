"""The clauses of the Runtime contract, by family; importing this registers them all."""

from . import (
<<<<<<< HEAD
    bridge,
=======
>>>>>>> f5123b6 (Child processes: the chapter's contract, its clauses, five backends, gevent and the skeleton)
    calls,
    channel_races,
    channels,
    clock,
    groups,
    offload,
<<<<<<< HEAD
    scopes,
    selection,
    servers,
=======
    processes,
    scopes,
    selection,
>>>>>>> f5123b6 (Child processes: the chapter's contract, its clauses, five backends, gevent and the skeleton)
    streams,
    synchronisation,
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
    "offload",
    "processes",
    "scopes",
    "selection",
    "servers",
    "streams",
    "synchronisation",
    "waits",
]

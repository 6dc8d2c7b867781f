"""curio's synchronisation primitives, which have the shape of the contract as they are."""

from __future__ import annotations

import curio

Event = curio.Event
Lock = curio.Lock
Semaphore = curio.Semaphore
Condition = curio.Condition

"""The connection storm: schedule, client, server, limits of the host, and the books that must balance."""

from .scenario import storm

__all__ = ["storm"]

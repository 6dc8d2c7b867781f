"""The clauses of the Runtime contract, by family; importing this registers them all."""

from . import channels, streams, structure, synchronisation
from .clause import CLAUSES, Clause, clause

__all__ = ["CLAUSES", "Clause", "channels", "clause", "streams", "structure", "synchronisation"]

"""The runtimes that this Python can import."""

import sys

COROUTINES = ("asyncio", "uvloop", "trio") + (("curio",) if sys.version_info < (3, 12) else ())
"""Those whose tasks share a thread. curio 1.6 needs names that the standard library has no longer."""
BACKENDS = (*COROUTINES, "threads")

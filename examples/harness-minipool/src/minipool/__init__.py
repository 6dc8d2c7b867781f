"""A toy: a pool of connections for asyncio and trio, with the bug that many pools had.

The pool of asyncio hands a connection to a waiting task by the result of a future. A task that is cancelled before it
runs again drops that result, and the connection is in no one's hands: `minipool.on_asyncio`, method `acquire`.
"""

__version__ = "0.1.0"

"""Notifying a condition without its lock is a RuntimeError.

API: threading.Condition.notify.
"""

import sys
import threading

try:
    threading.Condition().notify()
    seen = "notify returns"
except RuntimeError as exc:
    seen = repr(exc)
expected = "RuntimeError('cannot notify on un-acquired lock')"
print(f"expected: {expected}\nseen:     {seen}")
sys.exit(seen != expected)

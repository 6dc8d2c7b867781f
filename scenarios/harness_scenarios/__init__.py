"""The scenarios that ship with harness. A scenario imports no runtime."""

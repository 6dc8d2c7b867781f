"""The curio backend."""

"""A cell that hangs or stalls: the facts that are collected before it is killed, and the diagnosis."""

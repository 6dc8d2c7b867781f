"""Conditions that make every cell of a run harder: few CPUs, busy CPUs, few files, small buffers, another collector."""

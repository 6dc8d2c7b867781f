"""One cell: its roles from start to end, its repeats and retries, and its outcome."""

"""The anyio backend: the contract that most libraries are written to, compared with the runtime below it."""

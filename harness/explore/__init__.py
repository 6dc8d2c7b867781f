"""Generated programs under seeded schedules, for faults that hand-written questions do not cover.

A program is data (`program`), made from a grammar (`grammar`, `families`, `generate`). It is run on a runtime (`play`,
`operations`) and checked against a ledger of its resources (`resources`, `clauses`); a schedule (`schedules`) decides
the order of steps. `batch` runs in a cell; `shrink` and `minimise` reduce failing programs; `confirm` and `script`
reproduce them without harness.
"""

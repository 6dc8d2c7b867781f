"""Generated programs under seeded schedules: what hand-written questions do not ask.

A program is data (`program`), made from a grammar (`grammar`, `families`, `generate`). It is run on a runtime (`play`,
`operations`) and checked against a ledger of its resources (`resources`, `clauses`); a schedule (`schedules`) decides
the order of steps. `batch` is what a cell does; `shrink` and `minimise` make what fails smaller, `confirm` and `script`
show it without any of this.
"""

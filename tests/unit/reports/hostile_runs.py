"""A run in which everything that a scenario says is the same hostile text."""

from harness.api import Chart, exact, info, metric, trace
from harness.model import Outcome

from ..compare.run_builder import a_run, cell, steps

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\x00\"'`{{7*7}}javascript:alert(3)"


def hostile(text):
    """Return the run."""
    judges = {
        "table": info(),
        text: info(),
        "end": exact(reason=text, reference=text),
        "took": metric(text),
        "trace": trace(),
    }
    more = {"scenario": text, "parameters": {"p": text}}
    facts = {"end": "x", text: text, "took": 3, "table": [[{text: 1, "took": 1}, {text: 2, "took": 2}]]}
    return a_run(
        cell("asyncio", Outcome.COMPLETED, *steps(a="b"), observed=facts, **more),
        cell("trio", Outcome.COMPLETED, *steps(**{text: text}), observed=facts | {"end": text, "took": 2}, **more),
        cell("curio", Outcome.HUNG, reason=text, stacks=text, **more),
        cell("uvloop", Outcome.UNAVAILABLE, reason=text, **more),
        judges=judges,
        headline="took",
        environment={text: text},
        hints={"uvloop": text},
        note=text,
        charts=(Chart(key="table", x=text, y="took", title=text, x_label=text, x_unit=text),),
    )

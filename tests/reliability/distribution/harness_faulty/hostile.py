"""Scenarios whose every name and text is hostile: to a terminal, a page, a table, a file system."""

from harness.api import Parameter, Probe, Runtime, Scenario, exact, info

TEXTS = {
    "path": "../../../../escaped",
    "ansi": "\x1b[2J\x1b]0;title\x07\x9b31m\x1b[31mred\r\x08",
    "script": "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`",
    "surrogate": "half \ud800 pair",
    "long": "x" * 10_000,
    "formula": "=cmd|'/C calc'!A0",
    "shell": "$(touch escaped); `touch escaped` & touch escaped #",
    "marks": "\u202eesrever\u2028line\x00nul\ufeff",
}
"""By what they are hostile to."""

HOSTILE: list[Scenario] = []


def make(kind: str, text: str, name: str) -> None:
    async def role(runtime: Runtime, probe: Probe) -> None:
        print(text.encode(errors="replace").decode())
        probe.observe(text, text)
        probe.step(text, text)
        probe.observe("end", {text: [text]})
        raise ValueError(text)

    role.__name__ = role.__qualname__ = f"role_{kind}"
    scenario = Scenario(
        name=name,
        question=name,
        contract=(name,),
        ref=f"{__name__}:{kind}",
        roles={name: role},
        parameters=(Parameter(name=name, default=name, summary=name, unit=name),),
        judges={name: info(), "end": exact(reason=name, reference=name)},
        headline="end",
        rows={"quick": ({name: f"{name} again"},)},
        timeout=20.0,
    )
    globals()[kind] = scenario
    HOSTILE.append(scenario)


for _kind, _text in TEXTS.items():
    make(_kind, _text, _text)
make("says_surrogates", TEXTS["surrogate"], "says HALF PAIRS")

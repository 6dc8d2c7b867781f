"""Does a candidate behave like its baseline? Each of its columns is held against the baseline's with the same idiom.

Here a difference that a contract leaves open counts as well: a program that was written for the baseline meets it.
What differs is looked at in several rounds: it counts if the candidate shows it in each of them and the baseline in
none, or if it breaks the contract in two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.api import Harm
from harness.model import (
    BackendSpec,
    Basis,
    Candidate,
    Difference,
    DropIn,
    Expectation,
    FindingKind,
    Outcome,
    make_command,
)

from .dependence import list_prerequisites
from .lineage import matches, spec_of
from .root_causes import HARMS, Sign, group_signs
from .rows import CellFacts, Row, Square
from .trace import describe_difference
from .traits import ENDING_OF_CELL, LEFT, UNHANDLED, Trait, list_raised, list_traits
from .values import outcome_text

_LEAST_BREACHES = 2
_OR = " or "
_KEY_OF_FINDING: dict[FindingKind | None, str] = {FindingKind.LEFTOVER: LEFT, FindingKind.UNHANDLED: UNHANDLED}
"""Subject of an expectation for a finding of that kind."""
_USUAL = {ENDING_OF_CELL: "completes", LEFT: "nothing", UNHANDLED: "none"}
"""Shown for the baseline where it has no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The cells of a row on the baseline and on the candidate, with the same idiom."""

    row: Row
    baseline: Square
    candidate: Square


def judge_drop_in(rows: Sequence[Row], candidate: Candidate, known: Sequence[Expectation] = ()) -> DropIn:
    """Return whether a candidate behaves like its baseline, in the rows of a run.

    Args:
        rows: of the run.
        candidate: what shall replace what, as the request has it.
        known: expectations; behaviour known of the baseline may show on the candidate only, by chance.
    """
    pairs = [pair for row in rows for pair in find_pairs(row, candidate)]
    able = [pair for pair in pairs if _has_run(pair.baseline) and _has_run(pair.candidate)]
    found = [(pair, _with_facts(pair, trait)) for pair in able for trait in _differing(pair, known)]
    found.sort(key=_by_weight)
    differences = tuple(_describe(pair, trait) for pair, trait in found)
    better = [(pair, trait) for pair in able for trait in _repaired(pair)]
    steady = {id(pair) for pair, _ in (*found, *better)}
    signs: list[Sign] = [
        (place, trait, pair.row.id, (pair.candidate.label,)) for place, (pair, trait) in enumerate(found)
    ]
    return DropIn(
        candidate=candidate.backend,
        baseline=candidate.baseline,
        checks=candidate.checks,
        differences=differences,
        causes=group_signs(signs, list_prerequisites(rows)),
        better=tuple(_describe_better(pair, trait) for pair, trait in better),
        compared=len(able),
        unsteady=sum(1 for pair in able if is_doubtful(pair) and id(pair) not in steady),
        not_compared=tuple(_count_reasons(pair for pair in pairs if pair not in able)),
    )


def list_doubtful(rows: Iterable[Row], candidate: Candidate) -> tuple[Row, ...]:
    """Return the rows in which the candidate shows something that the baseline does not: they need more rounds."""
    return tuple(row for row in rows if any(is_doubtful(pair) for pair in find_pairs(row, candidate)))


def is_doubtful(pair: Pair) -> bool:
    """Return whether any cell of the candidate shows what no cell of the baseline does."""
    return _has_run(pair.baseline) and _has_run(pair.candidate) and bool(_only_candidate(pair))


def find_pairs(row: Row, candidate: Candidate) -> Iterator[Pair]:
    """Yield the candidate's columns of a row, each with the baseline's of the same idiom."""
    own, base = _parse(candidate.backend), _parse(candidate.baseline)
    squares = {spec: square for square in row.squares if (spec := spec_of(square.cells)) is not None}
    for spec, square in squares.items():
        if spec.name == own.name and spec.place == own.place and set(own.options) <= set(spec.options):
            idiom = set(spec.options) - set(own.options)
            options = tuple(sorted({*base.options, *idiom}))
            partner = squares.get(BackendSpec(base.name, options, base.environment, base.version))
            if partner is not None and partner is not square:
                yield Pair(row=row, baseline=partner, candidate=square)


def _parse(text: str) -> BackendSpec:
    head, _, rest = text.partition(":")
    name, _, environment = head.partition("@")
    name, _, version = name.partition("==")
    options = tuple(sorted(tuple(part.split("=", 1)) for part in rest.split(",") if part))
    return BackendSpec(name, options, environment, version)  # type: ignore[arg-type]  # each option is key=value


def _has_run(square: Square) -> bool:
    return any(cell.ran for cell in square.cells)


def _tally(row: Row, square: Square) -> dict[tuple[str, str], tuple[int, Trait]]:
    """Return the traits of the cells of a square, with the number of cells that show each."""
    counts: Counter[tuple[str, str]] = Counter()
    traits: dict[tuple[str, str], Trait] = {}
    for cell in square.cells:
        shown = {(trait.key, trait.value): trait for trait in list_traits(row, cell) if cell.ran}
        counts.update(shown.keys())
        traits |= shown
    return {name: (counts[name], trait) for name, trait in traits.items()}


def _only_candidate(pair: Pair) -> dict[tuple[str, str], tuple[int, Trait]]:
    usual = _tally(pair.row, pair.baseline)
    return {name: shown for name, shown in _tally(pair.row, pair.candidate).items() if name not in usual}


def _by_weight(case: tuple[Pair, Trait]) -> tuple[int, bool, bool, bool]:
    """The worst first; at equal harm, the clearest evidence.

    That is the only answer of a question, which is what its script is about, and one that the baseline gets right.
    """
    pair, trait = case
    is_wrong_there = any(usual.breaks for _, usual in _tally(pair.row, pair.baseline).values())
    graded = [key for key, judge in pair.row.card.judges.items() if judge.is_graded]
    return HARMS[trait.harm], trait.key == LEFT, len(graded) > 1, is_wrong_there


def _differing(pair: Pair, known: Sequence[Expectation]) -> Iterator[Trait]:
    cells = [cell for cell in pair.candidate.cells if cell.ran]
    improved = {trait.key for trait in _repaired(pair)}
    found: list[Trait] = []
    for (key, _), (count, trait) in _only_candidate(pair).items():
        is_steady = count == len(cells)
        is_broken = trait.breaks and count >= min(_LEAST_BREACHES, len(cells))
        is_excused = key in improved or _is_same_error(pair, trait) or _is_known_of_baseline(pair, trait, known)
        if (is_steady or is_broken) and not is_excused:
            found.append(trait)
    yield from _without_echoes(found)


def _is_same_error(pair: Pair, trait: Trait) -> bool:
    """Return whether both raise the same, by class and errno: then only the message differs."""
    raised, usual = (
        {fact for cell in square.cells for fact in list_raised(cell)} for square in (pair.candidate, pair.baseline)
    )
    return trait.harm is Harm.ERROR and bool(raised) and raised == usual


def _with_facts(pair: Pair, trait: Trait) -> Trait:
    """Return a trait for another error, with both errors in its title: their class is what programs catch."""
    raised, usual = _all_raised(pair.candidate), _all_raised(pair.baseline)
    is_named = not trait.cause.scope  # its symptom is declared
    if trait.harm is not Harm.ERROR or trait.cause.basis is not Basis.ANSWER or is_named or not raised:
        return trait
    there = f"raises {', '.join(sorted(usual))}" if usual else " or ".join(_values_of(pair, trait.key))
    title = f"raises {', '.join(sorted(raised))}; {pair.baseline.label} {there}"
    return replace(trait, cause=replace(trait.cause, title=title))


def _values_of(pair: Pair, key: str) -> list[str]:
    """Return the baseline's answers for a key."""
    return [value for name, value in _tally(pair.row, pair.baseline) if name == key]


def _is_known_of_baseline(pair: Pair, trait: Trait, known: Sequence[Expectation]) -> bool:
    """Return whether an expectation covers the baseline too, if only sometimes."""
    return any(
        matches(pair.row.id.scenario, expectation.scenario)
        and any(matches(pair.baseline.label, pattern) for pattern in expectation.backends)
        and _KEY_OF_FINDING.get(expectation.finding, expectation.key or ENDING_OF_CELL) == trait.key
        and expectation.value in ("", trait.value)
        for expectation in known
    )


def _all_raised(square: Square) -> set[str]:
    return {fact for cell in square.cells for fact in list_raised(cell)}


def _without_echoes(traits: Sequence[Trait]) -> Iterator[Trait]:
    """Yield one trait for each cause: the outcome of the cell and its answers are two views of one behaviour.

    Where something is left behind, memory that grows is an echo of it.
    """
    if any(trait.cause.basis is Basis.LEFTOVER for trait in traits):
        traits = [trait for trait in traits if trait.harm is not Harm.LEAK or trait.cause.basis is Basis.LEFTOVER]
    traits = _joined(traits)
    for cause in dict.fromkeys(trait.cause for trait in traits):
        of_cause = (trait for trait in traits if trait.cause == cause)
        yield min(of_cause, key=lambda trait: (HARMS[trait.harm], trait.key == LEFT))


def _joined(traits: Sequence[Trait]) -> list[Trait]:
    """Return the traits with several answers to one question, none of which breaks the contract, as one."""
    joined: dict[object, Trait] = {}
    for trait in traits:
        is_open = trait.cause.basis is Basis.ANSWER and bool(trait.cause.scope) and not trait.breaks
        name: object = (trait.key, trait.cause.scope) if is_open else trait
        if (first := joined.get(name)) is None:
            joined[name] = trait
        else:
            value = f"{first.value}{_OR}{trait.value}"
            joined[name] = replace(first, value=value, cause=replace(first.cause, title=value))
    return list(joined.values())


def _repaired(pair: Pair) -> Iterator[Trait]:
    """Yield what breaks the contract on the baseline in each cell and on the candidate in none, or is better there."""
    other = _tally(pair.row, pair.candidate)
    broken = {trait.key for _, trait in other.values() if trait.breaks}
    if broken & {ENDING_OF_CELL}:
        return
    ran = sum(cell.ran for cell in pair.baseline.cells)
    for (key, _), (count, trait) in _tally(pair.row, pair.baseline).items():
        is_mended = trait.breaks and count == ran
        if key != UNHANDLED and key not in broken and (is_mended or _is_better(pair, key)):
            yield trait


def _is_better(pair: Pair, key: str) -> bool:
    """Return whether the scenario declares each new value of the candidate as better than those of the baseline."""
    judge, usual = pair.row.card.judges.get(key), _values_of(pair, key)
    seen = (outcome_text(value) for cell in pair.candidate.cells if cell.ran for value in cell.values(key))
    values = set(seen) - set(usual)
    return judge is not None and bool(usual) and bool(values) and all(judge.is_better(value, usual) for value in values)


def _describe(pair: Pair, trait: Trait) -> Difference:
    cell = next(cell for cell in pair.candidate.cells if _shows(pair.row, cell, trait))
    model = next(cell for cell in pair.baseline.cells if cell.ran)
    return Difference(
        row=pair.row.id,
        backend=pair.candidate.label,
        baseline=pair.baseline.label,
        key=trait.key,
        expected=tuple(_values_of(pair, trait.key)) or (_USUAL.get(trait.key, "no answer"),),
        seen=tuple(trait.value.split(_OR)),
        harm=trait.harm,
        question=pair.row.card.question,
        is_breach=trait.breaks,
        raised=list_raised(cell),
        first_step=describe_difference(model, cell, pair.row),
        command=make_command(cell.cell, pair.row.request, pair.row.seed),
        cell=cell.id,
        has_script=trait.key not in (LEFT, UNHANDLED) and _has_script(pair),
    )


def _describe_better(pair: Pair, trait: Trait) -> Difference:
    seen = [value for key, value in _tally(pair.row, pair.candidate) if key == trait.key]
    return Difference(
        row=pair.row.id,
        backend=pair.candidate.label,
        baseline=pair.baseline.label,
        key=trait.key,
        expected=(trait.value,),
        seen=tuple(seen) or (_USUAL.get(trait.key, "no answer"),),
        harm=trait.harm,
        question=pair.row.card.question,
    )


def _has_script(pair: Pair) -> bool:
    """Return whether the scenario brings a standalone script for the runtime and the idiom."""
    own, base = spec_of(pair.candidate.cells), spec_of(pair.baseline.cells)
    assert own is not None
    assert base is not None
    idiom = ",".join(f"{key}={value}" for key, value in own.options if (key, value) in base.options)
    names = {".".join(filter(None, (spec.name, idiom))) for spec in (own, base)}
    return bool(names & set(pair.row.card.scripts))


def _shows(row: Row, cell: CellFacts, trait: Trait) -> bool:
    values = {trait.value, *trait.value.split(_OR)}
    return any(other.key == trait.key and other.value in values for other in list_traits(row, cell))


def _count_reasons(pairs: Iterable[Pair]) -> Iterator[str]:
    reasons: Counter[str] = Counter()
    for pair in pairs:
        cells = [cell for square in (pair.candidate, pair.baseline) for cell in square.cells if not cell.ran]
        reasons[_reason(cells[0])] += 1
    yield from (f"{reason} ({count})" for reason, count in reasons.most_common())


def _reason(cell: CellFacts) -> str:
    about = cell.result.reason or str(cell.outcome)
    return about if cell.outcome is Outcome.UNSUPPORTED else f"{cell.outcome}: {about}"

"""Which backends each scenario is run on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING

from msgspec.structs import replace

from harness.api import Saboteur, Scenario
from harness.model import BackendSpec, Request, UsageError, matches_glob

from .select import select_backends
from .spec import nearest, parse_spec

if TYPE_CHECKING:
    from harness.plugins import Catalogue

Column = tuple[BackendSpec, BackendSpec]
"""Server's and client's backend; the same for a scenario with one role."""


class Columns:
    """The columns of each scenario.

    Variants are run beside the selected backends, each in all roles of a cell; they are never paired with others.
    """

    def __init__(self, request: Request, catalogue: Catalogue, scenarios: Sequence[Scenario]) -> None:
        self._catalogue = catalogue
        self._request = request
        self._has_roles = request.server is not None or request.client is not None
        if self._has_roles:
            _check_roles(request, scenarios)
        if request.variants and (self._has_roles or request.pairs):
            raise UsageError(
                "--variants runs each variant with itself; leave it out, or name the specs to pair "
                "(--pairs --backend SPEC --backend SPEC)"
            )
        if request.saboteurs and (self._has_roles or request.pairs or request.variants or request.backends):
            raise UsageError("--saboteurs chooses the backends; leave out the other options that do")
        is_complete = request.server and request.client
        is_named = is_complete or request.saboteurs
        self._specs = () if is_named else select_backends(request.backends, catalogue)
        self.refusals: dict[tuple[str, BackendSpec], str] = {}
        """Why a scenario's variant cannot be run: the scenario names something that the backend does not know."""
        self.by_scenario = {scenario.name: tuple(dict.fromkeys(self._columns(scenario))) for scenario in scenarios}
        self.baseline = self._find_baseline()
        """Label of the column that ratios refer to, if the user named one."""
        self.reference = self._find_reference()
        """That column, or the first one."""

    def _columns(self, scenario: Scenario) -> Iterator[Column]:
        request = self._request
        if request.saboteurs:
            yield from ((spec, spec) for spec in _saboteurs(scenario, self._catalogue))
        elif self._has_roles:
            servers = (parse_spec(request.server, self._catalogue),) if request.server else self._specs
            clients = (parse_spec(request.client, self._catalogue),) if request.client else self._specs
            yield from product(servers, clients)
        elif request.pairs and len(scenario.roles) > 1:
            yield from product(self._specs, self._specs)
        else:
            for spec in self._specs:
                for column in (spec, *self._variants(scenario, spec)):
                    yield column, column

    def _variants(self, scenario: Scenario, spec: BackendSpec) -> Iterator[BackendSpec]:
        if self._request.variants:
            yield from list_variants(spec, self._catalogue)
        if (self._has_usual_idioms(spec) or self._request.candidate) and self._request.preset != "quick":
            # A screening asks each runtime's first idiom; a candidate is asked with every idiom of its baseline.
            family = self._family(spec) if self._request.candidate else {spec.name}
            for text in scenario.variants:
                if text.partition(":")[0] in family:
                    yield from self._named_variant(scenario, spec, text.partition(":")[2])

    def _has_usual_idioms(self, spec: BackendSpec) -> bool:
        """Return whether a spec chooses no idiom: `asyncio:loop=rloop` is asked with the variants of `asyncio`."""
        idioms = {option.name for option in self._catalogue.backend_of(spec).options if option.is_idiom}
        return idioms.isdisjoint(dict(spec.options))

    def _family(self, spec: BackendSpec) -> set[str]:
        backend = self._catalogue.backend_of(spec)
        return {spec.name, *([backend.derives_from] if backend.derives_from else [])}

    def _named_variant(self, scenario: Scenario, varied: BackendSpec, rest: str) -> Iterator[BackendSpec]:
        chosen = {key: value for key, _, value in (part.partition("=") for part in rest.split(","))}
        options = self._catalogue.backend_of(varied).options
        if any(chosen.get(option.name) in option.unavailable for option in options):
            return  # What this environment cannot do is not offered.
        spec = replace(varied, options=tuple(sorted((dict(varied.options) | chosen).items())))
        try:
            parse_spec(f"{varied}{',' if varied.options else ':'}{rest}", self._catalogue)
        except UsageError as exc:
            self.refusals[scenario.name, spec] = f"the scenario names a variant that is none: {exc}"
        yield spec

    def _find_baseline(self) -> str:
        if self._request.baseline is None:
            return ""
        wanted = parse_spec(self._request.baseline, self._catalogue)
        alone = [server for columns in self.by_scenario.values() for server, client in columns if server == client]
        if wanted not in alone:
            names = ", ".join(map(str, dict.fromkeys(alone)))
            raise UsageError(f"--baseline {wanted} is not among the backends that are run: {names or 'none'}")
        return str(wanted)

    def _find_reference(self) -> Column | None:
        backends, _ = self.specs()
        named = next((spec for spec in backends if str(spec) == self.baseline), None)
        reference = named or next(iter(backends), None)
        return None if reference is None else (reference, reference)

    def specs(self) -> tuple[tuple[BackendSpec, ...], tuple[BackendSpec, ...]]:
        """Return every backend spec in use, each followed by its variants, and those of them that are variants."""
        used = dict.fromkeys(spec for columns in self.by_scenario.values() for column in columns for spec in column)
        asked = list(used) if self._request.saboteurs else list(dict.fromkeys((*self._specs, *self._roles())))
        variants = [spec for spec in used if spec not in asked]
        ordered: list[BackendSpec] = []
        for position, spec in enumerate(asked):
            ordered.append(spec)
            if all(_column(later) != _column(spec) for later in asked[position + 1 :]):
                ordered += [variant for variant in variants if _column(variant) == _column(spec)]
        return tuple(spec for spec in ordered if spec in used), tuple(variants)

    def _roles(self) -> Iterator[BackendSpec]:
        for text in (self._request.server, self._request.client):
            if text is not None:
                yield parse_spec(text, self._catalogue)


def list_variants(spec: BackendSpec, catalogue: Catalogue) -> Iterator[BackendSpec]:
    """Yield the spec with one other idiom, for each that its backend has and this environment can do."""
    given = dict(spec.options)
    for option in catalogue.backend_of(spec).options:
        if option.is_idiom and option.name not in given:
            for choice in option.choices:
                if choice != option.default and choice not in option.unavailable:
                    yield replace(spec, options=tuple(sorted((given | {option.name: choice}).items())))


def is_variant(spec: BackendSpec, of: BackendSpec) -> bool:
    """Return whether a spec is another one, or that one with further options."""
    return (spec.name, spec.place) == (of.name, of.place) and set(of.options) <= set(spec.options)


def _column(spec: BackendSpec) -> BackendSpec:
    """Return the spec without its options: what variants have in common."""
    return replace(spec, options=())


def _saboteurs(scenario: Scenario, catalogue: Catalogue) -> Iterator[BackendSpec]:
    """Yield each control, followed by its saboteurs that the scenario must catch; nothing where it must catch none."""
    specs = [parse_spec(saboteur.spec, catalogue) for saboteur in find_caught(scenario, catalogue)]
    for backend in catalogue.backends.values():
        broken = [spec for spec in specs if spec.name == backend.name]
        if broken:
            if not backend.control:
                raise UsageError(f"backend {backend.name!r} of saboteur {broken[0]} declares no healthy control")
            yield parse_spec(backend.control, catalogue)
            yield from broken


def find_caught(scenario: Scenario, catalogue: Catalogue) -> tuple[Saboteur, ...]:
    """Return the saboteurs that a scenario must catch: those that it names, and those that name it.

    Raises:
        UsageError: it names a fault that no installed plugin brings; a score without that fault would be too good.
    """
    for name in scenario.catches:
        if name not in catalogue.saboteurs:
            hint = nearest(name, catalogue.saboteurs)
            raise UsageError(f"scenario {scenario.name!r} catches a fault {name!r}, which no plugin brings{hint}")
    return tuple(
        saboteur
        for saboteur in catalogue.saboteurs.values()
        if saboteur.name in scenario.catches or any(matches_glob(scenario.name, glob) for glob in saboteur.caught_by)
    )


def _check_roles(request: Request, scenarios: Sequence[Scenario]) -> None:
    if request.server and request.client and request.backends:
        raise UsageError("--server and --client leave no role for --backend; leave one of the three out")
    for scenario in scenarios:
        if len(scenario.roles) < 2:
            raise UsageError(f"scenario {scenario.name!r} has one role; --server and --client need two")
        for role, spec in (("server", request.server), ("client", request.client)):
            if spec is not None and role not in scenario.roles:
                raise UsageError(f"scenario {scenario.name!r} has no role {role!r}{nearest(role, scenario.roles)}")

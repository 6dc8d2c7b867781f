"""A contract for import-linter: what a plugin may import of harness is a list, and everything else is refused."""

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class AllowedImports(Contract):
    """Modules below `source_modules` import only `allowed_modules` of `package`.

    `harness.api.*` allows a package with everything in it, `harness.plugins` that module alone.
    """

    type_name = "allowed"

    source_modules = fields.SetField(subfield=fields.StringField())
    package = fields.StringField()
    allowed_modules = fields.SetField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every direct import; what the allowed modules import in turn is theirs."""
        del verbose
        refused = sorted(
            (importer, imported)
            for importer in graph.modules
            if importer.partition(".")[0] in self.source_modules
            for imported in graph.find_modules_directly_imported_by(importer)
            if imported.partition(".")[0] == self.package and not self._is_allowed(imported)
        )
        missing = sorted(name for name in self.source_modules if name not in graph.modules)
        return ContractCheck(kept=not refused and not missing, metadata={"refused": refused, "missing": missing})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each import."""
        for importer, imported in check.metadata["refused"]:
            output.print_error(f"{importer} -> {imported} is not allowed")
        for name in check.metadata["missing"]:
            output.print_error(f"there is no module {name}")

    def _is_allowed(self, module: str) -> bool:
        allowed = self.allowed_modules
        parents = {module.rsplit(".", depth)[0] for depth in range(module.count(".") + 1)}
        return module in allowed or any(f"{parent}.*" in allowed for parent in parents)

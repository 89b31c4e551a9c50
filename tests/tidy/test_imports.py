"""The import graph keeps the contracts of ``pyproject.toml``; and each contract can fail."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract
from importlinter.contracts.protected import ProtectedContract

from tests.tidy.repository import ROOT

CONFIGURATION: Final[dict[str, Any]] = read_configuration(str(ROOT / "pyproject.toml"))
CONTRACTS: Final = {options["id"]: options for options in CONFIGURATION["contracts_options"]}
KINDS: Final[dict[str, type[ForbiddenContract | LayersContract | ProtectedContract]]] = {
    "forbidden": ForbiddenContract,
    "layers": LayersContract,
    "protected": ProtectedContract,
}

# Contract, importer, imported: none of these may ever be an import.
BROKEN: Final = (
    ("layers", "pumice.errors", "pumice.model"),
    ("layers", "pumice.trace", "pumice.context"),
    ("layers", "pumice.seams", "pumice.settings"),
    ("layers", "pumice.model", "pumice.store"),
    ("layers", "pumice.scheduler", "pumice.store"),
    ("layers", "pumice.drivers", "pumice.bus"),
    ("layers", "pumice.store", "pumice.operations"),
    ("layers", "pumice.operations", "pumice.services"),
    ("layers", "pumice.services", "pumice.api"),
    ("layers", "pumice.services", "pumice.manager"),
    ("layers", "pumice.api", "pumice.manager"),
    ("layers", "pumice.manager", "pumice.process"),
    ("layers", "pumice.api", "pumice.debug"),
    ("layers", "pumice.process", "pumice.cli"),
    ("layers", "pumice.a_module_without_a_layer", "pumice.errors"),
    ("store", "pumice.api", "pumice.store"),
    ("store", "pumice.cli", "pumice.store"),
    ("drivers", "pumice.api", "pumice.drivers"),
    ("drivers", "pumice.services", "pumice.drivers"),
    ("sql", "pumice.services", "sqlite3"),
    ("sql", "pumice.process", "psycopg"),
    ("migrations", "pumice.store", "sqlalchemy"),
    ("migrations", "pumice.process", "alembic"),
    ("screen", "pumice.process", "rich"),
    ("server", "pumice.cli", "uvicorn"),
    ("pure", "pumice.scheduler", "time"),
    ("pure", "pumice.model", "os"),
)


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("pumice", include_external_packages=True, cache_dir=None)


def is_kept(contract_id: str, graph: grimp.ImportGraph) -> bool:
    """Check one contract; print the imports that break it."""
    options = CONTRACTS[contract_id]
    contract = KINDS[options["type"]](options["name"], CONFIGURATION["session_options"], options)
    check = contract.check(deepcopy(graph), verbose=False)  # A contract may change its graph.
    if not check.kept:
        contract.render_broken_contract(check)
    return bool(check.kept)


@pytest.mark.parametrize("contract_id", CONTRACTS)
def test_the_contract_is_kept(contract_id: str, imports: grimp.ImportGraph) -> None:
    assert is_kept(contract_id, imports), CONTRACTS[contract_id]["name"]


@pytest.mark.parametrize(("contract_id", "importer", "imported"), BROKEN)
def test_the_contract_finds_what_breaks_it(
    contract_id: str, importer: str, imported: str, imports: grimp.ImportGraph
) -> None:
    graph = deepcopy(imports)
    graph.add_module(importer)
    graph.add_module(imported, is_squashed=not imported.startswith("pumice."))
    graph.add_import(importer=importer, imported=imported)
    assert not is_kept(contract_id, graph)


def test_every_contract_has_a_case_that_breaks_it() -> None:
    assert {contract_id for contract_id, _, _ in BROKEN} == set(CONTRACTS)

from __future__ import annotations

import sys
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source import ROOT, modules, name_of, tree_of
from tests.architecture.test_safety import imported

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OPTIONAL: dict[str, str | tuple[str, ...]] = {
    "torch": "neural/",
    "altair": "charts/",
    "vl_convert": "charts/",
    "sklearn": "inspection/",
    "optuna": "tuning/search.py",
    "alembic": "service/database/",
    "anyio": "service/",
    "fastapi": "service/",
    "jinja2": "service/",
    "orjson": "service/",
    "prometheus_client": "service/",
    "pandas": "engines/spark/",
    "py4j": "engines/spark/",
    "pyarrow": "engines/",
    "pyspark": "engines/spark/",
    "psycopg": ("service/database/", "data/sql/"),
    "sqlalchemy": "service/database/",
    "starlette": "service/",
    "uvicorn": "service/",
}
IMPORTED_AS = {"vl_convert_python": "vl_convert", "scikit_learn": "sklearn"}


def declared(requirements: list[str]) -> set[str]:
    """Import names of requirements."""
    names = {Requirement(line).name.lower().replace("-", "_") for line in requirements}
    return {IMPORTED_AS.get(name, name) for name in names}


def test_every_imported_package_is_a_declared_dependency() -> None:
    base = declared(PROJECT["project"]["dependencies"]) | set(sys.stdlib_module_names) | {"tastemap"}
    for path in modules():
        own = {name for name, folder in OPTIONAL.items() if name_of(path).startswith(folder)}
        assert set(imported(tree_of(path))) <= base | own, name_of(path)


def test_every_dependency_is_imported_somewhere() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = declared(
        [*PROJECT["project"]["dependencies"], *(line for lines in extras.values() for line in lines)]
    )
    used = {name for path in modules() for name in imported(tree_of(path))}
    assert wanted <= used


def test_every_dependency_is_pinned_to_one_release() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all(str(pin.specifier).startswith("==") for pin in pins)
    groups = [
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    ]
    for requirement in (Requirement(line) for group in groups for line in group):
        found = [pin for pin in pins if canonicalize_name(pin.name) == canonicalize_name(requirement.name)]
        assert len(found) == 1, requirement.name
        assert requirement.specifier.contains(str(found[0].specifier)[2:]), requirement.name

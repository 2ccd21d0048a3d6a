"""The packages of fleetmesh stand one on the other, as their docstrings say."""

import ast
import re
from pathlib import Path

import pytest

import fleetmesh

ROOT = Path(fleetmesh.__file__).parent
PACKAGES = sorted(place.parent for place in ROOT.glob("*/__init__.py"))


def allowed(package: Path) -> list[str]:
    """What a package's docstring lets it import."""
    told = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8"))) or ""
    match = re.search(r"^May import: ([\w, ]+)\.$", told, re.MULTILINE)
    assert match, f"{package.name} does not say what it may import"
    return [] if match[1] == "nothing" else match[1].split(", ")


def imported(package: Path) -> set[str]:
    """The packages of fleetmesh that its modules import, anywhere in them."""
    found = set()
    for file in package.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert not node.level, f"{file}: a relative import"
                assert node.module != "fleetmesh", f"{file}: `from fleetmesh import`"
                names = [node.module or ""]
            found |= {name.split(".")[1] for name in names if name.startswith("fleetmesh.")}
    return found - {package.name}


def test_nothing_but_the_command_line_stands_beside_them() -> None:
    assert {file.name for file in ROOT.glob("*.py")} == {"__init__.py", "__main__.py"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_package_imports_what_its_docstring_says(package: Path) -> None:
    assert imported(package) == set(allowed(package))


def test_no_way_leads_back_up() -> None:
    below = {package.name: allowed(package) for package in PACKAGES}
    standing: list[str] = []
    while below:
        free = [name for name, needs in below.items() if set(needs) <= set(standing)]
        assert free, f"a circle among {sorted(below)}"
        standing += free
        for name in free:
            del below[name]

"""What made a view: whatever it depends on besides the record."""

import platform
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SOURCES = {".py", ".html", ".css"}
_TOOLS = ("jinja2", "markupsafe", "pydantic", "pytest", "pytest-html", "pytest-metadata")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


@cache
def maker() -> dict[str, str]:
    """This suite, by the digest of its source, and the versions of the tools that it writes with.

    Where two are the same, so are the views that they make of one record.
    """
    digest = sha256()
    for place in ("fleetmesh", "fixtures"):
        for file in sorted((ROOT / place).rglob("*")):
            if file.suffix in _SOURCES:
                name = file.relative_to(ROOT).as_posix()
                digest.update(f"{name}\n{sha256(file.read_bytes()).hexdigest()}\n".encode())
    return {
        "suite": digest.hexdigest(),
        "python": platform.python_version(),
        **{name: _version(name) for name in _TOOLS},
    }

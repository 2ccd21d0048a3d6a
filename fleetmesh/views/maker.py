"""What made a view: whatever it depends on besides the record."""

import platform
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_SUITE = Path(__file__).parents[1]
_SOURCES = {".py", ".html", ".css"}
_TOOLS = ("jinja2", "markupsafe", "pydantic")


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
    for file in sorted(_SUITE.rglob("*")):
        if file.suffix in _SOURCES:
            name = file.relative_to(_SUITE).as_posix()
            digest.update(f"{name}\n{sha256(file.read_bytes()).hexdigest()}\n".encode())
    return {
        "suite": digest.hexdigest(),
        "python": platform.python_version(),
        **{name: _version(name) for name in _TOOLS},
    }

"""The timer's own environment: this suite and what it stands on, as they run here, copied.

Nothing is fetched, so it works without a network, and the timer runs what was tried by hand. In an
environment of Python's (PEP 405) everything lies as it does after `pip install`, the suite as its
wheel has it.
"""

import compileall
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib import metadata
from importlib.metadata import Distribution
from pathlib import Path

from packaging.requirements import Requirement

from fleetmesh.evidence.origin import origin
from fleetmesh.inventory.suite import SUITE
from fleetmesh.timer.places import CannotInstall

_UNSEEN = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108
"""What the service does not see; infra/verify/fleet-verify.service says so."""
_MEND = "make the environment anew (`make .venv/run` in a checkout, or pipx)"
_PROGRAM = """#!/bin/sh
# The link to this folder may change while a run goes on: it stays with what it began with.
exec "$(dirname "$(readlink -f "$0")")/python" -P -m fleetmesh "$@"
"""
_METADATA = "Metadata-Version: 2.1\nName: fleetmesh\nVersion: {version}\n"

Content = Mapping[str, Path | bytes]
"""By path in the environment: the file that is copied, or what is written."""


def content() -> dict[str, Path | bytes]:
    """Everything that the environment holds, but for the interpreter. Raises CannotInstall."""
    site = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    found: dict[str, Path | bytes] = {"bin/fleetmesh": _PROGRAM.encode()}
    found["pyvenv.cfg"] = f"home = {interpreter().parent}\n".encode()
    installed = SUITE.name == "_suite"
    for package in _packages(["fleetmesh"] if installed else _direct()):
        for file in package.files or ():
            place = Path(str(file.locate()))
            compiled = "__pycache__" in file.parts
            if ".." not in file.parts and (place.exists() or not compiled):
                found[f"{site}/{file}"] = place
    if not installed:
        found |= {f"{site}/{path}": file for path, file in _checkout()}
        version = _version()
        found[f"{site}/fleetmesh-{version}.dist-info/METADATA"] = _METADATA.format(
            version=version
        ).encode()
    return found


def interpreter() -> Path:
    """The Python that is under this environment. Raises CannotInstall if a service sees none."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix, "bin", version).resolve()
    if any(base.is_relative_to(place) for place in _UNSEEN):
        raise CannotInstall(
            f"{base} lies where no service may look: {_MEND} with the system's own python3"
        )
    return base


def digest(content: Content) -> str:
    """What tells one environment from another: 12 hexadecimal digits. Raises CannotInstall."""
    found = sha256(f"{interpreter()}\0".encode())
    for path, given in sorted(content.items()):
        if "__pycache__" not in path:
            found.update(f"{path}\0{sha256(_bytes(given)).hexdigest()}\0".encode())
    return found.hexdigest()[:12]


def lying_in(folder: Path) -> str | None:
    """The digest of the environment in `folder`; None if there is none, or an unreadable one."""
    files = {
        file.relative_to(folder).as_posix(): file
        for file in folder.rglob("*")
        if file.is_file() and file != folder / "bin/python"
    }
    python = folder / "bin/python"
    if not python.is_symlink() or python.readlink() != interpreter():
        return None
    return digest(files)


def make(content: Content, folder: Path) -> None:
    """Write it into `folder`, which appears only when all of it is on the disk. Raises OSError."""
    building = folder.with_name(".building")
    if building.exists():
        shutil.rmtree(building)
    building.mkdir(parents=True)
    for path, given in content.items():
        file = building / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(given, Path):
            shutil.copy2(given, file)  # with its time, by which Python knows what it compiled
        else:
            file.write_bytes(given)
        file.chmod(0o755 if path.startswith("bin/") else 0o644)
        os.chown(file, 0, 0)
    (building / "bin/python").symlink_to(interpreter())
    for own in building.glob("lib/*/site-packages/fleetmesh"):
        compileall.compile_dir(own, quiet=1, stripdir=str(building), prependdir=str(folder))
    for made in (building, *filter(Path.is_dir, building.rglob("*"))):
        made.chmod(0o755)
    os.sync()
    if folder.exists():
        shutil.rmtree(folder)
    building.rename(folder)


def _bytes(given: Path | bytes) -> bytes:
    try:
        return given.read_bytes() if isinstance(given, Path) else given
    except OSError as error:
        raise CannotInstall(f"{given!s} cannot be read: {error.strerror}; {_MEND}") from None


def _direct() -> list[str]:
    lines = (SUITE / "requirements.in").read_text("utf-8").splitlines()
    return [name for line in lines if (name := line.partition("#")[0].strip())]


def _packages(wanted: list[str]) -> list[Distribution]:
    """Those that the requirements name, with all that they require in turn."""
    found: dict[str, Distribution] = {}
    asked = [(Requirement(one), frozenset({""})) for one in wanted]
    seen: set[tuple[str, frozenset[str]]] = set()
    while asked:
        one, extras = asked.pop()
        if one.marker and not any(one.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        name = re.sub(r"[-_.]+", "-", one.name).lower()
        if (name, frozenset(one.extras)) in seen:
            continue
        seen.add((name, frozenset(one.extras)))
        found[name] = _installed(one.name)
        its = frozenset({"", *one.extras})
        asked += [(Requirement(line), its) for line in found[name].requires or ()]
    return list(found.values())


def _installed(name: str) -> Distribution:
    try:
        package = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise CannotInstall(f"{name} is missing here; {_MEND}") from None
    if not package.files:
        raise CannotInstall(f"pip did not install {name}, so its files are not known; {_MEND}")
    return package


def _checkout() -> Iterator[tuple[str, Path]]:
    """The suite's files, where its wheel would have them."""
    build = tomllib.loads((SUITE / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    wheel = build["targets"]["wheel"]
    places = {name: name for name in wheel["packages"]} | wheel["force-include"]
    for source, place in places.items():
        top = SUITE / source
        for file in [top] if top.is_file() else filter(Path.is_file, top.rglob("*")):
            if "__pycache__" not in file.parts:
                inside = file.relative_to(top).as_posix()
                yield place if file == top else f"{place}/{inside}", file


def _version() -> str:
    """That of the project, and the commit, which each run then records."""
    project = tomllib.loads((SUITE / "pyproject.toml").read_text("utf-8"))["project"]
    made = origin(SUITE)
    if not made.commit:
        return str(project["version"])
    return f"{project['version']}+g{made.commit[:12]}{'.dirty' if made.dirty else ''}"

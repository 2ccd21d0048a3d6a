"""Where the suite's own files are: its checks, its first inventories, the runbook's reference."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
SUITE = next(place for place in (_PACKAGE / "_suite", _PACKAGE.parent) if place.is_dir())
"""Inside the installed package, or the checkout: what has tests/, fleets/ and infra/."""
TEMPLATE = Path(__file__).with_name("runbook.yaml")
"""The runbook's inventory, from which a new one is made; it is meant from `SUITE`/fleets."""


class NoFleet(Exception):
    """No inventory is meant by what was said; the text says what to write instead."""


def fleet_file(fleet: str | None) -> Path:
    """The inventory of a fleet, named by its file or by its name; None means $FLEET.

    Raises NoFleet.
    """
    named = os.environ.get("FLEET", "") if fleet is None else fleet
    if not named:
        raise NoFleet(f"which fleet? Write --fleet FILE, or --fleet NAME with one of: {_known()}")
    if named.endswith((".yaml", ".yml")) or "/" in named:
        file = (Path.cwd() / named).resolve()
        if not file.is_file():
            raise NoFleet(f"--fleet: {file} is no file; {SUITE / 'fleets'} has one to begin with")
        return file
    for folder in _folders():
        if (file := folder / f"{named}.yaml").is_file():
            return file.resolve()
    raise NoFleet(
        f"no fleet is called {named!r}; write the path of an inventory file, or one of: {_known()}"
    )


def _folders() -> tuple[Path, ...]:
    """Where a fleet's name is looked for; the caller's own folder goes first."""
    return Path.cwd() / "fleets", SUITE / "fleets"


def _known() -> str:
    names = {file.stem for folder in _folders() for file in folder.glob("*.yaml")}
    return f"{', '.join(sorted(names))} (in {' and '.join(map(str, dict.fromkeys(_folders())))})"


def front_door(arguments: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """The command that runs the checks in a process of its own, and its environment.

    -P keeps what lies in the caller's folder from being imported.
    """
    paths = [str(SUITE), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return [sys.executable, "-P", "-m", "fixtures.front_door", *arguments], environment

"""Everything that we know can go wrong, by name; each fault proves the checks that it turns.

A fault stands in the file that is named after the file of the first check which it turns (what
blinds a host turns PRE-01.right-machine first), or to which it is harmless. So the faults of
tests/production/test_boot.py are in `production/boot.py`. Where that grows too long, those of one
check have a file of their own: those of PROD-18.order are in `production/boot_order.py`.

A ground whose faults all belong together has a file of its own in each phase, `other_units.py`.

What several files need is in `bases` (kinds of faults), `machines` and `clusters` (what is done to
either) and `symptoms` (the checks by which they show).
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from rehearsal.faults.fault import Fault, Ground, Turn

PHASES = ("prereqs", "cutover", "production", "rollback", "own")


def _faults() -> dict[str, type[Fault]]:
    found: dict[str, type[Fault]] = {}
    for phase in PHASES:
        package = f"{__name__}.{phase}"
        for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
            for fault in _defined(module.name):
                if found.setdefault(fault.title(), fault) is not fault:
                    raise TypeError(f"two faults are called {fault.title()}")
    return found


def _defined(module: str) -> list[type[Fault]]:
    return [
        fault
        for name, fault in vars(import_module(module)).items()
        if isinstance(fault, type)
        and issubclass(fault, Fault)
        and fault.__module__ == module
        and not name.startswith("_")
    ]


FAULTS = _faults()
"""In the order of the checks: of their phases, then of their files."""

__all__ = ["FAULTS", "Fault", "Ground", "Turn"]

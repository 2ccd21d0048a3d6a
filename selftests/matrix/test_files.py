"""Whoever knows a check's file finds its faults, and the other way round."""

from pathlib import Path

import pytest

import rehearsal.faults
from fixtures.catalogue import written
from rehearsal.faults import FAULTS, Fault, Ground
from rehearsal.paths import PROJECT

FOLDER = Path(rehearsal.faults.__file__).parent
CHECKS = {check.id: check for check in written(PROJECT / "tests")}


def first(fault: type[Fault]) -> str:
    """The check with which a fault belongs."""
    if fault.blinds:
        return "PRE-01.right-machine"
    return next(iter(fault.turns), fault.harmless_to).partition("[")[0]


def place(check: str, ground: type[Ground] = Ground) -> Path:
    """Where the faults that belong with a check must stand; a ground may have a file of its own."""
    phase, stem = CHECKS[check].phase, CHECKS[check].file.stem.removeprefix("test_")
    alone = FOLDER / phase / f"{stem}_{check.partition('.')[2].replace('-', '_')}.py"
    apart = FOLDER / phase / f"{ground.name.replace('-', '_')}.py"
    if apart.exists():
        return apart
    return alone if alone.exists() else FOLDER / phase / f"{stem}.py"


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_stands_in_the_file_named_after_that_of_its_check(name: str) -> None:
    fault = FAULTS[name]
    file = FOLDER.parents[1] / (fault.__module__.replace(".", "/") + ".py")
    assert file == place(first(fault), fault.ground), f"{name} turns {first(fault)} first"


def test_every_file_of_checks_has_one_of_faults_and_none_stands_apart() -> None:
    files = {file for file in FOLDER.glob("*/*.py") if file.name != "__init__.py"}
    named = {
        FOLDER / check.phase / f"{check.file.stem.removeprefix('test_')}.py"
        for check in CHECKS.values()
    }
    assert named <= files
    assert files - named <= {
        place(check, ground) for check in CHECKS for ground in {f.ground for f in FAULTS.values()}
    }


def test_a_harmless_fault_names_a_check_and_turns_none() -> None:
    for name, fault in FAULTS.items():
        turns = bool(fault.turns or fault.blinds)
        assert bool(fault.harmless_to) != turns, name

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


def places(check: str, ground: type[Ground] = Ground) -> set[Path]:
    """Where faults that belong with a check may stand: the names begin like that of its file.

    A ground that has a file of its own has them there.
    """
    folder, stem = FOLDER / CHECKS[check].phase, CHECKS[check].file.stem.removeprefix("test_")
    apart = folder / f"{ground.name.replace('-', '_')}.py"
    return {apart} if apart.exists() else {folder / f"{stem}.py", *folder.glob(f"{stem}_*.py")}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_stands_in_the_file_named_after_that_of_its_check(name: str) -> None:
    fault = FAULTS[name]
    file = FOLDER.parents[1] / (fault.__module__.replace(".", "/") + ".py")
    assert file in places(first(fault), fault.ground), f"{name} turns {first(fault)} first"


def test_every_file_of_checks_has_one_of_faults_and_none_stands_apart() -> None:
    files = {file for file in FOLDER.glob("*/*.py") if file.name != "__init__.py"}
    named = {
        FOLDER / check.phase / f"{check.file.stem.removeprefix('test_')}.py"
        for check in CHECKS.values()
    }
    assert named <= files
    assert files - named <= {
        file
        for check in CHECKS
        for ground in {fault.ground for fault in FAULTS.values()}
        for file in places(check, ground)
    }


def test_a_harmless_fault_names_a_check_and_turns_none() -> None:
    for name, fault in FAULTS.items():
        turns = bool(fault.turns or fault.blinds)
        assert bool(fault.harmless_to) != turns, name

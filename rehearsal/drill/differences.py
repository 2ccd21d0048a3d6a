"""What a stage changed on the fleet, held against what it should change."""

from __future__ import annotations

from pathlib import Path

from fleetmesh.state import expectation
from fleetmesh.state.changes import changes
from fleetmesh.state.judgement import judge
from fleetmesh.state.moment import moment

_OURS = Path(__file__).with_name("expected")
"""What the disturbances change, which no operator brings about; below it, by another manager."""

Differences = tuple[int, list[str]]
"""How much has changed as expected, and a line for each finding."""


def differences(before: Path, after: Path, expects: str, manager: str) -> Differences:
    """Compare the recordings in two folders. Raises Refused or BrokenRecord."""
    one, other = moment(before), moment(after)
    ours = (place / f"{expects}.yaml" for place in (_OURS / manager, _OURS))
    name = next((str(file) for file in ours if file.exists()), expects)
    expected = expectation.read(name, other.inventory)
    found = judge(changes(one, other), expected)
    return len(found.as_expected), found.findings

"""What a stage changed on the fleet, held against what it should change."""

from __future__ import annotations

from pathlib import Path

from fleetmesh.state import expectation
from fleetmesh.state.changes import changes
from fleetmesh.state.judgement import judge
from fleetmesh.state.moment import moment

_OURS = Path(__file__).with_name("expected")
"""What the disturbances change, which no operator brings about."""

Differences = tuple[int, list[str]]
"""How much has changed as expected, and a line for each finding."""


def differences(before: Path, after: Path, expects: str) -> Differences:
    """Compare the recordings in two folders. Raises Refused or BrokenRecord."""
    one, other = moment(before), moment(after)
    file = _OURS / f"{expects}.yaml"
    expected = expectation.read(str(file) if file.exists() else expects, other.inventory)
    found = judge(changes(one, other), expected)
    return len(found.as_expected), found.findings

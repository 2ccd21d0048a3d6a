"""A run of the checks on tunnels that were migrated to certificates.

What a botched migration comes to is told by the faults on that ground.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rehearsal import migration
from rehearsal.paths import INVENTORY
from selftests.fleet.conftest import Checks

pytestmark = [pytest.mark.root, pytest.mark.fleet]


@pytest.fixture
def migrated(standing: None, tmp_path: Path) -> Iterator[Path]:  # noqa: ARG001
    """The inventory of a fleet whose tunnels use certificates."""
    document = yaml.safe_load(INVENTORY.read_text())
    migration.migrated(document)
    file = tmp_path / "fleet.yaml"
    file.write_text(yaml.safe_dump(document))
    migration.migrate()
    yield file
    migration.undo()


def test_migrated_fleet_is_ready(checks: Checks, migrated: Path) -> None:
    run = checks(f"--fleet={migrated}")
    assert run.of("PROD-14.certificate")["outcome"] == "pass", run.of("PROD-14.certificate")
    assert run.of("PRE-09.certificate")["outcome"] == "pass", run.of("PRE-09.certificate")
    assert run.verdict == "READY", run.terminal

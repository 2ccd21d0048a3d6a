"""Of which units a run that waits notices a start."""

from pathlib import Path

import pytest

from fixtures.waiting import _starts
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.inventory import load
from rehearsal.matrix.recordings import whole


@pytest.mark.parametrize("ground", ["after", "other-units"])
def test_the_starts_of_every_tunnel_s_unit_are_seen(ground: str, tmp_path: Path) -> None:
    """On the second ground one is a system unit."""
    whole(f"ground-{ground}").unpack(tmp_path)
    chosen = load(tmp_path / "inventory.yaml")
    seen = _starts(Snapshot.read(tmp_path / "transcripts.json.xz"), chosen)
    for tunnel in chosen.tunnels.values():
        assert any(where.endswith(f" {tunnel.unit}") for where in seen), tunnel.unit

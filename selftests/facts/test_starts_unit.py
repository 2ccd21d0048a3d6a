"""Which lines start a unit that a rollback has stopped, and which only look at it or end it."""

import pytest

from fleetmesh.facts.workstation import Autostart
from fleetmesh.tunnels.forwards import starts_unit


@pytest.mark.parametrize(
    ("line", "starts"),
    [
        ("systemctl --user start fleet-hub", True),
        ("systemctl --user start fleet-hub.service", True),
        ("/usr/bin/systemctl --user enable --now other fleet-hub", True),
        ("systemctl --user restart fleet-hub", True),
        ("sh -c 'sleep 9; systemctl --user start fleet-hub'", True),
        ("systemctl --user stop fleet-hub; systemctl --user start fleet-hub", True),
        ("bridge up fleet-hub", True),
        ("~/bin/wake fleet-hub", True),
        ("systemctl --user stop fleet-hub", False),
        ("systemctl --user disable --now fleet-hub", False),
        ("systemctl --user is-active fleet-hub || echo down", False),
        ("systemctl --user is-enabled fleet-hub", False),
        ("systemctl --user try-restart fleet-hub", False),
        ("bridge down fleet-hub", False),
        ("systemctl --user start fleet-hub-2", False),
        ("systemctl --user start my-fleet-hub", False),
        ("systemctl --user start other", False),
    ],
)
def test_a_line_that_starts_a_unit(line: str, starts: bool) -> None:
    assert starts_unit(Autostart("crontab", line), {"fleet-hub"}) is starts

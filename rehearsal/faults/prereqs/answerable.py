"""Faults of tests/prereqs/test_answerable.py: what would come up on the night itself."""

from __future__ import annotations

from typing import Any

from rehearsal.faults.cutover.handover import BridgeStatusGarbage
from rehearsal.faults.fault import Fault, Turn, inconclusive
from rehearsal.faults.machines import COULOMB, RAILIANCE, WORKSTATION
from rehearsal.faults.symptoms import everywhere, unanswered


class ProbeDeploymentMisnamed(Fault):
    """The inventory names a Deployment to ask from that the cluster does not have."""

    turns = {
        **unanswered(RAILIANCE, "actcore-web"),
        **everywhere(inconclusive("actcore-web")),
    }

    def inject(self) -> None:
        """Nothing happens to the fleet."""

    def heal(self) -> None:
        """Nothing has."""

    def inventory(self, document: dict[str, Any]) -> None:
        document["probe"]["deployment"] = "actcore-web"


class SmokePathAbsent(ProbeDeploymentMisnamed):
    """The inventory has a path for State Hub's smoke that its API does not know."""

    turns = unanswered(COULOMB, "HTTP 404: the service knows no such path; write the path")

    def inventory(self, document: dict[str, Any]) -> None:
        document["services"]["state-hub"]["smoke"]["path"] = "/api/progress"


class BridgeWithoutJson(BridgeStatusGarbage):
    """The workstation's `bridge` prints its status as a table, and refuses `--json`."""

    _words = "exit status 2: bridge: error: unrecognized arguments: --json"
    turns = unanswered(WORKSTATION, _words) | {
        name: Turn(turn.outcome, "unrecognized arguments: --json")
        for name, turn in BridgeStatusGarbage.turns.items()
    }
    program = "#!/bin/sh\\necho bridge: error: unrecognized arguments: --json >&2; exit 2\\n"

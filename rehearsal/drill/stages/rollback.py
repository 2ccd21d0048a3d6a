"""The way back to the workstation hub, and to where the drill began."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rehearsal import fleet, migration
from rehearsal.drill import footing
from rehearsal.drill.prober import Prober
from rehearsal.drill.stage import Stage
from rehearsal.drill.stages.before import HUB, NOT_STARTED, Before
from rehearsal.faults.fault import fail
from rehearsal.faults.machines import COULOMB, RAILIANCE, root, user

if TYPE_CHECKING:
    from rehearsal.drill.stage import Seen

DISABLED = {**NOT_STARTED, "PROD-08.enabled": fail("is disabled")}


class Rollback(Stage):
    """By what works on railiance01: the workstation hub serves both services again."""

    proves = "DRILL-04"
    turns = {**HUB, **DISABLED}
    state = "not yet"
    expects = "rollback"

    def act(self, seen: Seen) -> None:
        tried = seen.runbook("rollback-fleet", check=False)
        seen.expect(tried.exit_status != 0, "the runbook's own rollback works after all")
        seen.findings.append(
            "The rollback's `bridge down fleet-…` on railiance01 cannot work: `bridge` there is "
            f"iproute2's (exit status {tried.exit_status}: {tried.output.splitlines()[0]}). "
            "`systemctl --user disable --now fleet-…` does what it means; the second line, "
            "`bridge up …` on the workstation, works once that has freed the ports."
        )
        with Prober() as prober:
            begin = time.monotonic()
            hand_back(seen)
            prober.recovered(begin)
        seen.interrupted(prober.outages())
        fleet.wait_until_ready()


class BackToTheStart(Stage):
    """Everything that the drill did is undone: files, units and listeners are those of `before`."""

    expects, against = "back-to-the-start", "before"
    turns = Before.turns
    state = "not yet"

    def act(self, seen: Seen) -> None:
        migration.undo(self.manager.units)
        root(COULOMB, "rm -f /etc/ssh/auth_principals/tegwick")
        hand_back(seen)
        self.remove()
        seen.run("workstation", "ssh railiance01 'sudo loginctl disable-linger tegwick'")
        fleet.wait_until_ready()
        changed = footing.differences(seen.at_first, footing.of_fleet())
        seen.expect(not changed, f"not as it was before: {'; '.join(changed[:8])}")

    def remove(self) -> None:
        """Remove what the installer, and the tunnels themselves, left on railiance01."""
        files = [f".config/systemd/user/{name}.service" for name in fleet.inventory().tunnels]
        files += [".config/bridge/tunnels.yaml", ".ssh/id_ops", ".ssh/id_ops.pub"]
        files += [".ssh/known_hosts", ".ssh/known_hosts.old"]
        # The tunnels' ssh has asked the user's agent, which systemd started for it.
        user(RAILIANCE, f"rm -f {' '.join(files)}; systemctl --user daemon-reload; "
                        "systemctl --user stop ssh-agent.service; systemctl --user reset-failed; "
                        "find .config -depth -type d -empty -delete")  # fmt: skip


def hand_back(seen: Seen) -> None:
    """Stop the fleet's tunnels for good, and start the workstation's."""
    units = " ".join(seen.stage.manager.units)
    seen.run("workstation", f"ssh railiance01 'systemctl --user disable --now {units}'")
    seen.runbook("rollback-workstation")

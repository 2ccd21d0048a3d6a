"""The same stages where ops-bridge runs the tunnels on railiance01, and what differs there."""

from __future__ import annotations

import inspect
import time
from types import new_class
from typing import TYPE_CHECKING, cast

from rehearsal import fleet, migration, ops_bridge
from rehearsal.drill.manager import OPS_BRIDGE, SYSTEMD
from rehearsal.drill.prober import Prober
from rehearsal.drill.stage import FLEET_SERVES
from rehearsal.drill.stages import before, certificates, cutover, disturbances, rollback
from rehearsal.faults.fault import Turn, fail, inconclusive
from rehearsal.faults.machines import RAILIANCE, user
from rehearsal.faults.symptoms import unanswered

if TYPE_CHECKING:
    from rehearsal.drill.stage import Seen, Stage

SERVES = FLEET_SERVES | {"ROLL-02.stopped": fail("`bridge` on railiance01 says that")}
NOT_UNDERSTOOD = inconclusive("`bridge_status` was not understood")
NOT_INSTALLED: dict[str, Turn] = {
    **{
        check: turn
        for check, turn in before.NOT_INSTALLED.items()
        if "is not-found" not in turn.words and "Restart=no" not in turn.words
    },
    "CUT-04.steady": fail("ops-bridge.service is inactive (dead)"),
    "PROD-08.enabled": fail("ops-bridge.service is disabled"),
    "CUT-08.stop": NOT_UNDERSTOOD,
    "CUT-07.forwards": NOT_UNDERSTOOD,
    "PROD-09.same-after-reboot": NOT_UNDERSTOOD,
    "PROD-10.few-units": NOT_UNDERSTOOD,
    "ROLL-02.stopped": NOT_UNDERSTOOD,
    "ROLL-02.boot": NOT_UNDERSTOOD,
    **unanswered(RAILIANCE, NOT_UNDERSTOOD.words),
}  # fmt: skip
"""Without `tunnels.yaml`, `bridge` has nothing to say on railiance01."""

NOT_STARTED = {
    "CUT-04.steady": fail("ops-bridge.service is inactive (dead)"),
    "PROD-08.enabled": fail("ops-bridge.service is disabled"),
}
CONFIG = "~/.config/bridge/tunnels.yaml"
DOWN = {"CUT-04.steady": fail("`bridge` on railiance01 says that")}


class Before(before.Before):
    """The workstation hub serves both services; ops-bridge is on railiance01, without tunnels."""

    turns = {**before.HUB, **NOT_INSTALLED}

    def act(self, seen: Seen) -> None:
        which = seen.runbook("which-bridge")
        seen.expect(which.output == ops_bridge.PROGRAM, f"`which bridge` answered {which.output}")
        login = seen.runbook("fleet-login", check=False)
        seen.expect(login.exit_status != 0, "the fleet's key logs in before it is installed")


class Install(before.Install):
    """The installer and linger: ops-bridge has its configuration, and the hub still serves."""

    turns = {
        **{**before.HUB, **NOT_STARTED},
        "PROD-18.order": fail(".service would take 127.0.0.1:18"),  # the units' own, still enabled
        "ROLL-02.boot": fail("is enabled, not disabled"),
    }

    def act(self, seen: Seen) -> None:
        super().act(seen)
        asked = f"systemctl --user is-enabled {' '.join(SYSTEMD.units)}"
        enabled = user(RAILIANCE, asked, check=False).split()
        seen.expect(enabled == ["enabled"] * len(SYSTEMD.units), f"the units are {enabled}")
        seen.findings.append(
            "The installer enables the tunnels' systemd units where ops-bridge is the manager, "
            "too: at the next boot both would start the same tunnels. The runbook does not say to "
            "disable them; here, the cutover does."
        )


class InstallAgain(before.InstallAgain):
    """The same once more, which changes nothing."""

    turns = Install.turns


class NetworkCut(disturbances.NetworkCut):
    """Nothing passes between railiance01 and coulombcore any more: `bridge` reports it."""

    turns = {
        **disturbances.NetworkCut.turns,
        **DOWN,
        "CUT-07.forwards": fail("runs no ssh"),
        "PROD-09.same-after-reboot": fail("runs no ssh"),
    }
    turns.pop("ROLL-02.stopped")  # what is down and tried again, `bridge` calls down
    unsettled = {**disturbances.RETRIED, "ROLL-02.stopped": "carries it"}


class Rollback(rollback.Rollback):
    """By the runbook's own two lines: the workstation hub serves both services again."""

    # `bridge down` lasts until the next boot.
    turns = {
        **{**before.HUB, **DOWN},
        "ROLL-02.boot": fail("ops-bridge.service is enabled, not disabled, and it starts fleet-"),
    }

    def act(self, seen: Seen) -> None:
        with Prober() as prober:
            begin = time.monotonic()
            seen.runbook("rollback-fleet")
            seen.runbook("rollback-workstation")
            prober.recovered(begin)
        seen.interrupted(prober.outages())
        kept = user(RAILIANCE, "systemctl --user is-enabled ops-bridge", check=False).strip()
        seen.expect(kept == "enabled", f"after the rollback, ops-bridge.service is {kept}")
        seen.findings.append(
            "With ops-bridge on railiance01 the rollback's `bridge down fleet-…` works as "
            f"written. It does not last: ops-bridge.service is {kept} still, and starts the "
            "tunnels anew at the next boot. `systemctl --user disable --now ops-bridge` lasts."
        )
        fleet.wait_until_ready()


class CutoverAgain(cutover.CutoverAgain):
    """The same cutover once more, after a rollback that left the unit as it was."""

    expects = "cutover-again"


class Migrate(certificates.Migrate):
    """Principal, key pair, certificate by warden, tunnels.yaml switched, static key withdrawn."""

    def schedule(self) -> None:
        pass  # ops-bridge runs cert_command


class Renew(certificates.Renew):
    """ops-bridge renews a certificate of a few seconds by its cert_command, while traffic flows."""

    lifetime = 8

    def shorten(self) -> None:
        short = f"s|{migration.SIGN}|& --lifetime {self.lifetime}|"
        user(RAILIANCE, f"cp -p {CONFIG} {CONFIG}.kept; sed -i '{short}' {CONFIG}")

    def renew(self) -> None:
        user(RAILIANCE, f"mv {CONFIG}.kept {CONFIG}")

    def learned(self, seen: Seen) -> None:
        pass


class BackToTheStart(rollback.BackToTheStart):
    """Everything that the drill did is undone: files, units and listeners are those of `before`."""

    turns = Before.turns

    def remove(self) -> None:
        super().remove()
        state = ".local/state"
        user(RAILIANCE, f"rm -rf {state}/bridge; rmdir -p {state} 2>/dev/null", check=False)


def _managed(kind: type[Stage]) -> type[Stage]:
    """A stage as it is, but for the manager."""
    turns = {
        check: SERVES[check] if turn == FLEET_SERVES.get(check) else turn
        for check, turn in kind.turns.items()
    }
    same = {
        "manager": OPS_BRIDGE,
        "turns": turns,
        "state": "",  # its unit may run without tunnels: nobody can tell what has been started
        "__doc__": inspect.getdoc(kind),
        "__module__": kind.__module__,
    }
    managed = new_class(kind.__name__, (kind,), exec_body=lambda body: body.update(same))
    return cast("type[Stage]", managed)


STAGES = tuple(
    _managed(kind)
    for kind in (
        *(Before, Install, InstallAgain, cutover.Cutover, cutover.Verify),
        *(disturbances.RebootRailiance01, disturbances.RebootCoulombcore),
        *(disturbances.WorkstationOff, disturbances.WorkstationOn),
        *(NetworkCut, disturbances.NetworkHealed, Rollback, CutoverAgain),
        *(Migrate, Renew, BackToTheStart),
    )
)
"""The drill's stages with ops-bridge as manager, in their order."""

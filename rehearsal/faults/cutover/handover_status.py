"""What the workstation's `bridge` says, where it says it otherwise than by JSON."""

from __future__ import annotations

from typing import Any

from rehearsal.faults.bases import FilesAdded, OtherUnits
from rehearsal.faults.fault import Fault, fail, inconclusive, warn
from rehearsal.faults.machines import (
    HUB_RETIRED,
    ISSUES_RETIRED,
    WORKSTATION,
    configure,
    restore_configuration,
    root,
    user,
)
from rehearsal.faults.symptoms import ONLY
from rehearsal.other_units import BY_EXIT_STATUS, PROGRAM
from rehearsal.states import on

DOWN, KNOWN = f"CUT-03.down[{HUB_RETIRED}]", f"CUT-08.start[{HUB_RETIRED}]"
NEITHER = f"PROD-06.retired[{HUB_RETIRED}]"
OF_STATUS = ("CUT-03.down", "CUT-08.start", "PROD-06.retired", ONLY)
UNIT = "~/.config/systemd/user/{}.service"
REVERSE = {HUB_RETIRED: "to-hub", ISSUES_RETIRED: "to-issues"}
IDLE = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=default.target\n"


class StatusByExitStatus(Fault):
    """`bridge` answers by its exit status; the inventory says so."""

    ground = OtherUnits
    harmless_to = "CUT-03.down"

    def inject(self) -> None:
        """It does already."""

    def heal(self) -> None:
        """It may go on."""

    def inventory(self, document: dict[str, Any]) -> None:
        workstation = document["workstation"]
        workstation["bridge"] = BY_EXIT_STATUS
        # It names no process by which a tunnel on a list of patterns would be known.
        workstation["interactive"]["k3s-api-railiance01"] = {"listen": "127.0.0.1:16443"}


class StatusInOtherWords(Fault):
    """An upgrade of `bridge` has another word for a tunnel that is down."""

    ground = OtherUnits
    turns = {check: inconclusive("'at rest' is none of 'running', 'stop") for check in OF_STATUS}

    def inject(self) -> None:
        root(WORKSTATION, f"sed -i.kept s/stopped/'at rest'/ {PROGRAM}")

    def heal(self) -> None:
        root(WORKSTATION, f"mv {PROGRAM}.kept {PROGRAM}")


class StatusProgramGone(StatusByExitStatus):
    """The program that answers by its exit status is not there."""

    harmless_to = ""
    turns = {check: inconclusive("127 is none of 0, 3") for check in OF_STATUS}

    def inject(self) -> None:
        root(WORKSTATION, f"mv {PROGRAM} {PROGRAM}.kept")

    def heal(self) -> None:
        root(WORKSTATION, f"mv {PROGRAM}.kept {PROGRAM}")


class _UpBesideTheFleet(Fault):
    """A retired tunnel is up, on another port than it had."""

    ground = OtherUnits

    def inject(self) -> None:
        configure(HUB_RETIRED, "s/:18000/:18001/")
        on(WORKSTATION, f"bridge up {HUB_RETIRED}")

    def heal(self) -> None:
        on(WORKSTATION, f"bridge down {HUB_RETIRED}")
        restore_configuration()


class UpByTheTable(_UpBesideTheFleet):
    """The table of `bridge` has a retired tunnel that runs, on another port than it had."""

    turns = {
        DOWN: fail(f"`bridge` on workstation says that {HUB_RETIRED} is up"),
        NEITHER: fail("is up"),
        ONLY: fail(f"runs {HUB_RETIRED}"),
        "PROD-06.listeners[railiance01]": fail("127.0.0.1:18001 is held by"),
    }


class UpByTheExitStatus(_UpBesideTheFleet):
    """By its exit status, a retired tunnel is up, on another port than it had."""

    turns = UpByTheTable.turns
    inventory = StatusByExitStatus.inventory


class ForgottenByTheExitStatus(StatusByExitStatus):
    """By its exit status, `bridge` no longer knows a retired tunnel: there is no way back."""

    harmless_to = ""
    turns = {KNOWN: warn("does not know")}

    def inject(self) -> None:
        configure(HUB_RETIRED, "d")

    def heal(self) -> None:
        restore_configuration()


class BridgeAbsent(FilesAdded):
    """The workstation has no `bridge`: user units, which are at rest, carried what is retired."""

    ground = OtherUnits
    harmless_to = "CUT-08.start"
    files = {UNIT.format(name): IDLE for name in REVERSE.values()}
    kept = "/usr/local/bin/{0} /usr/local/bin/{0}.kept"

    def inject(self) -> None:
        root(WORKSTATION, "mv /usr/local/bin/bridge /usr/local/bin/bridge.kept")
        super().inject()

    def heal(self) -> None:
        root(WORKSTATION, "mv /usr/local/bin/bridge.kept /usr/local/bin/bridge")
        super().heal()

    def inventory(self, document: dict[str, Any]) -> None:
        StatusByExitStatus().inventory(document)
        document["workstation"]["bridge"] = {"status": "absent"}
        for name, unit in REVERSE.items():
            document["workstation"]["retired"][name]["unit"] = f"{unit}.service"


class BridgeNotAbsent(BridgeAbsent):
    """The inventory says that the workstation has no `bridge`, and it has."""

    harmless_to = ""
    turns = {check: inconclusive("says that it is absent, and it is") for check in OF_STATUS}

    def inject(self) -> None:
        FilesAdded.inject(self)

    def heal(self) -> None:
        FilesAdded.heal(self)


class RetiredUnitRuns(BridgeAbsent):
    """Without a `bridge`, the unit of a retired tunnel runs."""

    harmless_to = ""
    turns = {
        DOWN: fail("to-hub.service on workstation is active"),
        NEITHER: fail("to-hub.service on workstation is active"),
    }

    def inject(self) -> None:
        super().inject()
        user(WORKSTATION, "systemctl --user start to-hub")

    def heal(self) -> None:
        user(WORKSTATION, "systemctl --user stop to-hub")
        super().heal()


class RetiredUnitEnabled(BridgeAbsent):
    """Without a `bridge`, the unit of a retired tunnel starts with the workstation."""

    harmless_to = ""
    turns = {NEITHER: fail("to-hub.service on workstation is enabled")}
    enabled = "to-hub.service"


class RetiredUnitGone(BridgeAbsent):
    """Without a `bridge`, and without the unit of a retired tunnel, there is no way back."""

    harmless_to = ""
    turns = {KNOWN: warn("to-hub.service on workstation is not-found")}
    files = {UNIT.format("to-issues"): IDLE}


class WayBackUnnamed(BridgeAbsent):
    """Without a `bridge`, the inventory names nothing that would start a retired tunnel."""

    harmless_to = ""
    turns = {KNOWN: inconclusive("no `bridge`, and no `unit` in the inventory, starts")}

    def inventory(self, document: dict[str, Any]) -> None:
        super().inventory(document)
        del document["workstation"]["retired"][HUB_RETIRED]["unit"]

"""The unit of the system does not hold its tunnel; what `bridge` says otherwise than by JSON."""

from __future__ import annotations

from typing import Any

from rehearsal.faults.bases import FilesAdded, OtherUnits
from rehearsal.faults.clusters import until_unready
from rehearsal.faults.cutover.handover import RetiredTunnelOnAnotherPort
from rehearsal.faults.fault import Fault, Turn, fail, inconclusive, warn
from rehearsal.faults.machines import (
    HUB,
    HUB_RETIRED,
    ISSUES_RETIRED,
    RAILIANCE,
    UNITS,
    WORKSTATION,
    configure,
    listening,
    restore_configuration,
    root,
    user,
    wait_for,
)
from rehearsal.faults.symptoms import (
    DOWN,
    FROM_POD,
    HELD,
    INSTALLED,
    ONLY,
    PATH,
    RUNNING,
    STEADY,
    unanswered,
)
from rehearsal.other_units import BY_EXIT_STATUS, HUB_TEMPLATE, HUB_UNIT, PROGRAM

SAME = f"PROD-09.same-after-reboot[{HUB}]"


class SystemUnitStopped(Fault):
    """The system's unit was stopped."""

    shows = ("Active: inactive (dead)",)
    ground = OtherUnits
    turns = DOWN | {STEADY: fail(f"{HUB_UNIT} is inactive (dead)")}

    def inject(self) -> None:
        root(RAILIANCE, f"systemctl stop {HUB_UNIT}")
        until_unready()

    def heal(self) -> None:
        root(RAILIANCE, f"systemctl start {HUB_UNIT}")


class UserUnitInItsPlace(Fault):
    """A user's unit of the same name carries the tunnel that the system's is to carry."""

    shows = ("Active: inactive (dead)",)
    ground = OtherUnits
    turns = {
        STEADY: fail(f"{HUB_UNIT} is inactive (dead)"),
        HELD: fail(f"127.0.0.1:18000 is held by the unit {HUB_UNIT}"),
        RUNNING: fail("runs no ssh"),
        SAME: fail("runs no ssh"),
        f"PRE-11.listen-address[{HUB}]": fail(f"is held by the unit {HUB_UNIT}"),
        PATH: fail(f"it is carried by the unit {HUB_UNIT}"),
        FROM_POD: fail(f"it is carried by the unit {HUB_UNIT}"),
    }

    def inject(self) -> None:
        root(RAILIANCE, f"systemctl stop {HUB_UNIT}")
        user(RAILIANCE, f"sed /^User=/d {HUB_TEMPLATE} >{UNITS}/tunnel@.service; "
                        "systemctl --user daemon-reload; "
                        f"systemctl --user start {HUB_UNIT}")  # fmt: skip
        wait_for(RAILIANCE, listening(18000))

    def heal(self) -> None:
        user(RAILIANCE, f"systemctl --user stop {HUB_UNIT}; rm {UNITS}/tunnel@.service; "
                        "systemctl --user daemon-reload")  # fmt: skip
        root(RAILIANCE, f"systemctl start {HUB_UNIT}")


class TemplateEdited(Fault):
    """The template's file was edited, and systemd does not know."""

    ground = OtherUnits
    turns = {
        INSTALLED: fail("/etc/systemd/system/tunnel@.service differs from systemd/tunnel@.serv"),
        f"CUT-02.loaded[{HUB}]": fail("tunnel@.service has changed since systemd read it"),
        SAME: fail("has changed: systemd runs what it was"),
    }

    def inject(self) -> None:
        root(RAILIANCE, f"cp -p {HUB_TEMPLATE} /run/kept; echo '# edited' >>{HUB_TEMPLATE}")

    def heal(self) -> None:
        root(RAILIANCE, f"cp -p /run/kept {HUB_TEMPLATE}; systemctl daemon-reload")


RETIRED_DOWN, KNOWN = f"CUT-03.down[{HUB_RETIRED}]", f"CUT-08.start[{HUB_RETIRED}]"
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


def status_unknown(words: str) -> dict[str, Turn]:
    """The turns of a workstation whose `bridge` says nothing that is understood."""
    return {
        **{check: inconclusive(words) for check in OF_STATUS},
        **unanswered(WORKSTATION, words),
    }


class StatusInOtherWords(Fault):
    """An upgrade of `bridge` has another word for a tunnel that is down."""

    ground = OtherUnits
    turns = status_unknown("'at rest' is none of 'running', 'stop")

    def inject(self) -> None:
        root(WORKSTATION, f"sed -i.kept s/stopped/'at rest'/ {PROGRAM}")

    def heal(self) -> None:
        root(WORKSTATION, f"mv {PROGRAM}.kept {PROGRAM}")


class StatusProgramGone(StatusByExitStatus):
    """The program that answers by its exit status is not there."""

    harmless_to = ""
    turns = status_unknown("127 is none of 0, 3")

    def inject(self) -> None:
        root(WORKSTATION, f"mv {PROGRAM} {PROGRAM}.kept")

    def heal(self) -> None:
        root(WORKSTATION, f"mv {PROGRAM}.kept {PROGRAM}")


class _UpBesideTheFleet(RetiredTunnelOnAnotherPort):
    """A retired tunnel is up, on another port than it had."""

    ground = OtherUnits


class UpByTheTable(_UpBesideTheFleet):
    """The table of `bridge` has a retired tunnel that runs, on another port than it had."""

    turns = {
        RETIRED_DOWN: fail(f"`bridge` on workstation says that {HUB_RETIRED} is up"),
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
    turns = status_unknown("says that it is absent, and it is")

    def inject(self) -> None:
        FilesAdded.inject(self)

    def heal(self) -> None:
        FilesAdded.heal(self)


class RetiredUnitRuns(BridgeAbsent):
    """Without a `bridge`, the unit of a retired tunnel runs."""

    harmless_to = ""
    turns = {
        RETIRED_DOWN: fail("to-hub.service on workstation is active"),
        NEITHER: fail("to-hub.service on workstation is active"),
    }

    def inject(self) -> None:
        super().inject()
        user(WORKSTATION, "systemctl --user start to-hub")

    def heal(self) -> None:
        user(WORKSTATION, "systemctl --user stop to-hub")
        super().heal()


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

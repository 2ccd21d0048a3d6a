"""The unit of the system that is to hold a tunnel does not."""

from __future__ import annotations

from rehearsal.faults.bases import OtherUnits
from rehearsal.faults.clusters import until_unready
from rehearsal.faults.fault import Fault, fail
from rehearsal.faults.machines import HUB, RAILIANCE, UNITS, listening, root, user, wait_for
from rehearsal.faults.symptoms import DOWN, FROM_POD, HELD, INSTALLED, PATH, RUNNING, STEADY
from rehearsal.other_units import HUB_TEMPLATE, HUB_UNIT

SAME = f"PROD-09.same-after-reboot[{HUB}]"


class SystemUnitStopped(Fault):
    """The system's unit was stopped."""

    ground = OtherUnits
    turns = DOWN | {STEADY: fail(f"{HUB_UNIT} is inactive (dead)")}

    def inject(self) -> None:
        root(RAILIANCE, f"systemctl stop {HUB_UNIT}")
        until_unready()

    def heal(self) -> None:
        root(RAILIANCE, f"systemctl start {HUB_UNIT}")


class UserUnitInItsPlace(Fault):
    """A user's unit of the same name carries the tunnel that the system's is to carry."""

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

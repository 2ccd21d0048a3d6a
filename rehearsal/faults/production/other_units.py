"""What does not outlive a reboot where the system runs a tunnel, and `bridge` prints no JSON."""

from __future__ import annotations

from typing import Any

from rehearsal.faults.bases import FilesAdded, OtherUnits
from rehearsal.faults.cutover.other_units import BridgeAbsent, StatusByExitStatus
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import HUB, HUB_RETIRED, RAILIANCE, RELOAD, root
from rehearsal.faults.production.workstation_retired import BridgeAutostart
from rehearsal.faults.symptoms import ENABLED
from rehearsal.other_units import HUB_UNIT


class SystemUnitDisabled(Fault):
    """The system's unit runs, but was disabled: the next reboot ends it."""

    ground = OtherUnits
    turns = {ENABLED: fail(f"{HUB_UNIT} is disabled, and only `enabled` survives")}

    def inject(self) -> None:
        root(RAILIANCE, f"systemctl -q disable {HUB_UNIT}")

    def heal(self) -> None:
        root(RAILIANCE, f"systemctl -q enable {HUB_UNIT}")


UNDISTURBED = f"PROD-18.undisturbed[{HUB}]"


class SystemUnitEndedByCron(FilesAdded):
    """A job of root's stops the system's unit every night."""

    ground = OtherUnits
    turns = {UNDISTURBED: fail(f"{HUB_UNIT} would be ended by /etc/cron.d/tidy")}
    host = RAILIANCE
    files = {"/etc/cron.d/tidy": "0 3 * * * root systemctl stop 'tunnel@*'\n"}


class UserUnitOfTheSameNameEnded(FilesAdded):
    """A job stops a user's unit of the same name, of which there is none."""

    ground = OtherUnits
    harmless_to = UNDISTURBED
    host = RAILIANCE
    files = {"/etc/cron.d/tidy": f"0 3 * * * tegwick systemctl --user stop {HUB_UNIT}\n"}


class SystemUnitWaits(Fault):
    """Another unit, which takes as long as it likes, must end before the system's starts."""

    ground = OtherUnits
    turns = {f"PROD-18.order[{HUB}]": fail(f"{HUB_UNIT} waits until tidy.service is done")}
    file = "/etc/systemd/system/tidy.service"

    def inject(self) -> None:
        text = (
            f"[Unit]\\nBefore={HUB_UNIT}\\n[Service]\\nType=oneshot\\nExecStart=/bin/true\\n"
            "[Install]\\nWantedBy=multi-user.target\\n"
        )
        root(RAILIANCE, f"printf '{text}' >{self.file}; {RELOAD}; systemctl -q enable tidy")

    def heal(self) -> None:
        root(RAILIANCE, f"systemctl -q disable tidy; rm {self.file}; {RELOAD}")


class HomeOfSystemUnitMountedLate(Fault):
    """The disk of the key is mounted whenever, and the system's unit may start before."""

    ground = OtherUnits
    turns = {
        "PROD-18.user-manager": fail(f"{HUB_UNIT} may start without: /home/tegwick/.ssh/id_ops"),
        "PRE-10.home": fail("the home directory on railiance01 is read-only"),
    }

    def inject(self) -> None:
        root(RAILIANCE, "mount --bind /home/tegwick /home/tegwick; "
                        "mount -o remount,bind,ro /home/tegwick")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, "umount --lazy /home/tegwick")


NEITHER = f"PROD-06.retired[{HUB_RETIRED}]"


class AutostartByTheTable(BridgeAutostart):
    """By its table, `bridge` starts a retired tunnel with the workstation."""

    ground = OtherUnits


class AutostartByTheExitStatus(BridgeAutostart):
    """By its exit status, `bridge` starts a retired tunnel with the workstation."""

    ground = OtherUnits
    inventory = StatusByExitStatus.inventory


class AutostartUntold(Fault):
    """The table does not tell what `bridge` starts by itself."""

    ground = OtherUnits
    turns = {"PROD-06.retired": inconclusive("`bridge` does not say whether it starts")}

    def inject(self) -> None:
        """It says it nowhere."""

    def heal(self) -> None:
        """Nor later."""

    def inventory(self, document: dict[str, Any]) -> None:
        bridge = dict(document["workstation"]["bridge"])
        bridge["columns"] = {k: v for k, v in bridge["columns"].items() if k != "autostart"}
        document["workstation"]["bridge"] = {
            key: value for key, value in bridge.items() if key not in ("autostart", "manual")
        }


class RetiredUnitEnabled(BridgeAbsent):
    """Without a `bridge`, the unit of a retired tunnel starts with the workstation."""

    harmless_to = ""
    turns = {NEITHER: fail("to-hub.service on workstation is enabled")}
    enabled = "to-hub.service"

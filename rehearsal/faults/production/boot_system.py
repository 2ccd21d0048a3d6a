"""What keeps a unit that the system runs from coming up at boot, or ends it later."""

from __future__ import annotations

from rehearsal.faults.bases import FilesAdded, OtherUnits
from rehearsal.faults.fault import Fault, fail
from rehearsal.faults.machines import HUB, RAILIANCE, RELOAD, root
from rehearsal.other_units import HUB_UNIT

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
        "PRE-10.home": fail("the home directory on railiance01 is read-only"),
        "PROD-18.user-manager": fail(f"{HUB_UNIT} may start without: /home/tegwick/.ssh/id_ops"),
    }

    def inject(self) -> None:
        root(RAILIANCE, "mount --bind /home/tegwick /home/tegwick; "
                        "mount -o remount,bind,ro /home/tegwick")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, "umount --lazy /home/tegwick")

"""What would keep the tunnels' user manager from starting at boot."""

from __future__ import annotations

from rehearsal.faults.bases import FilesAdded
from rehearsal.faults.fault import Fault, fail
from rehearsal.faults.machines import RAILIANCE, RELOAD, UNITS, root, user

MANAGER = "PROD-18.user-manager[railiance01]"
DROP_IN = "/etc/systemd/system/user@1000.service.d/own.conf"


class UserManagerWaitsForTheWorkstation(FilesAdded):
    """A drop-in has the user manager start only once the workstation answers."""

    turns = {MANAGER: fail('starts only after ExecStartPre=/bin/sh -c "until ping')}
    host = RAILIANCE
    wait = 'ExecStartPre=/bin/sh -c "until ping -c 1 workstation; do sleep 1; done"'
    files = {DROP_IN: f"[Service]\n{wait}\n"}


class UserManagerOnACondition(FilesAdded):
    """A drop-in has the user manager start only where a file exists that no boot makes."""

    turns = {MANAGER: fail("starts only after ConditionPathExists=/run/ready")}
    host = RAILIANCE
    files = {DROP_IN: "[Unit]\nConditionPathExists=/run/ready\n"}


class UserManagerWithLimit(FilesAdded):
    """A drop-in allows the user manager more files, which keeps nothing from starting."""

    harmless_to = "PROD-18.user-manager"
    host = RAILIANCE
    files = {DROP_IN: "[Service]\nLimitNOFILE=65536\n"}


class UserManagerPrepared(FilesAdded):
    """A drop-in has something done before the user manager that may fail, and asks for D-Bus."""

    harmless_to = "PROD-18.user-manager"
    host = RAILIANCE
    prepare = "ExecStartPre=-/usr/bin/mkdir -p /run/own"
    files = {DROP_IN: f"[Service]\n{prepare}\n[Unit]\nRequires=dbus.service\n"}


class UserBootsToAnotherTarget(Fault):
    """Where a boot starts default.target, a link leads to another, which has its units as well."""

    harmless_to = "PROD-18.user-manager"
    target = "/usr/lib/systemd/user/basic.target"

    def inject(self) -> None:
        user(RAILIANCE, f"ln -s {self.target} {UNITS}/default.target")

    def heal(self) -> None:
        user(RAILIANCE, f"rm {UNITS}/default.target; systemctl --user daemon-reload")


class UserBootsToItsEnd(UserBootsToAnotherTarget):
    """It leads to the target by which a user's manager ends itself."""

    harmless_to = ""
    turns = {MANAGER: fail("default.target leads to exit.target, which brings systemd-exit.serv")}
    target = "/usr/lib/systemd/user/exit.target"


class UserBootsToNothing(UserBootsToAnotherTarget):
    """The target that a boot starts is masked."""

    harmless_to = ""
    turns = {MANAGER: fail("default.target leads nowhere: it is masked")}
    target = "/dev/null"


class _Masked(Fault):
    """A service of the system is masked and runs on, until a boot."""

    service = ""

    def inject(self) -> None:
        root(RAILIANCE, f"systemctl mask {self.service}")

    def heal(self) -> None:
        root(RAILIANCE, f"systemctl unmask {self.service}")


class UserManagerMasked(_Masked):
    """After a reboot of railiance01 the tunnels' user would have no systemd instance."""

    shows = ("Loaded: masked",)
    turns = {MANAGER: fail("user@1000.service would not start: user@1000.service is masked")}
    service = "user@1000.service"


class LogindMasked(_Masked):
    """After a reboot of railiance01 nobody would start what lingers."""

    turns = {MANAGER: fail("would not start: systemd-logind.service is masked")}
    service = "systemd-logind.service"


class KeyOnVolatileDisk(Fault):
    """The tunnels' key lies on a file system that a boot empties."""

    turns = {MANAGER: fail("/home/tegwick/.ssh/id_ops lies on tmpfs")}

    def inject(self) -> None:
        root(RAILIANCE, "cp -p /home/tegwick/.ssh/id_ops /root/; mount -t tmpfs none /mnt; "
                        "cp -p /root/id_ops /mnt/; touch /home/tegwick/.ssh/id_ops; "
                        "mount --bind /mnt/id_ops /home/tegwick/.ssh/id_ops")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, "umount /home/tegwick/.ssh/id_ops; umount /mnt; rm /root/id_ops")


class HomeMountedLate(Fault):
    """The tunnels' home is a file system of its own, which may be mounted after they start."""

    turns = {MANAGER: fail("lies on /home/tegwick, mounted whenever")}

    def inject(self) -> None:
        root(RAILIANCE, "mount --bind /home/tegwick /home/tegwick")

    def heal(self) -> None:
        root(RAILIANCE, "umount /home/tegwick")


class HomeOnTheNetwork(Fault):
    """The tunnels' home is of the network, mounted before anybody may log in, as fstab has it."""

    harmless_to = "PROD-18.user-manager"
    kept = "/etc/fstab.kept"

    def inject(self) -> None:
        line = "/home /home none bind,_netdev 0 0"
        root(RAILIANCE, f"touch /etc/fstab; cp -p /etc/fstab {self.kept}; "
                        f"echo '{line}' >>/etc/fstab; {RELOAD}; "
                        "systemctl start home.mount")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, f"systemctl stop home.mount; mv {self.kept} /etc/fstab; {RELOAD}")

"""What a reboot would bring to light: order, conditions, disks, services, and routes."""

from __future__ import annotations

from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.means import (
    COULOMB,
    HUB,
    RAILIANCE,
    RESTART_SSHD,
    UNITS,
    WORKSTATION,
    edit_unit,
    edited_before,
    restore_unit,
    root,
    user,
)

MANAGER = "PROD-18.user-manager[railiance01]"
DROP_IN = "/etc/systemd/system/user@1000.service.d"
RELOAD = "systemctl daemon-reload"


class _ManagerDropIn(Fault):
    """A drop-in changes the tunnels' user manager."""

    line = ""

    def inject(self) -> None:
        root(RAILIANCE, f"mkdir -p {DROP_IN}; printf '[Service]\\n{self.line}\\n' "
                        f">{DROP_IN}/own.conf; {RELOAD}")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, f"rm -r {DROP_IN}; {RELOAD}")


class UserManagerWaitsForTheWorkstation(_ManagerDropIn):
    """The user manager starts only once the workstation answers."""

    turns = {MANAGER: fail('starts only after ExecStartPre=/bin/sh -c "until ping')}
    line = 'ExecStartPre=/bin/sh -c "until ping -c 1 workstation; do sleep 1; done"'


class UserManagerOnACondition(_ManagerDropIn):
    """The user manager starts only where a file exists that a boot does not make."""

    turns = {MANAGER: fail("starts only after ConditionPathExists=/run/ready")}
    line = "[Unit]\\nConditionPathExists=/run/ready"


class UserManagerWithLimit(_ManagerDropIn):
    """A drop-in allows the user manager more files, which keeps nothing from starting."""

    harmless = True
    line = "LimitNOFILE=65536"


class UserManagerPrepared(_ManagerDropIn):
    """A drop-in has something done before the user manager that may fail, and asks for D-Bus."""

    harmless = True
    line = "ExecStartPre=-/usr/bin/mkdir -p /run/own\\n[Unit]\\nRequires=dbus.service"


class UserBootsToAnotherTarget(Fault):
    """Where a boot starts default.target, a link leads to another, which has its units as well."""

    harmless = True
    target = "/usr/lib/systemd/user/basic.target"

    def inject(self) -> None:
        user(RAILIANCE, f"ln -s {self.target} {UNITS}/default.target")

    def heal(self) -> None:
        user(RAILIANCE, f"rm {UNITS}/default.target; systemctl --user daemon-reload")


class UserBootsToItsEnd(UserBootsToAnotherTarget):
    """It leads to the target by which a user's manager ends itself."""

    harmless = False
    turns = {MANAGER: fail("default.target leads to exit.target, which brings systemd-exit.serv")}
    target = "/usr/lib/systemd/user/exit.target"


class UserBootsToNothing(UserBootsToAnotherTarget):
    """The target that a boot starts is masked."""

    harmless = False
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

    harmless = True
    kept = "/etc/fstab.kept"

    def inject(self) -> None:
        line = "/home /home none bind,_netdev 0 0"
        root(RAILIANCE, f"touch /etc/fstab; cp -p /etc/fstab {self.kept}; "
                        f"echo '{line}' >>/etc/fstab; {RELOAD}; "
                        "systemctl start home.mount")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, f"systemctl stop home.mount; mv {self.kept} /etc/fstab; {RELOAD}")


class _AnotherUnit(Fault):
    """Another unit of the user is enabled; it does not run."""

    name, text = "", ""
    wanted = "[Install]\\nWantedBy=default.target\\n"

    def inject(self) -> None:
        user(RAILIANCE, f"printf '{self.text}{self.wanted}' >{UNITS}/{self.name}.service; "
                        f"systemctl --user enable {self.name}")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, f"systemctl --user disable {self.name}; rm {UNITS}/{self.name}.service; "
                        "systemctl --user daemon-reload")  # fmt: skip


class AnotherUnitBeforeTheTunnel(_AnotherUnit):
    """Another unit of the user must be done before a fleet unit starts, and may never be."""

    turns = {f"PROD-18.order[{HUB}]": fail(f"{HUB}.service waits until greet.service is done")}
    name = "greet"
    text = (
        f"[Unit]\\nBefore={HUB}.service\\n[Service]\\nType=oneshot\\n"
        "ExecStart=/usr/bin/ping -c 1 workstation\\n"
    )


class AnotherUnitAgainstTheTunnel(_AnotherUnit):
    """Another unit of the user conflicts with a fleet unit: the later one stops the other."""

    turns = {f"PROD-18.order[{HUB}]": fail("and rival.service stop each other")}
    name = "rival"
    text = f"[Unit]\\nConflicts={HUB}.service\\n[Service]\\nExecStart=/usr/bin/sleep 1d\\n"


class AnotherUnitTakesThePort(_AnotherUnit):
    """Another enabled unit, which does not run now, would listen where a fleet unit does."""

    turns = {f"PROD-18.order[{HUB}]": fail("second.service would take 127.0.0.1:18000 at boot")}
    name = "second"
    text = "[Service]\\nExecStart=/usr/bin/ssh -N -L 127.0.0.1:18000:127.0.0.1:8000 workstation\\n"


class AnotherUnitTakesThePortEverywhere(_AnotherUnit):
    """Another enabled unit would listen on the port of a fleet unit, on every address."""

    turns = AnotherUnitTakesThePort.turns
    name = "second"
    text = "[Service]\\nExecStart=/usr/bin/ssh -N -L *:18000:127.0.0.1:8000 workstation\\n"


class AnotherUnitTakesThePortByShell(_AnotherUnit):
    """Another enabled unit has a shell start an ssh that would listen where a fleet unit does."""

    turns = AnotherUnitTakesThePort.turns
    name = "second"
    text = (
        "[Service]\\nExecStart=/bin/sh -c "
        '"exec ssh -N -L 127.0.0.1:18000:127.0.0.1:8000 workstation"\\n'
    )


class AnotherUnitRelaysThePort(Fault):
    """A unit without [Install], which a target pulls in, would relay the port of a fleet unit."""

    turns = AnotherUnitTakesThePort.turns
    text = "[Service]\\nExecStart=/usr/bin/socat TCP-LISTEN:18000,fork TCP:workstation:8000\\n"

    def inject(self) -> None:
        user(RAILIANCE, f"printf '{self.text}' >{UNITS}/second.service; "
                        "systemctl --user add-wants default.target second")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, f"rm {UNITS}/second.service {UNITS}/default.target.wants/second.service; "
                        "systemctl --user daemon-reload")  # fmt: skip


class AnotherUnitAsksThroughThePort(_AnotherUnit):
    """Another enabled unit asks through a fleet unit's port and sends on what it hears."""

    harmless = True
    name = "watch"
    text = (
        "[Service]\\nExecStart=/usr/bin/curl http://127.0.0.1:18000/state/health\\n"
        "ExecStart=/usr/bin/socat TCP:127.0.0.1:18000 TCP-LISTEN:18001\\nType=oneshot\\n"
    )


class _UnitEdited(Fault):
    """A fleet unit's file is edited, systemd is told, and the unit starts afresh."""

    expression = ""

    def inject(self) -> None:
        edit_unit(HUB, self.expression)
        edited_before(HUB)
        user(RAILIANCE, f"systemctl --user daemon-reload; systemctl --user restart {HUB}")

    def heal(self) -> None:
        restore_unit(HUB)


class TunnelNotRestarted(_UnitEdited):
    """A fleet unit is not started again once its ssh has ended."""

    turns = {
        f"PROD-18.restart[{HUB}]": fail("stays dead: Restart=no"),
        "CUT-01.installed[railiance01]": fail("differs from"),
    }
    expression = "s/Restart=always/Restart=no/"


class TunnelGivenUp(_UnitEdited):
    """A fleet unit is given up after five starts in an hour."""

    turns = {
        f"PROD-18.restart[{HUB}]": fail("it is given up after 5 starts within 3600 s"),
        "CUT-01.installed[railiance01]": fail("differs from"),
    }
    expression = "s/StartLimitIntervalSec=0/StartLimitIntervalSec=1h/"


class TunnelStartedAgainNextYear(_UnitEdited):
    """A fleet unit whose ssh has ended waits for a year."""

    turns = {
        f"PROD-18.restart[{HUB}]": fail("it is started again only after 31557600 s"),
        "CUT-01.installed[railiance01]": fail("differs from"),
    }
    expression = "s/RestartSec=2/RestartSec=1y/"


class TunnelNeedsAnotherUnit(_UnitEdited):
    """A fleet unit does not start where another unit of the user cannot."""

    turns = {
        f"PROD-18.order[{HUB}]": fail("does not start without dbus.service"),
        "CUT-01.installed[railiance01]": fail("differs from"),
    }
    expression = "s/^\\[Unit\\]/&\\nRequires=dbus.service/"


class _ServiceDisabled(Fault):
    """A service runs now and would not start at boot."""

    host, service = COULOMB, ""

    def inject(self) -> None:
        root(self.host, f"systemctl disable {self.service}")

    def heal(self) -> None:
        root(self.host, f"systemctl enable {self.service}")


class SshdDisabled(_ServiceDisabled):
    """After a reboot of coulombcore no sshd would answer the tunnels."""

    turns = {"PROD-18.services[coulombcore]": fail("ssh.service is disabled")}
    service = "ssh.service"


class KubernetesDisabled(_ServiceDisabled):
    """After a reboot of coulombcore there would be no cluster, and no Services."""

    turns = {"PROD-18.services[coulombcore]": fail("k3s.service is disabled")}
    service = "k3s.service"


class KubernetesOfTheBridgesDisabled(_ServiceDisabled):
    """After a reboot of railiance01 there would be no bridges."""

    turns = {"PROD-18.services[railiance01]": fail("k3s.service is disabled")}
    host, service = RAILIANCE, "k3s.service"


class KubernetesNoLongerWanted(Fault):
    """The link that starts coulombcore's cluster is gone, and systemd has not been told."""

    turns = {"PROD-18.services[coulombcore]": fail("k3s.service is disabled")}
    link = "/etc/systemd/system/multi-user.target.wants/k3s.service"

    def inject(self) -> None:
        root(COULOMB, f"mv {self.link} /root/k3s.wanted")

    def heal(self) -> None:
        root(COULOMB, f"mv /root/k3s.wanted {self.link}")


class _OverTheWorkstation(Fault):
    """The workstation passes packets on, and somebody sends it those of the tunnels."""

    def inject(self) -> None:
        silent = "for f in /proc/sys/net/ipv4/conf/*/send_redirects; do echo 0 >$f; done"
        root(WORKSTATION, f"sysctl -qw net.ipv4.ip_forward=1; {silent}")

    def heal(self) -> None:
        root(WORKSTATION, "sysctl -qw net.ipv4.ip_forward=0")


class RouteOverTheWorkstation(_OverTheWorkstation):
    """railiance01 sends what is meant for coulombcore to the workstation."""

    turns = {"PROD-19.route": fail("railiance01 reaches coulombcore over 198.18.77.13")}

    def inject(self) -> None:
        super().inject()
        root(RAILIANCE, "ip route add 198.18.77.12/32 via 198.18.77.13")

    def heal(self) -> None:
        root(RAILIANCE, "ip route del 198.18.77.12/32")
        super().heal()


class RuleOverTheWorkstation(_OverTheWorkstation):
    """railiance01 sends to the workstation what is meant for coulombcore's sshd, and that alone."""

    turns = {"PROD-19.route": fail("railiance01 reaches coulombcore over 198.18.77.13")}
    rule = "to 198.18.77.12 ipproto 6 dport 22 lookup 100"

    def inject(self) -> None:
        super().inject()
        root(RAILIANCE, "ip route add 198.18.77.12/32 via 198.18.77.13 table 100; "
                        f"ip rule add {self.rule}")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, f"ip rule del {self.rule}; ip route flush table 100")
        super().heal()


class WayBackOverTheWorkstation(_OverTheWorkstation):
    """coulombcore's answers to railiance01 go over the workstation."""

    turns = {"PROD-19.route": fail("coulombcore reaches railiance01 over 198.18.77.13")}

    def inject(self) -> None:
        super().inject()
        root(COULOMB, "ip route add 198.18.77.11/32 via 198.18.77.13")

    def heal(self) -> None:
        root(COULOMB, "ip route del 198.18.77.11/32")
        super().heal()


class NeighbourIsTheWorkstation(_OverTheWorkstation):
    """railiance01 takes the workstation's network card for coulombcore's; no route shows it."""

    turns = {"PROD-19.route": fail("over the workstation, whose")}

    def inject(self) -> None:
        super().inject()
        mac = root(WORKSTATION, "cat /sys/class/net/host0/address").strip()
        root(RAILIANCE, f"ip neigh replace 198.18.77.12 lladdr {mac} dev host0 nud permanent")

    def heal(self) -> None:
        root(RAILIANCE, "ip neigh del 198.18.77.12 dev host0")
        super().heal()


class SshdChangedOnDisk(Fault):
    """coulombcore's sshd has not read what its configuration says now: it forbids forwarding."""

    turns = {"PROD-18.services[coulombcore]": inconclusive("is newer than what runs")}

    def inject(self) -> None:
        root(COULOMB, "echo 'AllowTcpForwarding no' >/etc/ssh/sshd_config.d/later.conf; "
                      "touch -d '10 seconds' /etc/ssh/sshd_config.d/later.conf")  # fmt: skip

    def heal(self) -> None:
        root(COULOMB, f"rm /etc/ssh/sshd_config.d/later.conf; {RESTART_SSHD}")


class KubernetesOnCondition(Fault):
    """coulombcore's Kubernetes starts only where a file exists that a boot does not make."""

    turns = {
        "PROD-18.services[coulombcore]": fail("starts only after ConditionPathExists=/run/ready")
    }

    def inject(self) -> None:
        folder = "/etc/systemd/system/k3s.service.d"
        root(COULOMB, f"mkdir -p {folder}; printf '[Unit]\\nConditionPathExists=/run/ready\\n' "
                      f">{folder}/ready.conf; {RELOAD}")  # fmt: skip

    def heal(self) -> None:
        root(COULOMB, f"rm -r /etc/systemd/system/k3s.service.d; {RELOAD}")


class SocketUnitTakesThePort(Fault):
    """A socket unit of railiance01's system is enabled and takes a tunnel's port at boot."""

    turns = {f"PROD-18.order[{HUB}]": fail("early.socket would take 127.0.0.1:18000 at boot")}

    def inject(self) -> None:
        units = "/etc/systemd/system"
        root(RAILIANCE, f"printf '[Socket]\\nListenStream=127.0.0.1:18000\\nAccept=yes\\n"
                        f"[Install]\\nWantedBy=sockets.target\\n' >{units}/early.socket; "
                        f"printf '[Service]\\nExecStart=/usr/bin/cat\\n' "
                        f">{units}/early@.service; systemctl enable early.socket")  # fmt: skip

    def heal(self) -> None:
        units = "/etc/systemd/system"
        root(RAILIANCE, "systemctl disable early.socket; "
                        f"rm {units}/early.socket {units}/early@.service; {RELOAD}")  # fmt: skip

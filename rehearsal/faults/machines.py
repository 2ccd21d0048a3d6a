"""What checks and tunnels stand on: programs, the user's systemd, disk, clock."""

from __future__ import annotations

from rehearsal import fleet
from rehearsal.faults.cluster import HUB_BRIDGE, ISSUES_BRIDGE
from rehearsal.faults.fault import Fault, fail, inconclusive, warn
from rehearsal.faults.identity import pinned
from rehearsal.faults.keys import logs_in
from rehearsal.faults.means import (
    COULOMB,
    HUB,
    ISSUES,
    RAILIANCE,
    UNITS,
    WORKSTATION,
    restore_unit,
    root,
    units,
    user,
)
from rehearsal.faults.rewritten import next_start, until_listening, until_unready
from rehearsal.states import on

# What cannot be known without the user's systemd, and without sockets and log-ins.
OF_UNITS = (
    "PROD-10.few-units",
    "CUT-08.stop",
    "PROD-09.same-after-reboot",
    "CUT-07.forwards",
    "CUT-02.loaded",
    "PROD-08.enabled",
    "CUT-04.steady",
    "PROD-13.restarts",
    "PROD-18.order",
    "PROD-18.restart",
    "PROD-18.undisturbed",
    "PROD-18.user-manager",
)
_OF_SESSIONS = (
    "PRE-11.listen-address",
    "CUT-03.no-connection",
    "CUT-05.port",
    "PROD-04.path",
    "PROD-04.from-pod",
    "PROD-05.ports[railiance01]",
    "PROD-06.listeners[railiance01]",
    "CUT-07.listeners",
    "PROD-17.listeners",
)


class _ProgramMissing(Fault):
    """Somebody removed a package."""

    path: str

    def inject(self) -> None:
        root(RAILIANCE, f"mv {self.path} {self.path}.kept")

    def heal(self) -> None:
        root(RAILIANCE, f"mv {self.path}.kept {self.path}")


class SsMissing(_ProgramMissing):
    """railiance01 has no `ss`: nobody can say who holds which port."""

    path = "/usr/bin/ss"
    turns = {
        "PRE-10.tools": fail("railiance01 lacks ss"),
        "PRE-10.versions[railiance01]": fail("ss of iproute2 5.9 or later: there is none"),
        **dict.fromkeys(_OF_SESSIONS, inconclusive("ss: not found")),
        "PROD-18.services[railiance01]": inconclusive("ss: not found"),
    }


class KubectlMissing(_ProgramMissing):
    """railiance01 has no `kubectl`."""

    path = "/usr/bin/kubectl"
    turns = {
        "PRE-10.tools": fail("railiance01 lacks kubectl"),
        "PRE-10.kubectl": fail("kubectl: not found"),
    }


class CurlMissing(_ProgramMissing):
    """railiance01 has no `curl`."""

    path = "/usr/bin/curl"
    turns = {"PRE-10.tools": fail("railiance01 lacks curl")}


class SshMissing(_ProgramMissing):
    """railiance01 has no `ssh` any more; the tunnels that run keep running, until they do not."""

    path = "/usr/bin/ssh"
    turns = {
        "PRE-10.tools": fail("railiance01 lacks ssh"),
        "PRE-10.versions[railiance01]": fail("ssh of OpenSSH 8.4 or later: there is none"),
        **logs_in(fail("ssh: not found")),
        **next_start(fail("it would not start")),
        **pinned(inconclusive("not found")),
    }


class IprouteTooOld(Fault):
    """coulombcore's iproute2 is older than any that tells control groups."""

    turns = {
        "PRE-10.versions[coulombcore]": fail(
            "ss of iproute2 5.9 or later: it says ss utility, iproute2-5.4"
        )
    }
    file = "/usr/local/bin/ss"

    def inject(self) -> None:
        script = '[ "$1" != -V ] || exec echo "ss utility, iproute2-5.4.0"; exec /usr/bin/ss "$@"'
        quoted = f"printf '#!/bin/sh\\n%s\\n' '{script}'"
        root(COULOMB, f"{quoted} >{self.file}; chmod +x {self.file}")

    def heal(self) -> None:
        root(COULOMB, f"rm {self.file}")


class UnknownBridge(Fault):
    """railiance01 has a `bridge` that is neither iproute2's nor ops-bridge."""

    turns = {
        "PRE-02.bridge-tool": inconclusive("is neither iproute2's bridge nor ops-"),
        "CUT-08.stop": inconclusive("is neither iproute2's bridge nor ops-bridge"),
    }
    file = "/usr/local/bin/bridge"

    def inject(self) -> None:
        root(RAILIANCE, f"printf '#!/bin/sh\\necho a game of cards\\n' >{self.file}; "
                        f"chmod +x {self.file}")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, f"rm {self.file}")


class UserManagerDead(Fault):
    """The systemd instance of the tunnels' user is gone, and the tunnels with it."""

    turns = {
        **dict.fromkeys(OF_UNITS, inconclusive("Failed to connect to")),
        "PRE-10.user-manager": fail("the user manager is dead: Failed to connect to"),
        "CUT-05.port": fail("nobody listens on"),
        "CUT-06.healthy": fail("Connection refused"),
        "PROD-04.path": fail("Connection refused"),
        "PROD-01.pods": fail("is 0/1 ready"),
        "PROD-03.inside": fail("does not answer"),
        "PROD-04.from-pod": fail("does not answer"),
    }

    def inject(self) -> None:
        root(RAILIANCE, "systemctl mask --runtime user@1000; systemctl stop user@1000")
        until_unready(HUB_BRIDGE, ISSUES_BRIDGE)

    def heal(self) -> None:
        root(RAILIANCE, "systemctl unmask --runtime user@1000; systemctl start user@1000")


class UserManagerHangs(Fault):
    """The systemd instance of the tunnels' user no longer answers; the tunnels run on."""

    deadlines = {"command": 1}
    turns = {
        **dict.fromkeys(
            (
                *(*OF_UNITS, "PRE-10.user-manager", "CUT-07.settings", "PROD-17.settings"),
                *("PRE-05.host-key", "PROD-17.host-key"),
            ),
            inconclusive("did not end within"),
        ),
        # All that is waited for in vain is longer than a request can be held open.
        **dict.fromkeys(
            ("PROD-03.inside", "PROD-04.from-pod"), inconclusive("the program in the pod broke")
        ),
    }

    def inject(self) -> None:
        root(RAILIANCE, "kill -STOP $(systemctl show -p MainPID --value user@1000)")

    def heal(self) -> None:
        root(RAILIANCE, "kill -CONT $(systemctl show -p MainPID --value user@1000)")


class OneshotHoldsUpTarget(Fault):
    """A unit of the tunnels' user is long in starting; their systemd is `starting` ever since."""

    harmless = True
    file = f"{UNITS}/hold.service"

    def inject(self) -> None:
        text = (
            "[Service]\\nType=oneshot\\nExecStart=sleep infinity\\n"
            "[Install]\\nWantedBy=default.target\\n"
        )
        user(RAILIANCE, f"printf '{text}' >{self.file}; systemctl --user --quiet enable hold")
        root(RAILIANCE, "systemctl restart user@1000")
        state = "systemctl --user show -p SystemState --value"
        user(RAILIANCE, f"timeout 8 sh -c 'until [ $({state}) = starting ]; do sleep 0.1; done'")
        until_listening(HUB, ISSUES)
        fleet.wait_until_served()
        fleet.wait_until_available()

    def heal(self) -> None:
        units("--quiet disable --now", "hold")
        user(RAILIANCE, f"rm {self.file}; systemctl --user daemon-reload")


class SystemdTellsWholeSeconds(Fault):
    """railiance01's systemd is an old one, which knows no times to the microsecond."""

    harmless = True
    file = "/usr/local/bin/systemctl"

    def inject(self) -> None:
        script = (
            'case " $* " in *" --timestamp="*) echo "unrecognized option" >&2; exit 1;; esac; '
            'exec /usr/bin/systemctl "$@"'
        )
        quoted = f"printf '#!/bin/sh\\n%s\\n' '{script}'"
        root(RAILIANCE, f"{quoted} >{self.file}; chmod +x {self.file}")

    def heal(self) -> None:
        root(RAILIANCE, f"rm {self.file}")


class UnitEditedInTheSecondOfItsStart(SystemdTellsWholeSeconds):
    """And a fleet unit's file was changed in the second in which the unit started."""

    harmless = False
    turns = {
        f"PROD-09.same-after-reboot[{HUB}]": inconclusive(
            f"{HUB}.service started in the second in which"
        )
    }

    def inject(self) -> None:
        unit = f"{UNITS}/{HUB}.service"
        start = f"TZ=UTC systemctl --user show -p ExecMainStartTimestamp --value {HUB}"
        second = f'$(date -d "$({start} | cut -d " " -f 2-)" +%s)'
        user(RAILIANCE, f"cp -p {unit} ~/{HUB}.kept; touch -d @{second}.9 {unit}; "
                        "systemctl --user daemon-reload")  # fmt: skip
        super().inject()

    def heal(self) -> None:
        super().heal()
        restore_unit(HUB)


class LingerOff(Fault):
    """Linger is off: the tunnels end with the last log-in, and do not survive a reboot."""

    turns = {"PROD-07.linger": fail("Linger=no on railiance01")}

    def inject(self) -> None:
        on(RAILIANCE, "sudo loginctl disable-linger tegwick")

    def heal(self) -> None:
        on(RAILIANCE, "sudo loginctl enable-linger tegwick")


class LogindDead(Fault):
    """logind is gone from railiance01: nobody can say where a log-in came from.

    What logs in now is told neither where its systemd is nor that it is a session.
    """

    turns = {
        **dict.fromkeys(
            (*OF_UNITS, "PRE-10.user-manager"), inconclusive("XDG_RUNTIME_DIR not def")
        ),
        **dict.fromkeys(_OF_SESSIONS, inconclusive("login1.service")),
        "PROD-07.linger": inconclusive("login1.service"),
    }

    def inject(self) -> None:
        root(RAILIANCE, "systemctl mask --runtime systemd-logind; systemctl stop systemd-logind")

    def heal(self) -> None:
        # A new logind counts sessions from c1 again, and refuses a log-in where systemd still has a
        # scope of that name from before: those that it does not know are ended.
        listed = "systemctl list-units --plain --no-legend --no-pager 'session-*.scope'"
        root(RAILIANCE, "systemctl unmask --runtime systemd-logind; "
                        "systemctl start systemd-logind; "
                        f"{listed} | while read -r scope _; do id=${{scope#session-}}; "
                        "loginctl show-session ${id%.scope} >/dev/null 2>&1 </dev/null || "
                        "systemctl stop $scope </dev/null; done")  # fmt: skip


class DiskFull(Fault):
    """The file system of the home directory on railiance01 is full."""

    turns = {
        "PRE-10.home": fail("0.0 MiB are left in the home on railiance01"),
        "PROD-18.user-manager": fail("/home/tegwick lies on tmpfs, which a boot empties"),
    }

    def inject(self) -> None:
        mount = "mount -t tmpfs -o size=4m,mode=0700,uid=1000,gid=1000 home /home/tegwick"
        root(RAILIANCE, f"tar -C /home/tegwick -cf /run/home.tar . && {mount} && "
                        "tar -C /home/tegwick -xpf /run/home.tar && rm /run/home.tar")  # fmt: skip
        user(RAILIANCE, "cat /dev/zero >core 2>/dev/null", check=False)

    def heal(self) -> None:
        root(RAILIANCE, "umount --lazy /home/tegwick")


class HomeReadOnly(Fault):
    """The home directory on railiance01 is mounted read-only, as after a disk error."""

    turns = {
        "PRE-10.home": fail("the home directory on railiance01 is read-only"),
        "PROD-18.user-manager": fail("lies on /home/tegwick, mounted whenever"),
    }

    def inject(self) -> None:
        root(RAILIANCE, "mount --bind /home/tegwick /home/tegwick; "
                        "mount -o remount,bind,ro /home/tegwick")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, "umount --lazy /home/tegwick")


class ProcessesHidden(Fault):
    """The workstation's /proc is mounted with hidepid: other users' tunnels cannot be seen."""

    turns = {
        name: inconclusive("/proc/1/comm")
        for name in (
            "CUT-03.down",
            "PRE-06.interactive",
            "PROD-06.interactive",
        )
    }

    def inject(self) -> None:
        root(WORKSTATION, "mount -o remount,hidepid=2 /proc")

    def heal(self) -> None:
        root(WORKSTATION, "mount -o remount,hidepid=0 /proc")


class ClockOff(Fault):
    """coulombcore's clock is an hour ahead.

    Machines of one kernel share its clock, so it is date(1) that tells another time.
    """

    turns = {"PRE-12.clock": warn("s apart, more than 2 s")}
    host, offset = COULOMB, "1 hour"
    file = "/usr/local/bin/date"

    def inject(self) -> None:
        script = f'exec /usr/bin/date -d "{self.offset}" "$@"'
        quoted = f"printf '#!/bin/sh\\n%s\\n' '{script}'"
        root(self.host, f"{quoted} >{self.file}; chmod +x {self.file}")

    def heal(self) -> None:
        root(self.host, f"rm {self.file}")


class ClockSetBack(ClockOff):
    """railiance01's clock was set back by an hour, after a fleet unit had been restarted."""

    turns = {
        **ClockOff.turns,
        f"CUT-04.steady[{HUB}]": inconclusive("the clock of railiance01 was set back since"),
    }
    host, offset = RAILIANCE, "1 hour ago"

    def inject(self) -> None:
        units("kill -s KILL", HUB)
        restarts = f"systemctl --user show {HUB} -p NRestarts --value"
        user(RAILIANCE, f"timeout 8 sh -c 'until [ $({restarts}) -ge 1 ]; do sleep 0.1; done'")
        until_listening(HUB)
        super().inject()

    def heal(self) -> None:
        super().heal()
        units("restart", HUB)

"""What checks and tunnels stand on: programs, the user's systemd, disk, clock."""

from __future__ import annotations

from rehearsal.faults.cluster import HUB_BRIDGE, ISSUES_BRIDGE
from rehearsal.faults.fault import Fault, fail, inconclusive, warn
from rehearsal.faults.means import COULOMB, RAILIANCE, WORKSTATION, root, user
from rehearsal.faults.rewritten import until_unready
from rehearsal.states import on

# What cannot be known without the user's systemd, and without sockets and log-ins.
_OF_UNITS = (
    "few_enough_tunnel_units",
    "fleet_tunnel_can_be_stopped",
    "running_is_what_would_start",
    "running_ssh_forwards_what_it_should",
    "systemd_has_loaded_it",
    "unit_is_enabled",
    "unit_is_running_and_steady",
    "unit_restarts_rarely",
)
_OF_SESSIONS = (
    "listen_address_is_free_or_ours",
    "retired_tunnel_has_no_connection",
    "port_is_held_by_its_own_unit",
    "live_path_leads_over_the_fleet",
    "no_production_port_is_held_from_the_workstation[railiance01]",
    "nothing_listens_from_the_workstation[railiance01]",
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
        "tools_are_there": fail("railiance01 lacks ss"),
        **dict.fromkeys(_OF_SESSIONS, inconclusive("ss: not found")),
    }


class KubectlMissing(_ProgramMissing):
    """railiance01 has no `kubectl`."""

    path = "/usr/bin/kubectl"
    turns = {
        "tools_are_there": fail("railiance01 lacks kubectl"),
        "kubectl_reaches_the_cluster": fail("kubectl: not found"),
    }


class CurlMissing(_ProgramMissing):
    """railiance01 has no `curl`."""

    path = "/usr/bin/curl"
    turns = {"tools_are_there": fail("railiance01 lacks curl")}


class SshMissing(_ProgramMissing):
    """railiance01 has no `ssh` any more; the tunnels that run keep running, until they do not."""

    path = "/usr/bin/ssh"
    turns = {
        "tools_are_there": fail("railiance01 lacks ssh"),
        "fleet_identity_logs_in": fail("ssh: not found"),
    }


class UnknownBridge(Fault):
    """railiance01 has a `bridge` that is neither iproute2's nor ops-bridge."""

    turns = {
        "bridge_is_known_for_what_it_is": inconclusive("is neither iproute2's bridge nor ops-"),
        "fleet_tunnel_can_be_stopped": inconclusive("is neither iproute2's bridge nor ops-bridge"),
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
        **dict.fromkeys(_OF_UNITS, inconclusive("Failed to connect to user scope bus")),
        "user_manager_runs": fail("the user manager is dead: Failed to connect to user scope bus"),
        "port_is_held_by_its_own_unit": fail("nobody listens on"),
        "service_answers_through_its_tunnel": fail("Connection refused"),
        "live_path_leads_over_the_fleet": fail("Connection refused"),
        "bridge_pods_are_ready": fail("is 0/1 ready"),
        "service_answers_inside_the_cluster": fail("does not answer"),
    }

    def inject(self) -> None:
        root(RAILIANCE, "systemctl mask --runtime user@1000; systemctl stop user@1000")
        until_unready(HUB_BRIDGE, ISSUES_BRIDGE)

    def heal(self) -> None:
        root(RAILIANCE, "systemctl unmask --runtime user@1000; systemctl start user@1000")


class UserManagerHangs(Fault):
    """The systemd instance of the tunnels' user no longer answers; the tunnels run on."""

    deadlines = {"command": 1}
    turns = dict.fromkeys((*_OF_UNITS, "user_manager_runs"), inconclusive("did not end within 1 s"))

    def inject(self) -> None:
        root(RAILIANCE, "kill -STOP $(systemctl show -p MainPID --value user@1000)")

    def heal(self) -> None:
        root(RAILIANCE, "kill -CONT $(systemctl show -p MainPID --value user@1000)")


class LingerOff(Fault):
    """Linger is off: the tunnels end with the last log-in, and do not survive a reboot."""

    turns = {"linger_is_on": fail("Linger=no on railiance01")}

    def inject(self) -> None:
        on(RAILIANCE, "sudo loginctl disable-linger tegwick")

    def heal(self) -> None:
        on(RAILIANCE, "sudo loginctl enable-linger tegwick")


class LogindDead(Fault):
    """logind is gone from railiance01: nobody can say where a log-in came from.

    What logs in now is told neither where its systemd is nor that it is a session.
    """

    turns = {
        **dict.fromkeys((*_OF_UNITS, "user_manager_runs"), inconclusive("XDG_RUNTIME_DIR not def")),
        **dict.fromkeys(_OF_SESSIONS, inconclusive("no session at all")),
        "linger_is_on": inconclusive("login1.service failed to load"),
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

    turns = {"home_has_room": fail("0.0 MiB are left in the home on railiance01")}

    def inject(self) -> None:
        mount = "mount -t tmpfs -o size=4m,mode=0700,uid=1000,gid=1000 home /home/tegwick"
        root(RAILIANCE, f"tar -C /home/tegwick -cf /run/home.tar . && {mount} && "
                        "tar -C /home/tegwick -xpf /run/home.tar && rm /run/home.tar")  # fmt: skip
        user(RAILIANCE, "cat /dev/zero >core 2>/dev/null", check=False)

    def heal(self) -> None:
        root(RAILIANCE, "umount --lazy /home/tegwick")


class HomeReadOnly(Fault):
    """The home directory on railiance01 is mounted read-only, as after a disk error."""

    turns = {"home_has_room": fail("the home directory on railiance01 is read-only")}

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
            "retired_tunnel_is_down",
            "interactive_tunnel_leads_to_the_same",
            "only_interactive_tunnels_run",
        )
    }

    def inject(self) -> None:
        root(WORKSTATION, "mount -o remount,hidepid=2 /proc")

    def heal(self) -> None:
        root(WORKSTATION, "mount -o remount,hidepid=0 /proc")


class ClockOff(Fault):
    """coulombcore's clock is an hour ahead.

    Machines of one kernel share its clock, so it is every program of a log-in that sees another
    time, by libfaketime.
    """

    turns = {"clock_agrees": warn("s apart, more than 2 s")}
    lines = (
        "LD_PRELOAD=/usr/lib/$(uname -m)-linux-gnu/faketime/libfaketime.so.1\\n"
        "FAKETIME=+3600\\nFAKETIME_DONT_FAKE_MONOTONIC=1\\n"
    )

    def inject(self) -> None:
        root(COULOMB, "cp -p /etc/environment /etc/environment.kept; "
                      f'printf "{self.lines}" >>/etc/environment')  # fmt: skip

    def heal(self) -> None:
        root(COULOMB, "mv /etc/environment.kept /etc/environment")

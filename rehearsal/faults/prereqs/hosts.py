"""Hosts that are down, unreachable, let nobody in, or are not who they seem; and clocks."""

from __future__ import annotations

from shlex import quote
from typing import ClassVar

from rehearsal import fleet, network
from rehearsal.faults.bases import FileChanged, FilesAdded
from rehearsal.faults.clusters import until_unready
from rehearsal.faults.fault import Fault, fail, inconclusive, passes, warn
from rehearsal.faults.machines import (
    ADDRESS,
    AUTHORIZED,
    COULOMB,
    HUB,
    HUB_BRIDGE,
    ISSUES,
    ISSUES_BRIDGE,
    RAILIANCE,
    RESTART_SSHD,
    WORKSTATION,
    configure_sshd,
    restore_sshd,
    root,
    units,
    until_listening,
    user,
    wait_for,
)
from rehearsal.faults.symptoms import NOT_VERIFIED, logs_in, pinned
from rehearsal.paths import SSH_CONFIG

BLIND = inconclusive("railiance01 did not accept any of the keys for tegwick")


class SshFolderWritableByEverybody(Fault):
    """Somebody's chmod opens ~/.ssh to all, so that sshd no longer believes what lies in it."""

    turns = {
        "PRE-01.right-machine[railiance01]": fail("railiance01 did not accept any of the keys"),
        "PRE-02.bridge-tool": BLIND,
        "PRE-09.certificate": BLIND,
        "PROD-11.event": BLIND,
        "PROD-12.run": BLIND,
        "PROD-14.certificate": BLIND,
    }
    blinds = {RAILIANCE: BLIND}

    def inject(self) -> None:
        user(RAILIANCE, "chmod 0777 ~/.ssh")

    def heal(self) -> None:
        user(RAILIANCE, "chmod 0700 ~/.ssh")


class CoulombcoreHostKeyRotated(Fault):
    """Coulombcore was given a new host key, and nobody pinned it anywhere."""

    shows = ("Offending ED25519 key in /home/tegwick/.ssh/known_hosts:",)
    turns = {
        "PRE-01.right-machine[coulombcore]": fail("host key"),
        **NOT_VERIFIED,
    }
    blinds = {COULOMB: inconclusive("host key")}

    def inject(self) -> None:
        root(COULOMB, "cd /etc/ssh && mkdir kept && mv ssh_host_ed25519_key* kept && "
                      "ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key && "
                      f"{RESTART_SSHD}")  # fmt: skip

    def heal(self) -> None:
        root(COULOMB, f"cd /etc/ssh && mv kept/* . && rmdir kept && {RESTART_SSHD}")


class AliasLeadsToAnotherHost(Fault):
    """In the operator's ssh_config, coulombcore leads to railiance01."""

    turns = {
        "PRE-01.right-machine[coulombcore]": fail("coulombcore calls itself railiance01"),
        "PRE-01.no-twin[coulombcore]": fail("coulombcore and railiance01 are one machine"),
        "PRE-01.no-twin[railiance01]": fail("railiance01 and coulombcore are one machine"),
        "PRE-01.no-twin[workstation]": passes(),
        **pinned(fail("has another key of coulombcore pinned than the one it offers")),
    }
    blinds = {COULOMB: inconclusive("coulombcore calls itself railiance01")}

    def inject(self) -> None:
        self._exchange(ADDRESS[COULOMB], ADDRESS[RAILIANCE])

    def heal(self) -> None:
        self._exchange(ADDRESS[RAILIANCE], ADDRESS[COULOMB])

    def _exchange(self, old: str, new: str) -> None:
        before, name, after = SSH_CONFIG.read_text().partition("Host coulombcore\n")
        SSH_CONFIG.write_text(
            before + name + after.replace(f"HostName {old}", f"HostName {new}", 1)
        )


class HostNamesSwapped(Fault):
    """Railiance01 and coulombcore bear each other's name."""

    turns = {
        "PRE-01.right-machine[railiance01]": fail("railiance01 calls itself coulombcore"),
        "PRE-01.right-machine[coulombcore]": fail("coulombcore calls itself railiance01"),
        "PRE-01.no-twin": passes(),
        **pinned(inconclusive("railiance01 calls itself coulombcore")),
        "PRE-02.bridge-tool": inconclusive("railiance01 calls itself coulombcore"),
        "PRE-09.certificate": inconclusive("railiance01 calls itself coulombcore"),
        "PROD-11.event": inconclusive("railiance01 calls itself coulombcore"),
        "PROD-12.run": inconclusive("railiance01 calls itself coulombcore"),
        "PROD-14.certificate": inconclusive("railiance01 calls itself coulombcore"),
    }
    blinds = {
        RAILIANCE: inconclusive("calls itself"),
        COULOMB: inconclusive("coulombcore calls itself railiance01"),
    }

    def inject(self) -> None:
        self._name(RAILIANCE, COULOMB)
        self._name(COULOMB, RAILIANCE)

    def heal(self) -> None:
        self._name(RAILIANCE, RAILIANCE)
        self._name(COULOMB, COULOMB)

    def _name(self, host: str, name: str) -> None:
        root(host, f"python3 -c 'import socket; socket.sethostname(\"{name}\")'")


class WorkstationOff(Fault):
    """The workstation is powered off: only checks that ask it may turn."""

    # "no answer" or "No route to host", as long as the neighbour's address is remembered or not.
    deadlines = {"connect": 2}
    blinds = {WORKSTATION: inconclusive("198.18.77.13:22")}
    turns = {"PRE-01.right-machine[workstation]": fail("198.18.77.13:22")}

    def inject(self) -> None:
        fleet.power_off(WORKSTATION)

    def heal(self) -> None:
        fleet.power_on(WORKSTATION)
        wait_for(WORKSTATION, "[ $(bridge status | grep -c forward.*up) = 3 ]")


class CoulombcoreOff(Fault):
    """coulombcore has lost power; the tunnels' own keepalives have not noticed yet."""

    shows = ("connect to host 198.18.77.12 port 22: Connection timed out",)
    deadlines = {"connect": 2, "command": 1, "http": 1}
    blinds = {COULOMB: inconclusive("198.18.77.12:22")}
    turns = {
        "PRE-01.right-machine[coulombcore]": fail("198.18.77.12:22"),
        **logs_in(fail("198.18.77.12 port 22")),
        "CUT-06.healthy": fail("no complete answer within"),
        "PROD-04.path": fail("no complete answer within"),
        "PROD-01.pods": fail("is 0/1 ready"),
        "PROD-03.inside": fail("does not answer"),
        "PROD-04.from-pod": fail("does not answer"),
    }

    def inject(self) -> None:
        # The cable goes first, or dying processes would say goodbye.
        network.unplug(COULOMB)
        fleet.power_off(COULOMB)
        until_unready(HUB_BRIDGE, ISSUES_BRIDGE)

    def heal(self) -> None:
        fleet.power_on(COULOMB)
        # As the keepalives would, in their own time.
        units("restart")
        names = " ".join(fleet.inventory().workstation.interactive)
        user(WORKSTATION, f"bridge down {names} && bridge up {names}")


class RailianceUnreachable(Fault):
    """railiance01 has lost its network."""

    deadlines = {"connect": 2}
    blinds = {RAILIANCE: inconclusive("198.18.77.11:22")}
    turns = {
        "PRE-01.right-machine[railiance01]": fail("198.18.77.11:22"),
        "PRE-02.bridge-tool": inconclusive("198.18.77.11:22"),
        "PRE-09.certificate": inconclusive("198.18.77.11:22"),
        "PROD-11.event": inconclusive("198.18.77.11:22"),
        "PROD-12.run": inconclusive("198.18.77.11:22"),
        "PROD-14.certificate": inconclusive("198.18.77.11:22"),
    }

    def inject(self) -> None:
        root(RAILIANCE, "ip link set host0 down")

    def heal(self) -> None:
        root(RAILIANCE, "ip link set host0 up")
        units("restart")  # as the keepalives would, in their own time


class SshdStopped(Fault):
    """coulombcore's sshd is stopped: what is connected stays so, and nobody else gets in."""

    shows = ("connect to host 198.18.77.12 port 22: Connection refused",)
    blinds = {COULOMB: inconclusive("refused the connection on 198.18.77.12:22")}
    turns = {
        "PRE-01.right-machine[coulombcore]": fail("refused the connection on 198.18.77.12:22"),
        **logs_in(fail("Connection refused")),
    }

    def inject(self) -> None:
        root(COULOMB, "systemctl stop ssh")

    def heal(self) -> None:
        root(COULOMB, "systemctl start ssh")


class SshdKilled(Fault):
    """coulombcore's sshd is gone, with every session: the tunnels are down, and try again."""

    shows = ("connect to host 198.18.77.12 port 22: Connection refused",)
    blinds = SshdStopped.blinds
    turns = {
        **SshdStopped.turns,
        "PRE-06.interactive": inconclusive("no interactive tunnel to"),
        "CUT-04.steady": fail("is activating (auto-restart), result exit-code, after"),
        "CUT-05.port": fail("nobody listens on"),
        "CUT-06.healthy": fail("Connection refused"),
        "CUT-07.forwards": fail("runs no ssh"),
        "PROD-01.pods": fail("is 0/1 ready"),
        "PROD-03.inside": fail("does not answer"),
        "PROD-04.path": fail("Connection refused"),
        "PROD-04.from-pod": fail("does not answer"),
        "PROD-09.same-after-reboot": fail("runs no ssh"),
        "PROD-13.restarts": warn("times, more than 3"),
    }

    def inject(self) -> None:
        root(COULOMB, "systemctl stop ssh; pkill '^sshd'")
        until_unready(HUB_BRIDGE, ISSUES_BRIDGE)
        tried = "[ $(systemctl --user show -p NRestarts --value {}) -gt 3 ]"
        each = " && ".join(tried.format(unit) for unit in (HUB, ISSUES))
        user(RAILIANCE, f"timeout 30 sh -c 'until {each}; do sleep 0.1; done'; sleep 0.5")

    def heal(self) -> None:
        root(COULOMB, "systemctl start ssh")


class LinkCutHalfOpen(Fault):
    """The link to coulombcore dies in the middle of the run, right after the suite's log-in."""

    # What is told depends on which answer was on its way; that it is coulombcore, does not.
    deadlines = {"connect": 2}
    blinds = {COULOMB: inconclusive("coulombcore")}
    turns = pinned(passes())

    pam: ClassVar[str] = "/etc/pam.d/sshd"
    script: ClassVar[str] = "/run/cut.sh"
    cut: ClassVar[str] = (
        '[ "$PAM_RHOST" = 198.18.77.1 ] || exit 0\n'
        "nft 'add table ip cut; add chain ip cut leaving { type filter hook output priority 0; }; "
        "add rule ip cut leaving ip daddr 198.18.77.1 tcp sport 22 drop'\n"
    )

    def inject(self) -> None:
        # PAM opens a session when somebody has logged in, before anything is asked.
        line = f"session optional pam_exec.so /bin/sh {self.script}"
        root(COULOMB, f"printf %s {quote(self.cut)} >{self.script}")
        root(COULOMB, f"cp -p {self.pam} {self.pam}.kept; echo '{line}' >>{self.pam}")

    def heal(self) -> None:
        root(COULOMB, f"rm {self.script}; mv {self.pam}.kept {self.pam}; nft delete table ip cut")


class ForcedCommand(FileChanged):
    """coulombcore lets the suite's key run nothing but a refusal."""

    blinds = {COULOMB: inconclusive("This account is locked")}
    turns = {"PRE-07.healthy": passes(), **pinned(passes())}
    host, file = COULOMB, AUTHORIZED
    refusal = 'command="echo This account is locked. >\\&2; exit 1"'
    command = f"sed -i '1s/^/{refusal} /' {file}"


class NoSessions(Fault):
    """coulombcore's sshd gives nobody a session (MaxSessions 0), only forwardings."""

    blinds = {COULOMB: inconclusive("coulombcore opened no channel for the command")}
    turns = {"PRE-07.healthy": passes(), **pinned(passes())}

    def inject(self) -> None:
        configure_sshd(COULOMB, "MaxSessions 0")

    def heal(self) -> None:
        restore_sshd(COULOMB)


class LoginShellHangs(FileChanged):
    """A line in ~/.bashrc on coulombcore waits for something that does not come."""

    deadlines = {"connect": 2, "command": 1}
    blinds = {COULOMB: inconclusive("did not finish within")}
    turns = {"PRE-07.healthy": passes(), **pinned(passes())}
    host, file = COULOMB, "~/.bashrc"
    command = f"sed -i '1i sleep 60' {file}"

    def heal(self) -> None:
        super().heal()
        user(COULOMB, "pkill -x -f 'sleep 60'", check=False)


class LoginShellReadsInput(FileChanged):
    """A line in ~/.bashrc on coulombcore reads the standard input of whatever is run there."""

    blinds = {COULOMB: inconclusive("read the questions from its standard input")}
    turns = {"PRE-07.healthy": passes(), **pinned(passes())}
    host, file = COULOMB, "~/.bashrc"
    command = f"sed -i '1i read -r line' {file}"


def _clock(offset: str) -> dict[str, str]:
    """Machines of one kernel share its clock, so it is date(1) that tells another time."""
    return {"/usr/local/bin/date": f'#!/bin/sh\nexec /usr/bin/date -d "{offset}" "$@"\n'}


class ClockOff(FilesAdded):
    """coulombcore's clock is an hour ahead."""

    turns = {"PRE-12.clock": warn("s apart, more than 2 s")}
    host, files = COULOMB, _clock("1 hour")


class ClockSetBack(ClockOff):
    """railiance01's clock was set back by an hour, after a fleet unit had been restarted."""

    shows = ("Main process exited, code=killed",)
    turns = {
        **ClockOff.turns,
        f"CUT-04.steady[{HUB}]": inconclusive("the clock of railiance01 was set back since"),
    }
    host, files = RAILIANCE, _clock("1 hour ago")

    def inject(self) -> None:
        units("kill -s KILL", HUB)
        restarts = f"systemctl --user show {HUB} -p NRestarts --value"
        user(RAILIANCE, f"timeout 8 sh -c 'until [ $({restarts}) -ge 1 ]; do sleep 0.1; done'")
        until_listening(HUB)
        super().inject()

    def heal(self) -> None:
        super().heal()
        units("restart", HUB)


class LoginShellPrintsBanner(Fault):
    """The log-in shells of both fleet hosts greet whoever comes, scripts included."""

    harmless_to = "PRE-01.right-machine"

    def inject(self) -> None:
        for host in (RAILIANCE, COULOMB):
            user(host, "cp -p .bashrc bashrc.kept && sed -i '1i echo Welcome' .bashrc")

    def heal(self) -> None:
        for host in (RAILIANCE, COULOMB):
            user(host, "mv bashrc.kept .bashrc")


class LoginShellSetsEverything(Fault):
    """The log-in shells of all hosts set what changes the output of every program, and more."""

    harmless_to = "PRE-01.right-machine"
    line = (
        "export COLUMNS=20 POSIXLY_CORRECT=1 LC_ALL=de_DE.UTF-8 CDPATH=/usr TZ=Asia/Kathmandu "
        "GREP_OPTIONS=-v SYSTEMD_COLORS=1 QUOTING_STYLE=c ENV=/nowhere BASH_ENV=/nowhere; "
        "timeout() { false; }; date() { false; }; ss() { false; }; systemctl() { false; }; "
        "export -f timeout date ss systemctl; alias cat=false; cd /; set -f -u"
    )

    def inject(self) -> None:
        for host in (RAILIANCE, COULOMB, WORKSTATION):
            user(host, f"cp -p .bashrc bashrc.kept && sed -i '1i {self.line}' .bashrc")

    def heal(self) -> None:
        for host in (RAILIANCE, COULOMB, WORKSTATION):
            user(host, "mv bashrc.kept .bashrc")


class OnlyOneSession(Fault):
    """The sshd of both fleet hosts allows one session in each connection (MaxSessions 1)."""

    harmless_to = "PRE-01.right-machine"

    def inject(self) -> None:
        for host in (RAILIANCE, COULOMB):
            configure_sshd(host, "MaxSessions 1")

    def heal(self) -> None:
        for host in (RAILIANCE, COULOMB):
            restore_sshd(host)

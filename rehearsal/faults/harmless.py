"""What an operator may find on any host, and what no check may be alarmed by."""

from __future__ import annotations

from rehearsal import fleet
from rehearsal.faults.fault import Fault
from rehearsal.faults.hosts import configure_sshd, restore_sshd
from rehearsal.faults.means import COULOMB, RAILIANCE, WORKSTATION, root, user
from rehearsal.faults.workstation import HUB_RETIRED, listening, wait_for
from rehearsal.states import on


class LoginShellPrintsBanner(Fault):
    """The log-in shells of both fleet hosts greet whoever comes, scripts included."""

    harmless = True

    def inject(self) -> None:
        for host in (RAILIANCE, COULOMB):
            user(host, "cp -p .bashrc bashrc.kept && sed -i '1i echo Welcome' .bashrc")

    def heal(self) -> None:
        for host in (RAILIANCE, COULOMB):
            user(host, "mv bashrc.kept .bashrc")


class LoginShellSetsEverything(Fault):
    """The log-in shells of all hosts set what changes the output of every program, and more."""

    harmless = True
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


class StrangerForgesAnswers(Fault):
    """Another local user of railiance01 reads whatever /proc shows him, for the suite's nonce.

    Where he finds it, his own arguments, which the suite lists as those of an ssh, say in its name
    that nothing listens and nothing runs.
    """

    harmless = True
    file = "/run/forger.py"
    program = r"""
import glob, os, re, sys
while True:
    for file in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
        try:
            found = re.search(rb"fleetmesh-[0-9a-f]{16}", open(file, "rb").read())
        except OSError:
            continue
        if found:
            n = found[0].decode()
            lines = "".join(f"\n{n} begin {i} 1.0\n\n{n} end {i} 1.0 0\n" for i in range(40))
            named = "import time; open('/proc/self/comm', 'w').write('ssh'); time.sleep(600)"
            os.execv(sys.executable, ["ssh", "-c", named, lines])
"""

    def inject(self) -> None:
        fleet.machine(RAILIANCE).run(["tee", self.file], stdin=self.program)
        root(RAILIANCE, f"chmod 755 {self.file}; systemd-run -q --unit=forger --uid=nobody "
                        f"/usr/bin/python3 {self.file}")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, f"systemctl stop forger; rm {self.file}")


class OnlyOneSession(Fault):
    """The sshd of both fleet hosts allows one session in each connection (MaxSessions 1)."""

    harmless = True

    def inject(self) -> None:
        for host in (RAILIANCE, COULOMB):
            configure_sshd(host, "MaxSessions 1")

    def heal(self) -> None:
        for host in (RAILIANCE, COULOMB):
            restore_sshd(host)


class DesktopEntryDeleted(Fault):
    """The desktop's autostart had a retired tunnel; the user took it off there (Hidden=true)."""

    harmless = True

    def inject(self) -> None:
        entry = (
            f"[Desktop Entry]\\nType=Application\\nExec=bridge up {HUB_RETIRED}\\nHidden=true\\n"
        )
        user(WORKSTATION, "mkdir -p .config/autostart; "
                          f"printf '{entry}' >.config/autostart/dehub.desktop")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, "rm .config/autostart/dehub.desktop")


class FunctionOfTheShell(Fault):
    """The user's shell knows a function that would open a retired tunnel, if somebody typed it."""

    harmless = True

    def inject(self) -> None:
        ssh = "ssh -N -R 18000:127.0.0.1:8000 railiance01"
        body = f"dehub() {{\\n  bridge up {HUB_RETIRED}\\n  {ssh}\\n}}"
        user(WORKSTATION, f"cp -p .bashrc bashrc.kept && printf '{body}\\n' >>.bashrc")

    def heal(self) -> None:
        user(WORKSTATION, "mv bashrc.kept .bashrc")


class ForwardOfAnotherPort(Fault):
    """ssh_config has a reverse forward of a port that nobody retired; a script goes to any host."""

    harmless = True

    def inject(self) -> None:
        config = "Host mirror\\n RemoteForward 9418 127.0.0.1:9418\\n"
        script = '#!/bin/sh\\nread -r h <hosts; exec ssh "$h" uptime\\n'
        user(WORKSTATION, f"printf '{config}' >.ssh/config; printf '{script}' >uptimes; "
                          "chmod 755 uptimes; "
                          "echo '@daily /home/tegwick/uptimes' | crontab -")  # fmt: skip

    def heal(self) -> None:
        user(WORKSTATION, "crontab -r; rm uptimes .ssh/config")


class SshOfAnotherUser(Fault):
    """Another user of the workstation is logged in at railiance01; nothing is forwarded."""

    harmless = True
    configuration = ""

    def inject(self) -> None:
        root(WORKSTATION, "useradd -m guest; install -d -m 700 -o guest ~guest/.ssh; "
                          f"echo '{self.configuration}' >~guest/.ssh/config; "
                          "cp ~tegwick/.ssh/id_* ~tegwick/.ssh/known_hosts ~guest/.ssh/; "
                          "chown guest ~guest/.ssh/*; "
                          "systemd-run -q --unit=guest --uid=guest ssh -N -o BatchMode=yes "
                          "tegwick@railiance01")  # fmt: skip

    def heal(self) -> None:
        root(WORKSTATION, "systemctl stop guest; userdel -f -r guest 2>/dev/null")


class ServerOfDeveloper(Fault):
    """Somebody logged in from the workstation to railiance01 and serves files there meanwhile."""

    harmless = True

    def inject(self) -> None:
        serve = "exec python3 -m http.server --bind 127.0.0.1 9999"
        on(WORKSTATION, f"setsid ssh -tt railiance01 '{serve}' </dev/null >/dev/null 2>&1 & "
                        "echo $! >~/developer.pid")  # fmt: skip
        wait_for(RAILIANCE, listening(9999))

    def heal(self) -> None:
        user(WORKSTATION, "kill $(cat ~/developer.pid); rm ~/developer.pid")
        wait_for(RAILIANCE, f"! {listening(9999)}")

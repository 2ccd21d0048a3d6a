"""One machine: its files, its supervisor, its power switch."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from rehearsal import cgroup, host, network
from rehearsal.errors import RehearsalError
from rehearsal.paths import MACHINES, NETWORK_NAMESPACE, PROJECT

SUPERVISOR = PROJECT / "rehearsal" / "supervise.sh"
NSPAWN = (
    "--quiet --boot --register=no --keep-unit --kill-signal=SIGRTMIN+3 --resolv-conf=off "
    f"--timezone=off --link-journal=no --network-bridge={network.BRIDGE}"
)
KEPT_ASIDE = "usr/lib/rehearsal"
"""Where a machine that is to lack a program has it for the rehearsal's own use."""

SWITCHED_ON = "machine is on\n"


@dataclass(frozen=True)
class NspawnMachine:
    """A machine of the fleet, running or not."""

    name: str
    address: str

    @property
    def directory(self) -> Path:
        """Everything of this machine on this box."""
        return MACHINES / self.name

    @property
    def files(self) -> Path:
        """What differs from the image. Write here only while the machine is off."""
        return self.directory / "upper"

    @property
    def console(self) -> Path:
        """What the machine said while it booted."""
        return self.directory / "console.log"

    @property
    def init(self) -> int | None:
        """The process id, on this box, of the machine's process 1; None when it is off."""
        scope = cgroup.machine(self.name) / "nspawn/payload/init.scope/cgroup.procs"
        try:
            for pid in scope.read_text().split():
                status = Path(f"/proc/{pid}/status").read_text()
                if (
                    "NSpid" in status
                    and status.split("NSpid:")[1].split("\n")[0].split()[-1] == "1"
                ):
                    return int(pid)
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None

    @property
    def started(self) -> str | None:
        """When this boot began, as /proc's start time; it differs for every boot."""
        try:
            return Path(f"/proc/{self.init}/stat").read_text().rpartition(")")[2].split()[19]
        except (FileNotFoundError, ProcessLookupError):
            return None

    def power_on(self, image: Path) -> None:
        """Start the machine unless it runs. Its supervisor starts it again when it reboots."""
        if self.init is not None:
            return
        self.power_off()
        group = cgroup.machine(self.name)
        (group / "nspawn").mkdir(parents=True)
        (group / "supervisor").mkdir()
        for directory in ("root", "work", "upper"):
            (self.directory / directory).mkdir(exist_ok=True)
        unshare = ["unshare", "--mount", "--propagation", "private"]
        places = [
            group / "nspawn",
            self.directory / "root",
            image,
            self.files,
            self.directory / "work",
            NETWORK_NAMESPACE,
        ]
        command = [*unshare, str(SUPERVISOR), *map(str, places), f"--machine={self.name}"]
        enter = f'echo 0 >{group}/supervisor/cgroup.procs && exec "$@"'
        with self.console.open("ab") as console:
            console.write(SWITCHED_ON.encode())
            console.flush()
            subprocess.run(
                ["setsid", "--fork", "sh", "-c", enter, "sh", *command, *NSPAWN.split()],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                cwd="/",
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                check=True,
                timeout=5,
            )

    def power_off(self) -> None:
        """Pull the plug: nothing in the machine gets to say goodbye. Its files remain."""
        group = cgroup.machine(self.name)
        cgroup.kill(group)
        cgroup.remove(group)
        network.unplug(self.name)

    def wait_until(self, ready: list[str], deadline: float, what: str) -> None:
        """Repeat a command as root in the machine until it succeeds.

        Raises RehearsalError with the end of the console after `deadline` seconds.
        """
        end = time.monotonic() + deadline
        while True:
            if self.init is not None and self.run(ready, check=False).returncode == 0:
                return
            said = self.console.read_text(errors="replace").rpartition(SWITCHED_ON)[2][-2000:]
            if "machine is off" in said:
                raise RehearsalError(f"{self.name} does not run; its console ends:\n{said}")
            if time.monotonic() > end:
                raise RehearsalError(
                    f"{self.name}: {what} not within {deadline:g} s; its console ends:\n{said}"
                )
            time.sleep(0.05)

    def run(
        self,
        command: list[str],
        *,
        user: str = "root",
        deadline: float = 10,
        stdin: str = "",
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside, by namespaces: it needs neither network nor sshd.

        Raises RehearsalError when the machine is off, the command takes longer than `deadline`
        seconds or, with `check`, fails.
        """
        init = self.init
        if init is None:
            raise RehearsalError(f"{self.name} is off: python -m rehearsal up")
        enter = ["nsenter", f"--target={init}", "--mount", "--uts", "--ipc", "--net", "--pid"]
        enter += ["--cgroup", "--root"]
        home = "/root" if user == "root" else f"/home/{user}"
        environment = ["env", "-i", f"--chdir={home}", f"HOME={home}", "LANG=C.UTF-8"]
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment += [f"PATH={path}:/{KEPT_ASIDE}"]
        if user != "root":
            environment.append("XDG_RUNTIME_DIR=/run/user/1000")
            command = ["runuser", "-u", user, "--", *command]
        return host.run(
            [*enter, *environment, *command], deadline=deadline, stdin=stdin, check=check
        )

"""The namespaces of one pod, and processes in them.

A sleeping process is the pod's PID 1 and holds its PID, mount, UTS and (unless `hostNetwork`)
network namespace. Killing it makes the kernel kill everything else in the pod and take the veth
away; and it dies with this server, so that a crash leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from ipaddress import IPv4Address

BRIDGE = "cni0"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_DEADLINE = 10.0  # seconds for one set-up command
_DIE_WITH_US = ("/usr/bin/setpriv", "--pdeathsig", "KILL", "--")
# Before the program starts: a socket keeps the control group in which it was made.
_ENTER_GROUP = ("/bin/sh", "-c", 'echo 0 >"$0/cgroup.procs" && exec "$@"')
# /proc is read before it is remounted: there the shell still sees its PID outside of the pod.
_PAUSE = """
read -r pid rest </proc/self/stat &&
mount -t proc proc /proc &&
for file in $(ls "$1"); do mount --bind "$1/$file" "/etc/$file" || exit; done &&
{ [ -z "$2" ] || { hostname "$2" && ip link set lo up; }; } &&
echo "$pid" &&
exec sleep infinity
"""


class SandboxError(RuntimeError):
    """The namespaces could not be set up; the message carries the failing command's words."""


class StartError(Exception):
    """A command cannot be started in a container; the message says why, as an OCI runtime does."""


class Sandbox:
    """A pod's namespaces, ready for containers."""

    def __init__(self, pause: Process, veth: str) -> None:
        self._pause = pause
        self._veth = veth
        self._pid = 0  # of the pod's PID 1, once it is there

    @classmethod
    async def create(
        cls, uid: str, etc: Path, group: Path, hostname: str, address: str, gateway: IPv4Address
    ) -> Sandbox:
        """Set up; `address` with its prefix length, or empty for the node's own network.

        `group` is the control group of the pod's PID 1.

        The files in `etc` are mounted over those in /etc. Raises SandboxError.
        """
        own_network = bool(address)
        pause = await asyncio.create_subprocess_exec(
            *_DIE_WITH_US, *_ENTER_GROUP, str(group),
            "unshare", "--pid", "--fork", "--kill-child=KILL", "--mount", "--uts",
            *(["--net"] if own_network else []), "--propagation", "private",
            "--", "sh", "-c", _PAUSE, "pause", str(etc), hostname if own_network else "",
            stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True,
            env={"PATH": PATH},
        )  # fmt: skip
        sandbox = cls(pause, f"veth{uid.replace('-', '')[:8]}" if own_network else "")
        try:
            await sandbox._find_pid()
            if own_network:
                await sandbox._connect(address, gateway)
        except BaseException:  # a pod that is deleted meanwhile must not leave its namespaces
            await sandbox.destroy()
            raise
        return sandbox

    async def _find_pid(self) -> None:
        assert self._pause.stdout is not None
        assert self._pause.stderr is not None

        async def read(out: asyncio.StreamReader, err: asyncio.StreamReader) -> tuple[bytes, bytes]:
            line = await out.readline()
            return line, b"" if line.strip().isdigit() else await err.read()

        try:
            said = read(self._pause.stdout, self._pause.stderr)
            line, words = await asyncio.wait_for(said, _DEADLINE)
        except asyncio.TimeoutError:
            raise SandboxError(f"pod namespaces: not there after {_DEADLINE:.0f} s") from None
        if not line.strip().isdigit():
            raise SandboxError(f"pod namespaces: {words.decode(errors='replace').strip()}")
        self._pid = int(line)

    async def _connect(self, address: str, gateway: IPv4Address) -> None:
        outside = (
            f"link add {self._veth} type veth "
            f"peer name eth0 address {hardware_address(address)} netns {self._pid}\n"
            f"link set {self._veth} master {BRIDGE} up\n"
            # A pod that asks its own Service gets the packet back through its own port.
            f"link set {self._veth} type bridge_slave hairpin on\n"
        )
        inside = f"addr add {address} dev eth0\nlink set eth0 up\nroute add default via {gateway}\n"
        await run("ip", "-batch", "-", given=outside)
        enter = ("nsenter", f"--target={self._pid}", "--net", "--")
        await run(*enter, "ip", "-batch", "-", given=inside)

    async def spawn(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        group: Path,
        *,
        stdin: int | IO[bytes] = DEVNULL,
        stdout: int | IO[bytes] = DEVNULL,
        stderr: int | IO[bytes] = DEVNULL,
        tty: bool = False,
    ) -> Process:
        """Start `command` in the pod as the leader of its own session; see `signal_group`.

        `group` is its container's control group.
        With `tty` its standard input becomes the controlling terminal. Raises StartError.
        """
        _check_program(command, env)
        enter = ("/usr/bin/nsenter", f"--target={self._pid}", "--pid", "--mount", "--uts", "--net")
        own_session = ("--", "/usr/bin/setsid", *(("--ctty",) if tty else ()), "--")
        return await asyncio.create_subprocess_exec(
            *_DIE_WITH_US, *_ENTER_GROUP, str(group), *enter, *own_session, *command,
            stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True, env=env,
        )  # fmt: skip

    async def destroy(self) -> None:
        """Kill everything in the pod; returns when it is gone."""
        if self._pause.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # The pod's PID 1 is gone when all the others are.
                os.kill(self._pid or self._pause.pid, signal.SIGKILL)
        await self._pause.wait()
        if self._veth:
            # The kernel takes it away with the namespace, but perhaps after its name is used again.
            with contextlib.suppress(SandboxError):
                await run("ip", "link", "delete", self._veth)


def hardware_address(address: str) -> str:
    """The MAC address of a pod with this IPv4 address, which may carry its prefix length.

    The same for each pod that gets the address. With a random one, whoever talked to the former pod
    would go on sending to it for as long as its neighbour entry counts as reachable: up to 45 s,
    arp(7). Locally administered, RFC 7042.
    """
    return "0a:58:" + ipaddress.IPv4Interface(address).packed.hex(":")


def signal_group(process: Process, number: signal.Signals) -> None:
    """Signal a spawned process and what it started in its session.

    What we spawned is the nsenter that waits for it, and is better left to: when it dies first, the
    kernel takes a second longer to end the pod.
    """
    inside = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    try:
        leaders = [int(pid) for pid in inside.read_text().split()]
    except FileNotFoundError:
        return
    for leader in (*leaders, process.pid):
        with contextlib.suppress(ProcessLookupError):  # no session of its own yet
            os.killpg(leader, number)
            return


def exit_code(returncode: int) -> int:
    """As a shell says it: 128 and the signal's number for a process that was killed."""
    return returncode if returncode >= 0 else 128 - returncode


async def run(*command: str, given: str = "") -> str:
    """Run a set-up command with `given` on its standard input; raises SandboxError."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env={"PATH": PATH}
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(given.encode()), _DEADLINE)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        raise SandboxError(f"{' '.join(command)}: no end after {_DEADLINE:.0f} s") from None
    if process.returncode:
        raise SandboxError(f"{' '.join(command)}: {err.decode(errors='replace').strip()}")
    return out.decode()


def _check_program(command: Sequence[str], env: Mapping[str, str]) -> None:
    """Raise StartError for what exec would refuse: by then it would be too late to say so."""
    if not command:
        raise StartError("args must not be empty")
    name = command[0]
    if shutil.which(name, path=env.get("PATH", PATH)):
        return
    if "/" not in name:
        reason = "executable file not found in $PATH"
    elif os.path.exists(name):  # noqa: PTH110 - may be any string
        reason = "permission denied"
    else:
        reason = f"stat {name}: no such file or directory"
    raise StartError(f'unable to start container process: exec: "{name}": {reason}')

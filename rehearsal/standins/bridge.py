#!/usr/bin/python3
"""Rehearsal stand-in for the `bridge` command of ops-bridge: tunnels that are real `ssh -N`.

A tunnel that is up has a keeper: a detached `bridge keep NAME`, which opens it again when it is
lost, and whose state file names the ssh that carries it now.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "ops-bridge (rehearsal stand-in) 1.0"
CONFIG = Path.home() / ".config/bridge/tunnels.yaml"
STATE = Path.home() / ".local/state/bridge"
UP_DEADLINE = 15
DOWN_DEADLINE = 5
OPTIONS = {
    "BatchMode": "yes",
    "ConnectTimeout": "5",
    "ExitOnForwardFailure": "yes",
    "ServerAliveInterval": "5",
    "ServerAliveCountMax": "3",
    "StrictHostKeyChecking": "yes",
}
PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


def fail(message: str) -> NoReturn:
    """Say what is wrong and exit 1."""
    sys.exit(f"bridge: {message}")


def configured() -> dict[str, dict[str, Any]]:
    """The tunnels of the configuration, by name."""
    try:
        tunnels = yaml.safe_load(CONFIG.read_text())["tunnels"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        fail(f"{CONFIG} cannot be used: {error!r}")
    return dict(tunnels)


def ssh_command(tunnel: dict[str, Any]) -> list[str]:
    """The ssh that carries a tunnel, going to the background once its port is forwarded."""
    forward = "-L" if tunnel["kind"] == "forward" else "-R"
    options = [word for key, value in OPTIONS.items() for word in ("-o", f"{key}={value}")]
    if "identity" in tunnel:
        options += ["-o", "IdentitiesOnly=yes", "-i", str(Path(tunnel["identity"]).expanduser())]
    user = f"{tunnel['user']}@" if "user" in tunnel else ""
    where = f"{tunnel['listen']}:{tunnel['target']}"
    return ["ssh", "-f", "-N", "-T", *options, forward, where, f"{user}{tunnel['host']}"]


def certify(tunnel: dict[str, Any]) -> bool:
    """Have the tunnel's key signed by its `cert_command`, which prints the certificate.

    False, with the reason on stderr, if it does not; the certificate of before is kept then.
    """
    if "cert_command" not in tunnel:
        return True
    signing = ["sh", "-c", tunnel["cert_command"]]
    signed = subprocess.run(signing, stdout=subprocess.PIPE, text=True, check=False)
    if signed.returncode != 0:
        print(f"bridge: cert_command: exit status {signed.returncode}", file=sys.stderr)
        return False
    certificate = Path(f"{tunnel['identity']}-cert.pub").expanduser()
    writing = certificate.with_suffix(f".{os.getpid()}")
    writing.write_text(signed.stdout)
    writing.rename(certificate)
    return True


def opened(command: Sequence[str]) -> bool:
    """Open a tunnel; false if it cannot be."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode == 0


def state_of(name: str) -> dict[str, int] | None:
    """The state file of a tunnel whose keeper lives."""
    try:
        state: dict[str, int] = json.loads((STATE / f"{name}.json").read_text())
        keeper = Path(f"/proc/{state['keeper']}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return state if keeper[-3:-1] == [b"keep", name.encode()] else None


def keep(name: str) -> NoReturn:
    """Be the keeper of a tunnel: exit 1 if it cannot be opened now, else keep it open."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # ssh -f leaves its parent
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    tunnel = configured()[name]
    command = ssh_command(tunnel)
    state = STATE / f"{name}.json"
    ssh = 0
    try:
        while True:
            if not (certify(tunnel) and opened(command)):
                if not ssh:
                    sys.exit(1)
                time.sleep(1)
                continue
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
            ssh = int(children.split()[0])
            writing = state.with_suffix(".new")
            writing.write_text(json.dumps({"keeper": os.getpid(), "pid": ssh}))
            writing.rename(state)
            os.waitpid(ssh, 0)
            state.write_text(json.dumps({"keeper": os.getpid(), "pid": 0}))
    finally:
        state.unlink(missing_ok=True)
        for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            os.kill(int(child), signal.SIGTERM)


def up(name: str) -> bool:
    """Bring a tunnel up; False, with the reason on stderr, if that cannot be done."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two that are started at once would both open the port
        return locked_up(name)


def locked_up(name: str) -> bool:
    """`up`, once nobody else can be about to bring the same tunnel up."""
    if state_of(name):
        print(f"{name}: already up")
        return True
    log = STATE / f"{name}.log"
    with log.open("wb") as said:
        keeper = subprocess.Popen(
            [sys.executable, __file__, "keep", name],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    end = time.monotonic() + UP_DEADLINE
    while keeper.poll() is None and time.monotonic() < end:
        state = state_of(name)
        if state and state["pid"]:
            print(f"{name}: up (pid {state['pid']})")
            return True
        time.sleep(0.02)
    keeper.kill()
    print(f"bridge: {name} did not come up: {log.read_text().strip()}", file=sys.stderr)
    return False


def down(name: str) -> bool:
    """Take a tunnel down; False if its keeper does not end."""
    state = state_of(name)
    if state is None:
        print(f"{name}: already down")
        return True
    os.kill(state["keeper"], signal.SIGTERM)
    end = time.monotonic() + DOWN_DEADLINE
    while time.monotonic() < end:
        if state_of(name) is None:
            print(f"{name}: down")
            return True
        time.sleep(0.02)
    print(f"bridge: {name} is still up after {DOWN_DEADLINE} s", file=sys.stderr)
    return False


def status(name: str, tunnel: dict[str, Any]) -> dict[str, Any]:
    """What `status --json` says of a tunnel."""
    pid = (state_of(name) or {}).get("pid") or None
    return {
        "name": name,
        "kind": tunnel["kind"],
        "state": "up" if pid else "down",
        "autostart": bool(tunnel.get("autostart", False)),
        "pid": pid,
        "host": tunnel["host"],
        "listen": tunnel["listen"],
        "target": tunnel["target"],
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bridge", description="Tunnels of ops-bridge")
    parser.add_argument("--version", action="version", version=VERSION)
    actions = parser.add_subparsers(dest="action", required=True)
    for action in ("up", "down", "status"):
        command = actions.add_parser(action)
        command.add_argument("names", nargs="*", metavar="NAME")
    actions.choices["up"].add_argument("--autostart", action="store_true")
    actions.choices["status"].add_argument("--json", action="store_true")
    actions.add_parser("keep").add_argument("names", nargs=1)
    wanted = parser.parse_args()

    tunnels = configured()
    names = list(wanted.names)
    unknown = [name for name in names if name not in tunnels]
    if unknown:
        fail(f"unknown tunnel: {', '.join(unknown)}; known are: {', '.join(sorted(tunnels))}")
    if wanted.action == "keep":
        keep(names[0])
    if wanted.action == "status":
        states = [status(name, tunnels[name]) for name in names or tunnels]
        if wanted.json:
            print(json.dumps(states, indent=2))
        else:
            for state in states:
                print("{name:28} {kind:8} {state:5} {listen} -> {target} ({host})".format(**state))
        return
    if wanted.action == "up" and wanted.autostart:
        names += [name for name, tunnel in tunnels.items() if tunnel.get("autostart")]
    if not names:
        fail(f"{wanted.action} needs a tunnel's name; known are: {', '.join(sorted(tunnels))}")
    change = up if wanted.action == "up" else down
    changed = [change(name) for name in names]
    sys.exit(0 if all(changed) else 1)


if __name__ == "__main__":
    main()

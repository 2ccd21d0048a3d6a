"""What the key may do on each host, and how the operator puts it there and takes it away."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from fleetmesh.by_hand import on
from fleetmesh.inventory import Inventory
from fleetmesh.inventory.suite import SUITE
from fleetmesh.text.legible import last_line
from fleetmesh.text.shell import join
from fleetmesh.timer.access import Access
from fleetmesh.timer.places import ASSETS, PERMITS, CannotInstall

_DEADLINE = 300.0  # seconds to say what every phase asks
_DROP_IN = "/etc/ssh/sshd_config.d/fleet-verify.conf"
_END = "THE-END-OF-THIS-FILE"
_PUT = f"""#!/bin/sh
# For {{host}}, as {{user}}: lets one key ask what the suite asks there, and do nothing else.
set -eu
umask 077
mkdir -p ~/.config/fleetmesh ~/.ssh
cd ~/.config/fleetmesh
cat >gate.new <<'{_END}'
{{gate}}{_END}
cat >permitted.new <<'{_END}'
{{permitted}}{_END}
mv gate.new gate
mv permitted.new permitted
cd ~/.ssh
touch authorized_keys
cp -p authorized_keys authorized_keys.new
{{{{
    grep -vF '{{blob}}' authorized_keys || :
    cat <<'{_END}'
{{line}}{_END}
}}}} >authorized_keys.new
mv authorized_keys.new authorized_keys
echo "{{host}}: the key is let in"
"""
"""The gate and its list come before the key that needs them; each file is whole or as before."""
_TAKE = (
    "cd ~/.ssh && cp -p authorized_keys authorized_keys.new && "
    "{{ grep -vF {blob} authorized_keys >authorized_keys.new; "
    "mv authorized_keys.new authorized_keys; rm -rf ~/.config/fleetmesh; }}"
)


def permits(file: Path, public_key: str, api: str | None) -> dict[str, tuple[str, str]]:
    """By host, the gate's list and the line for authorized_keys. Raises CannotInstall.

    The pytest layer knows what a run asks, so it says so, in a process of its own.
    """
    with tempfile.TemporaryDirectory() as folder:
        key, made = Path(folder, "key.pub"), Path(folder, "permit")
        key.write_text(public_key)
        command = [sys.executable, "-P", "-m", "fleetmesh", "check", "--fleet", str(file.resolve())]
        command += ["--", "--collect-only", "-qqq", "-p", "fixtures.permit_option"]
        command += [f"--permit={made}", f"--permit-key={key}"]
        command += [f"--permit-api={api}"] if api else []
        paths = [str(SUITE), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"  # it is root's, and the checkout is not
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_DEADLINE, check=False,
            env=environment,
        )  # fmt: skip
        if done.returncode != 0:
            why = last_line(done.stderr, "") or last_line(done.stdout, "it said nothing")
            raise CannotInstall(f"what the key must be allowed cannot be made out: {why}")
        return {
            listed.stem: (
                listed.read_text("utf-8"),
                listed.with_suffix(".authorized_keys").read_text("utf-8"),
            )
            for listed in sorted(made.glob("*.permitted"))
        }


def scripts(found: Mapping[str, tuple[str, str]], known: Access) -> dict[Path, bytes]:
    """For each host a script for its own shell, which may run it any number of times."""
    gate = (ASSETS / "gate").read_text("utf-8")
    return {
        script(host): _PUT.format(
            host=host, user=known.users[host], gate=gate, permitted=permitted, line=line,
            blob=_blob(line),
        ).encode()
        for host, (permitted, line) in found.items()
    }  # fmt: skip


def script(host: str) -> Path:
    """Where the script for a host lies."""
    return PERMITS / f"{host}.sh"


def to_put(inventory: Inventory, host: str, known: Access) -> list[str]:
    """What the operator types to put the permit on a host; the second needs sudo there, once."""
    rule = (ASSETS / "sshd.conf").read_text("utf-8").replace("tegwick", known.users[host])
    first, second = (join(line.split()) for line in rule.splitlines() if not line.startswith("#"))
    as_root = (
        f"echo {first} | sudo tee {_DROP_IN} && echo {second} | sudo tee -a {_DROP_IN} && "
        "sudo systemctl reload ssh"
    )
    return [f"cat {script(host)} | {on(inventory, host, 'sh')}", on(inventory, host, as_root)]


def to_take(inventory: Inventory, host: str, public_key: str) -> list[str]:
    """What the operator types to take it away again."""
    as_root = f"sudo rm -f {_DROP_IN} && sudo systemctl reload ssh"
    own = join(["sh", "-c", _TAKE.format(blob=_blob(public_key))])
    return [on(inventory, host, own), on(inventory, host, as_root)]


def for_jump(destinations: list[str], public_key: str) -> str:
    """The line of authorized_keys on a jump host, which asks it nothing."""
    opened = ",".join(f'permitopen="{one}"' for one in dict.fromkeys(destinations))
    return f'restrict,port-forwarding,permitlisten="127.0.0.1:1",{opened} {public_key.strip()}'


def _blob(line: str) -> str:
    """The key itself in a line that has it, without options and comment."""
    return next(word for word in line.split() if word.startswith("AAAA"))

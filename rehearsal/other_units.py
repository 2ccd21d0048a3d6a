"""The fleet with other units than the runbook's, another key and user, and another `bridge`.

State Hub's tunnel is an instance of a template that the system's manager runs, issue-core's a user
unit of another name, which logs in as another user. The workstation's `bridge` prints a table.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Any

from rehearsal import fleet
from rehearsal.paths import REHEARSAL_ASSETS, STATE

if TYPE_CHECKING:
    from collections.abc import Mapping

HUB, ISSUES = "fleet-state-hub-coulombcore", "fleet-issue-core-coulombcore"
NEAR, FAR, WORKSTATION = "railiance01", "coulombcore", "workstation"
HUB_UNIT, HUB_TEMPLATE = "tunnel@state-hub.service", "/etc/systemd/system/tunnel@.service"
ISSUES_UNIT = "to-issue-core.service"
ISSUES_FILE = f"/home/tegwick/.config/systemd/user/{ISSUES_UNIT}"
KEY, FAR_USER = "~/.ssh/id_issues", "relay"
ASSETS = STATE / "infra" / "other-units"
CONFIG = "/home/tegwick/.config/bridge/tunnels.yaml"
PROGRAM = "/usr/local/bin/tunnelctl"
TABLE = '''#!/usr/bin/python3
"""A `bridge` that prints a table, or answers by its exit status."""

import json
import subprocess
import sys

asked = sys.argv[2:]
told = subprocess.run(["bridge", "status", "--json"], capture_output=True, check=True).stdout
tunnels = {one["name"]: one for one in json.loads(told)}
if asked == ["list"]:
    words = {"up": "running", "down": "stopped"}
    print("{:24}  {:8}  {:8}  {:7}  {}".format("TUNNEL", "TYPE", "STATUS", "AT BOOT", "PID"))
    for one in tunnels.values():
        starts = "yes" if one["autostart"] else "no"
        row = (one["name"], one["kind"], words[one["state"]], starts, str(one["pid"] or "-"))
        print("{:24}  {:8}  {:8}  {:7}  {}".format(*row))
elif asked[1] not in tunnels:
    sys.exit(4)
elif asked[0] == "is-up":
    sys.exit(0 if tunnels[asked[1]]["state"] == "up" else 3)
elif asked[0] == "is-enabled":
    sys.exit(0 if tunnels[asked[1]]["autostart"] else 1)
'''
BY_TABLE = {
    "command": ["tunnelctl", "--plain"],
    "status": "table",
    "arguments": ["list"],
    "columns": {
        **{"name": "TUNNEL", "kind": "TYPE", "state": "STATUS"},
        **{"autostart": "AT BOOT", "pid": "PID"},
    },
    **{"up": ["running"], "down": ["stopped"], "autostart": ["yes"], "manual": ["no"]},
}
BY_EXIT_STATUS = {
    "command": "tunnelctl --plain",
    "status": "exit",
    **{"arguments": ["is-up", "{tunnel}"], "up": [0], "down": [3], "unknown": [4]},
    **{"enabled": ["is-enabled", "{tunnel}"], "autostart": [0], "manual": [1]},
}


def install() -> None:
    """Take a fleet that the runbook's units serve to the other ones. Raises RehearsalError."""
    _authorize()
    for path, text in _assets().items():
        (ASSETS / path).parent.mkdir(parents=True, exist_ok=True)
        (ASSETS / path).write_text(text)
    _write(NEAR, HUB_TEMPLATE, (ASSETS / "systemd/tunnel@.service").read_text(), user="root")
    _write(NEAR, ISSUES_FILE, (ASSETS / f"systemd/{ISSUES_UNIT}").read_text())
    fleet.run(NEAR, f"cp -p {CONFIG} ~/tunnels.kept")
    _write(NEAR, CONFIG, (ASSETS / f"{NEAR}-tunnels.yaml").read_text())
    _write(WORKSTATION, PROGRAM, TABLE, user="root", mode="755")
    _systemctl("daemon-reload")
    _systemctl(f"disable --now {HUB} {ISSUES}")
    fleet.run(NEAR, f"rm ~/.config/systemd/user/{HUB}.service")
    fleet.run(NEAR, f"rm ~/.config/systemd/user/{ISSUES}.service")
    _systemctl("daemon-reload")
    _systemctl(f"enable --now {ISSUES_UNIT}")
    fleet.run(NEAR, f"systemctl daemon-reload; systemctl -q enable --now {HUB_UNIT}", user="root")
    fleet.wait_until_ready()


def undo() -> None:
    """Bring the fleet back to the runbook's units. Raises RehearsalError."""
    fleet.run(NEAR, f"systemctl -q disable --now {HUB_UNIT}; rm {HUB_TEMPLATE}; "
                    "systemctl daemon-reload", user="root")  # fmt: skip
    _systemctl(f"disable --now {ISSUES_UNIT}")
    fleet.run(NEAR, f"rm {ISSUES_FILE} {KEY} {KEY}.pub; mv ~/tunnels.kept {CONFIG}")
    for name in (HUB, ISSUES):
        text = (REHEARSAL_ASSETS / f"systemd/{name}.service").read_text()
        _write(NEAR, f"/home/tegwick/.config/systemd/user/{name}.service", text)
    _systemctl("daemon-reload")
    _systemctl(f"enable --now {HUB} {ISSUES}")
    fleet.run(WORKSTATION, f"rm {PROGRAM}", user="root")
    fleet.run(FAR, f"loginctl terminate-user {FAR_USER}; pkill -u {FAR_USER}; "
                   f"timeout 5 sh -c 'until userdel -r {FAR_USER} 2>/dev/null; do sleep 0.1; done'",
              user="root", check=False)  # fmt: skip
    fleet.wait_until_ready()


def described(inventory: dict[str, Any]) -> None:
    """Change an inventory, as plain data, to that of this fleet."""
    inventory["reference"] = str(ASSETS)
    inventory["tunnels"][HUB] |= {"unit": HUB_UNIT, "scope": "system"}
    inventory["tunnels"][ISSUES] |= {"unit": ISSUES_UNIT, "key": KEY, "user": FAR_USER}
    inventory["workstation"]["bridge"] = BY_TABLE


def _assets() -> Mapping[str, str]:
    """The reference: the runbook's, but for names, keys and users."""
    hub = (REHEARSAL_ASSETS / f"systemd/{HUB}.service").read_text()
    issues = (REHEARSAL_ASSETS / f"systemd/{ISSUES}.service").read_text()
    config = (REHEARSAL_ASSETS / f"{NEAR}-tunnels.yaml").read_text()
    before, name, after = config.partition(f"{ISSUES}:")
    own = after.replace("user: tegwick", f"user: {FAR_USER}", 1)
    return {
        "systemd/tunnel@.service": hub.replace("%h", "/home/tegwick")
        .replace("[Service]", "[Service]\nUser=tegwick")
        .replace("default.target", "multi-user.target")
        .replace("[Unit]", "[Unit]\nWants=network-online.target\nAfter=network-online.target"),
        f"systemd/{ISSUES_UNIT}": issues.replace("%h/.ssh/id_ops", "%h/.ssh/id_issues").replace(
            "tegwick@", f"{FAR_USER}@"
        ),
        f"{NEAR}-tunnels.yaml": before + name + own.replace("~/.ssh/id_ops", KEY, 1),
    }


def _authorize() -> None:
    """Make the other key, and the other user whom it lets in; others may read by whom."""
    public = fleet.run(NEAR, f"rm -f {KEY}*; ssh-keygen -q -t ed25519 -N '' -C issues -f {KEY}; "
                             f"cat {KEY}.pub").stdout.strip()  # fmt: skip
    keys = f"/home/{FAR_USER}/.ssh"
    fleet.run(FAR, f"id {FAR_USER} >/dev/null 2>&1 || useradd -m -s /bin/sh {FAR_USER}; "
                   f"mkdir -p {keys}; echo {quote(public)} >{keys}/authorized_keys; "
                   f"chown -R {FAR_USER}: {keys}; chmod 755 /home/{FAR_USER} {keys}",
              user="root")  # fmt: skip


def _systemctl(what: str) -> None:
    systemctl = f"export XDG_RUNTIME_DIR=/run/user/1000; systemctl --user --quiet {what}"
    fleet.run(NEAR, systemctl, deadline=30)


def _write(host: str, path: str, text: str, *, user: str = "tegwick", mode: str = "644") -> None:
    command = ["sh", "-c", f"cat >{path} && chmod {mode} {path}"]
    fleet.machine(host).run(command, user=user, stdin=text)

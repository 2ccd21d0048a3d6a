"""The workstation's part: the operator's keys, the-custodian, and ops-bridge with its tunnels."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from rehearsal import keys
from rehearsal.files import HOME, Files
from rehearsal.machine import KEPT_ASIDE
from rehearsal.paths import REHEARSAL_ASSETS, STANDINS

if TYPE_CHECKING:
    from fleetmesh.inventory import Inventory

USER = "tegwick"
K3S_API = "k3s-api-railiance01"  # an interactive tunnel that production has nothing to do with
OPS_BRIDGE_UNIT = """[Unit]
Description=Tunnels of ops-bridge that start with the workstation

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/bin/bridge up --autostart
Restart=on-failure
RestartSec=500ms

[Install]
WantedBy=default.target
"""
UNITS = f"{HOME}/.config/systemd/user"


def furnish(files: Files, inventory: Inventory) -> None:
    """Write what the workstation has before its first boot."""
    for file, key in (("id_ed25519", keys.OPERATOR), ("id_ops", keys.FLEET)):
        files.write(f"{HOME}/.ssh/{file}", key.read_text(), 0o600)
        files.write(f"{HOME}/.ssh/{file}.pub", f"{keys.public(key)}\n")
    files.copy_tree(REHEARSAL_ASSETS, f"{HOME}/the-custodian/infra/fleet-mesh")
    files.write("usr/local/bin/bridge", (STANDINS / "bridge.py").read_text(), 0o755)
    config = yaml.safe_dump({"tunnels": tunnels(inventory)}, sort_keys=False)
    files.write(f"{HOME}/.config/bridge/tunnels.yaml", config)
    files.write(f"{UNITS}/ops-bridge.service", OPS_BRIDGE_UNIT)
    wants = files.directory(f"{UNITS}/default.target.wants", owner=1000)
    (wants / "ops-bridge.service").symlink_to(f"/{UNITS}/ops-bridge.service")
    files.write("var/lib/systemd/linger/tegwick", "")


_LACKS = ("systemctl", "loginctl", "journalctl", "timeout", "ss", "lsof", "findmnt", "getent")
_OF_BUSYBOX = (
    "awk cat cut date find grep head id ls mktemp od printf ps readlink sed sh sort stat tail "
    "tr uname uniq wc xargs"
)


# Who logs in sees nothing by which sd_booted(3) tells that systemd runs.
_NOT_BOOTED = """[Service]
TemporaryFileSystem=/run/systemd
BindPaths=/run/systemd/notify /run/systemd/journal /run/systemd/sessions /run/systemd/users
"""


def strip(upper: Path, image: Path) -> None:
    """Take from a workstation what makes it a Debian with systemd, as far as a user can see.

    It has BusyBox in place of coreutils, and no os-release; its own systemctl is kept aside.
    """
    files = Files(upper, image)
    aside = files.directory(KEPT_ASIDE)
    for name in _LACKS:
        if (image / "usr/bin" / name).exists():
            shutil.copy(image / "usr/bin" / name, aside)
            _hide(files, f"usr/bin/{name}")
    files.write("usr/lib/os-release", "")  # nspawn wants to see one
    files.write("etc/systemd/system/ssh.service.d/bare.conf", _NOT_BOOTED)
    for name in _OF_BUSYBOX.split():
        folder = files.directory("usr/bin")
        (folder / name).symlink_to("busybox")


def _hide(files: Files, path: str) -> None:
    """Let a file of the image not be there: a whiteout, see Linux's overlayfs.rst."""
    folder = files.directory(str(Path(path).parent))
    os.mknod(folder / Path(path).name, stat.S_IFCHR, os.makedev(0, 0))


def tunnels(inventory: Inventory) -> dict[str, dict[str, Any]]:
    """The workstation's tunnels as the runbook's "before" has them.

    A retired tunnel leads from a production port back to the workstation's interactive tunnel to
    the same service: that is the hub.
    """
    of_service = {i.to: i for i in inventory.workstation.interactive.values()}
    of_port = {(t.host, t.listen): of_service[t.to] for t in inventory.tunnels.values()}
    config: dict[str, dict[str, Any]] = {}
    for name, interactive in inventory.workstation.interactive.items():
        assert interactive.to is not None
        service = inventory.services[interactive.to]
        config[name] = {
            "kind": "forward",
            "host": inventory.clusters[service.cluster].host,
            "listen": str(interactive.listen),
            "target": f"{service.cluster_ip}:{service.port}",
            "autostart": True,
        }
    config[K3S_API] = {
        "kind": "forward",
        "host": "railiance01",
        "listen": "127.0.0.1:16443",
        "target": "127.0.0.1:6443",
        "autostart": True,
    }
    for name, retired in inventory.workstation.retired.items():
        config[name] = {
            "kind": "reverse",
            "host": retired.host,
            "listen": str(retired.listen),
            "target": str(of_port[retired.host, retired.listen].listen),
            "autostart": False,
        }
    return {name: {"user": USER, **tunnel} for name, tunnel in config.items()}

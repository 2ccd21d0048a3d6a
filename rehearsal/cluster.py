"""A machine's stand-in cluster, run by its k3s.service, and its user's kubeconfig."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fleetmesh.inventory import Inventory
    from rehearsal.files import Files

TEMPORARY = """[Unit]
Description=Temporary services until the cluster stand-in is there
After=network.target fleet-address.service

[Service]
Environment=PYTHONPATH=/usr/local/lib/fleet-standins
ExecStartPre=/usr/sbin/ip address replace {ip}/32 dev lo
ExecStart=/usr/bin/python3 -m standins.{module} --port {port}
"""


def furnish(files: Files, name: str, inventory: Inventory) -> None:
    """Write what a machine needs to run its cluster."""
    if name == "coulombcore":
        for service in inventory.services.values():
            unit = f"etc/systemd/system/temporary-{service.name}.service"
            files.write(
                unit,
                TEMPORARY.format(
                    ip=service.cluster_ip,
                    port=service.port,
                    module=service.name.replace("-", "_"),
                ),
            )
            wants = files.directory("etc/systemd/system/multi-user.target.wants")
            (wants / unit.rpartition("/")[2]).symlink_to(f"/{unit}")

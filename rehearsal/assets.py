"""The runbook's assets with production's addresses exchanged for the rehearsal's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal.paths import (
    ASSETS,
    PRODUCTION_INVENTORY,
    REHEARSAL_ASSETS,
    RUNBOOK_INVENTORY,
    SSH_CONFIG,
)

if TYPE_CHECKING:
    from fleetmesh.inventory import Inventory


def exchange(text: str, production: Inventory, rehearsal: Inventory) -> str:
    """The text with every address of a production host or Service replaced by its counterpart."""
    for name, service in production.services.items():
        text = text.replace(service.cluster_ip, rehearsal.services[name].cluster_ip)
    for name, host in production.hosts.items():
        for old, new in zip(host.addresses, rehearsal.hosts[name].addresses, strict=False):
            text = text.replace(old, new)
    return text


def write(production: Inventory, rehearsal: Inventory) -> None:
    """Write the rehearsal's assets, as readable and executable as production's."""
    units = {f"{name}.service": tunnel.unit_file for name, tunnel in rehearsal.tunnels.items()}
    for source in sorted(ASSETS.rglob("*")):
        target = REHEARSAL_ASSETS / source.relative_to(ASSETS)
        target = target.with_name(units.get(target.name, target.name))
        if source.is_dir():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(exchange(source.read_text(), production, rehearsal))
        target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)
    RUNBOOK_INVENTORY.parent.mkdir(parents=True, exist_ok=True)
    RUNBOOK_INVENTORY.write_text(_runbook(production, rehearsal))


def _runbook(production: Inventory, rehearsal: Inventory) -> str:
    """Production's inventory, as it knows the rehearsal fleet before anybody has asked it."""
    text = exchange(PRODUCTION_INVENTORY.read_text(), production, rehearsal)
    for name, cluster in production.clusters.items():
        text = text.replace(cluster.service_cidr, rehearsal.clusters[name].service_cidr, 1)
    for old, new in (
        ("kind: production", "kind: rehearsal"),
        ("reference: ../infra/fleet-mesh", f"reference: {REHEARSAL_ASSETS}"),
        ("\nhosts:\n", f"\nssh_config: {SSH_CONFIG}\n\nhosts:\n"),
    ):
        text = text.replace(old, new, 1)
    for limit in ("connect", "command", "http"):
        old, new = (f"  {limit}: {getattr(i.limits, limit):g}" for i in (production, rehearsal))
        text = text.replace(old, new, 1)
    return text

"""The runbook's assets with production's addresses exchanged for the rehearsal's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal.paths import ASSETS, REHEARSAL_ASSETS

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
    for source in sorted(ASSETS.rglob("*")):
        target = REHEARSAL_ASSETS / source.relative_to(ASSETS)
        if source.is_dir():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(exchange(source.read_text(), production, rehearsal))
        target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)

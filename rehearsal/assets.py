"""The runbook's assets with the runbook's addresses exchanged for the rehearsal's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fleetmesh.inventory.suite import TEMPLATE
from rehearsal.errors import RehearsalError
from rehearsal.paths import ASSETS, PROJECT, REHEARSAL_ASSETS, RUNBOOK_INVENTORY, SSH_CONFIG

if TYPE_CHECKING:
    from fleetmesh.inventory import Inventory

CLUSTER_IPS = {"state-hub": "10.43.170.94", "issue-core": "10.43.103.154"}
SERVICE_CIDR = "10.43.0.0/16"
HOSTS = {"coulombcore": "92.205.130.254"}
"""The addresses in the runbook's text and its assets. An operator's inventory may have others."""
_ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")


def exchange(text: str, rehearsal: Inventory) -> str:
    """The text with every address of the runbook replaced by its counterpart."""
    for name, address in CLUSTER_IPS.items():
        text = text.replace(address, rehearsal.services[name].cluster_ip)
    for name, address in HOSTS.items():
        text = text.replace(address, rehearsal.hosts[name].addresses[0])
    return text


def write(rehearsal: Inventory) -> None:
    """Write the rehearsal's assets, as readable and executable as the runbook's.

    Raises RehearsalError if they were edited to lead anywhere else: no rehearsal may go there.
    """
    units = {f"{name}.service": tunnel.unit_file for name, tunnel in rehearsal.tunnels.items()}
    for source in sorted(ASSETS.rglob("*")):
        target = REHEARSAL_ASSETS / source.relative_to(ASSETS)
        target = target.with_name(units.get(target.name, target.name))
        if source.is_dir():
            continue
        text = source.read_text()
        if others := foreign(text):
            raise RehearsalError(
                f"{source.relative_to(PROJECT)} names {', '.join(others)}, which the runbook does "
                "not: keep your fleet's own assets in a folder of their own, and name that in "
                "your inventory (`reference:`)"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(exchange(text, rehearsal))
        target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)
    RUNBOOK_INVENTORY.parent.mkdir(parents=True, exist_ok=True)
    RUNBOOK_INVENTORY.write_text(_runbook(rehearsal))


def _runbook(rehearsal: Inventory) -> str:
    """The runbook's inventory, as it knows the rehearsal fleet before anybody has asked it."""
    text = exchange(TEMPLATE.read_text(), rehearsal)
    for cluster in rehearsal.clusters.values():
        text = text.replace(SERVICE_CIDR, cluster.service_cidr, 1)
    for old, new in (
        ("kind: production", "kind: rehearsal"),
        ("reference: ../infra/fleet-mesh", f"reference: {REHEARSAL_ASSETS}"),
        ("\nhosts:\n", f"\nssh_config: {SSH_CONFIG}\n\nhosts:\n"),
    ):
        text = text.replace(old, new, 1)
    for limit in ("connect", "command", "http"):
        seconds = f"{getattr(rehearsal.limits, limit):g}"
        text = re.sub(rf"(?m)^(  {limit}: )\d+", rf"\g<1>{seconds}", text, count=1)
    return text


def foreign(text: str) -> list[str]:
    """The addresses in a text that are neither the runbook's nor of the host itself."""
    known = {*CLUSTER_IPS.values(), *HOSTS.values()}
    found = dict.fromkeys(_ADDRESS.findall(text))
    return [one for one in found if one not in known and not one.startswith("127.")]

"""How to ask on a tunnel's host with the very arguments of the tunnel's ssh."""

from importlib.resources import files

from fleetmesh.facts.fact import NotUnderstood
from fleetmesh.inventory import Inventory, Tunnel, endpoint
from fleetmesh.text.shell import quote

AS_TUNNEL = files(__package__).joinpath("as_tunnel.sh").read_text()


def as_tunnel(inventory: Inventory, tunnel: Tunnel, function: str) -> str:
    """A call of the shell's `as_tunnel`, with what the inventory says of the tunnel's ssh."""
    service, via = inventory.services[tunnel.to], inventory.hosts[tunnel.via]
    unit = quote(tunnel.unit if tunnel.unit == tunnel.own_unit else "")
    forward = f"{tunnel.listen}:{endpoint(service.cluster_ip, service.port)}"
    port = f"-p {via.port} " if via.port else ""
    return (
        f"as_tunnel {function} {unit} {tunnel.listen.port} ssh -N -T -o BatchMode=yes "
        "-o ExitOnForwardFailure=yes -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes "
        f"-i {quote(tunnel.key)} -L {quote(forward)} "
        f"{port}{quote(destination(inventory, tunnel.via))}"
    )


def destination(inventory: Inventory, host: str) -> str:
    """`user@address` of the host that a tunnel logs in to, as the runbook writes it."""
    via = inventory.hosts[host]
    return f"{via.user}@{via.target}" if via.user else via.target


def clear(line: str) -> None:
    """Raise NotUnderstood where `as_tunnel` could not tell the words of the tunnel's ssh."""
    if line.startswith("unclear"):
        raise NotUnderstood(
            f"what it would start cannot be told: `{line.removeprefix('unclear ')}`"
        )

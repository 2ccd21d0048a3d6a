"""How to ask on a tunnel's host with the very arguments of the tunnel's ssh."""

from importlib.resources import files

from fleetmesh.facts.fact import NotUnderstood
from fleetmesh.inventory import Inventory, Login, Tunnel, endpoint
from fleetmesh.text.shell import quote

_AS_TUNNEL = files(__package__).joinpath("as_tunnel.sh").read_text()
# Keys, files and settings are those of the user as whom the system runs a unit, unless that is who
# asks. Of a unit that is not installed yet, nobody knows whose it will be.
_FOREIGN = r"""
  shown=$(timeout 2 systemctl show -p LoadState -p User -- "$unit" 2>&1) || {
    printf 'unasked systemctl: %s\n' "${shown:-no answer within 2 s}"; return; }
  case $shown in *LoadState=not-found*) ;; *)
    owner=$(printf '%s\n' "$shown" | sed -n 's/^User=//p')
    case ${owner:-root} in
      "$(id -un)"|"$(id -u)") ;;
      *) printf 'foreign %s\n' "${owner:-root}"; return;;
    esac
  esac
"""


def defined(tunnel: Tunnel) -> str:
    """The shell's function `as_tunnel`, as it asks the systemd that runs this tunnel."""
    if not tunnel.by_system:
        return _AS_TUNNEL
    script = _AS_TUNNEL.replace("systemctl --user", "systemctl")
    return script.replace("  shift 3\n", f"  shift 3{_FOREIGN}", 1)


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
        f"{port}{quote(destination(inventory, tunnel))}"
    )


def destination(inventory: Inventory, login: Tunnel | Login) -> str:
    """`user@address` of the host that a tunnel logs in to, as the runbook writes it."""
    via = inventory.hosts[login.via]
    return f"{login.far_user}@{via.target}" if login.far_user else via.target


def clear(line: str) -> None:
    """Raise NotUnderstood where `as_tunnel` could not tell what the tunnel's ssh would do."""
    if line.startswith("foreign "):
        raise NotUnderstood(
            f"its unit runs as {line.removeprefix('foreign ')}, and only that user's ssh tells"
        )
    if line.startswith("unasked "):
        raise NotUnderstood(f"what it would start is not known: {line.removeprefix('unasked ')}")
    if line.startswith("unclear"):
        raise NotUnderstood(
            f"what it would start cannot be told: `{line.removeprefix('unclear ')}`"
        )

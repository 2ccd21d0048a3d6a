"""What discovery asks of the hosts besides the suite's own facts: probes, and pure parsers."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from fleetmesh.facts.fact import Fact, NotUnderstood, blocks, succeeded
from fleetmesh.gather.commands import Exec
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.services import Get
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text import strict_json
from fleetmesh.text.shell import quote

_MOST = 8
"""Kubeconfigs of one host, or programs called `bridge`, that are looked at."""

_SCRIPTS = files(__package__)
_KUBECONFIGS = _SCRIPTS.joinpath("kubeconfigs.sh").read_text()
_BRIDGES = _SCRIPTS.joinpath("bridges.sh").read_text()


@dataclass(frozen=True)
class Kubeconfigs:
    """Kubeconfigs on a host: those that the suite's user may read, and those that it may not."""

    readable: tuple[str, ...]
    closed: tuple[str, ...]


def _kubeconfigs(inventory: Inventory) -> dict[str, Probe]:
    named: dict[str, list[str]] = {}
    for cluster in inventory.clusters.values():
        wanted = named.setdefault(cluster.host, [])
        if cluster.kubeconfig:
            wanted.append(cluster.kubeconfig)
    return {
        host: Exec(host, f"wanted={quote(' '.join(paths))}\n{_KUBECONFIGS}")
        for host, paths in named.items()
    }


def parse_kubeconfigs(transcript: Transcript) -> Kubeconfigs:
    """Read `open PATH` and `closed PATH` lines; none is an answer."""
    found: dict[str, list[str]] = {"open": [], "closed": []}
    for line in succeeded(transcript).splitlines():
        kind, _, path = line.partition(" ")
        if kind not in found or not path:
            raise NotUnderstood(f"expected `open PATH` or `closed PATH`, found {line!r}")
        found[kind].append(path)
    return Kubeconfigs(tuple(found["open"][:_MOST]), tuple(found["closed"][:_MOST]))


KUBECONFIGS = Fact("kubeconfigs", _kubeconfigs, parse_kubeconfigs)


@dataclass(frozen=True)
class TunnelUnit:
    """A unit that systemd has loaded, by its user's manager or the system's."""

    name: str
    scope: str
    load: str
    active: str
    file: str
    command: str

    @property
    def lasts(self) -> bool:
        """Whether a file that outlives a boot defines it."""
        return self.file.startswith("/") and not self.file.startswith("/run/")


_SHOW = (
    "systemctl {scope} show --all --no-pager -p Id -p LoadState -p ActiveState -p FragmentPath "
    "-p ExecStart -- {named} '*.service'"
)


def _tunnel_units(inventory: Inventory) -> dict[str, Probe]:
    def command(host: str) -> str:
        tunnels = inventory.tunnels.values()
        named = " ".join(dict.fromkeys(quote(t.unit) for t in tunnels if t.host == host))
        user, system = (_SHOW.format(scope=s, named=named) for s in ("--user", "--system"))
        return f"{user} && echo && echo Scope=system && echo && {system}"

    return {host: Exec(host, command(host)) for host in inventory.carriers}


def parse_tunnel_units(transcript: Transcript) -> tuple[TunnelUnit, ...]:
    """Read `systemctl show` of the user's units, then `Scope=system`, then of the system's."""
    found, scope = [], "user"
    for block in blocks(succeeded(transcript)):
        if block.keys() == {"Scope"}:
            scope = block["Scope"]
            continue
        try:
            found.append(
                TunnelUnit(
                    name=block["Id"],
                    scope=scope,
                    load=block["LoadState"],
                    active=block["ActiveState"],
                    file=block.get("FragmentPath", ""),
                    command=block.get("ExecStart", ""),
                )
            )
        except KeyError as error:
            raise NotUnderstood(f"a unit without {error}") from None
    if scope != "system" or not found:
        raise NotUnderstood("the system's units are missing")
    return tuple(found)


TUNNEL_UNITS = Fact("tunnel_units", _tunnel_units, parse_tunnel_units)


def _bridge_calls(inventory: Inventory) -> dict[str, Probe]:
    workstation = inventory.workstation
    command = f"wanted={quote(str(workstation.bridge))}\n{_BRIDGES}"
    return {workstation.host: Exec(workstation.host, command, 3 * inventory.limits.command)}


def parse_bridge_calls(transcript: Transcript) -> Mapping[str, str]:
    """What each way of calling ops-bridge has printed, by its words, in the order of asking."""
    found: dict[str, str] = {}
    words = ""
    *lines, end = succeeded(transcript).splitlines() or [""]
    for line in lines:
        if line.startswith("== "):
            words = line.removeprefix("== ")
            found[words] = ""
        elif words:
            found[words] += f"{line}\n"
        else:
            raise NotUnderstood(f"expected `== COMMAND`, found {line!r}")
    if end != "== end":
        raise NotUnderstood("the listing does not end with its mark")
    return found


BRIDGE_CALLS = Fact("bridge_calls", _bridge_calls, parse_bridge_calls)


def _sshd_trust(inventory: Inventory) -> dict[str, Probe]:
    command = (
        "for f in /etc/ssh/sshd_config.d/*.conf /etc/ssh/sshd_config; do "
        '[ ! -r "$f" ] || grep -iE "^[[:blank:]]*(TrustedUserCAKeys|AuthorizedPrincipalsFile)'
        '[[:blank:]=]" "$f"; done; true'
    )
    return {host: Exec(host, command) for host in dict.fromkeys(x.via for x in inventory.logins)}


def parse_sshd_trust(transcript: Transcript) -> Mapping[str, str]:
    """The first of each keyword counts, by its name in lower case; sshd_config(5)."""
    found: dict[str, str] = {}
    for line in succeeded(transcript).splitlines():
        words = line.replace("=", " ", 1).split()
        if len(words) == 2:
            found.setdefault(words[0].lower(), words[1])
    return found


SSHD_TRUST = Fact("sshd_trust", _sshd_trust, parse_sshd_trust)


@dataclass(frozen=True)
class Reply:
    """An HTTP answer as discovery needs it: its status, and its body as JSON if it is that."""

    status: int | None
    refused: str | None
    body: bytes

    def json(self) -> Any:
        """The body as JSON; None where two readers could understand it differently, or none can."""
        try:
            return strict_json.loads(self.body)
        except ValueError:
            return None


def parse_reply(transcript: Transcript) -> Reply:
    """Read the answer out of its transcript."""
    refused = transcript.details.get("refused")
    if transcript.exit_status is None and not refused:
        raise NotUnderstood("neither an HTTP status nor a reason why there is none")
    return Reply(transcript.exit_status, refused, transcript.stdout)


_OPENAPI = "/openapi.json"


def _asked_of_services(*, openapi: bool, smoke: bool) -> Any:
    def probes(inventory: Inventory) -> dict[str, Probe]:
        found: dict[str, Probe] = {}
        for service in inventory.services.values():
            host = inventory.service_host(service)
            if smoke and service.smoke:
                path = service.smoke.path
                found[service.id] = Get(host, service.cluster_ip, service.port, path)
            if openapi and service.smoke:
                found[service.id] = Get(host, service.cluster_ip, service.port, _OPENAPI)
            if not (openapi or smoke):
                path = service.health.path
                found[service.id] = Get(host, service.cluster_ip, service.port, path)
        return found

    return probes


HEALTH = Fact("health", _asked_of_services(openapi=False, smoke=False), parse_reply)
SMOKE = Fact("smoke", _asked_of_services(openapi=False, smoke=True), parse_reply)
OPENAPI = Fact("openapi", _asked_of_services(openapi=True, smoke=False), parse_reply)

OF_HOSTS = (KUBECONFIGS, TUNNEL_UNITS, BRIDGE_CALLS, SSHD_TRUST)
OF_SERVICES = (HEALTH, SMOKE, OPENAPI)

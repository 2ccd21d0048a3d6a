"""The shape of an inventory. Names of fields are the keys of the YAML file."""

import re
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    PrivateAttr,
)

CHECK_ID = re.compile(r"(PRE|CUT|PROD|DRILL)-\d\d")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_KEY_LINE = re.compile(r"(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+=* ?.*")


class Address(str):
    """`127.0.0.1:18000`: where something listens."""

    @property
    def ip(self) -> str:
        """The part before the port."""
        return self.rpartition(":")[0]

    @property
    def port(self) -> int:
        """TCP port, 1 to 65535."""
        return int(self.rpartition(":")[2])


def _listen_address(value: Any) -> Address:
    ip, _, port = str(value).rpartition(":")
    try:
        valid = bool(IPv4Address(ip) and _PORT.fullmatch(port) and int(port) < 65536)
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(f"{value!r} is no listen address; write an IPv4 address and port, "
                         "such as 127.0.0.1:18000")  # fmt: skip
    return Address(value)


def _loopback(value: Address) -> Address:
    if not IPv4Address(value.ip).is_loopback:
        raise ValueError(f"'{value}' is open to others; a tunnel listens on loopback only, "
                         f"write 127.0.0.1:{value.port}")  # fmt: skip
    return value


def _ip(value: str) -> str:
    try:
        ip_address(value)
    except ValueError:
        raise ValueError(
            f"{value!r} is no IP address; write one address, without a prefix"
        ) from None
    return value


def _cidr(value: str) -> str:
    try:
        ip_network(value)
    except ValueError as error:
        raise ValueError(f"{error}; write the network, such as 10.43.0.0/16") from None
    return value


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(
            f"{value[:80]!r} is no name; use up to 63 lower-case letters, digits, '-' and '.'"
        )
    return value


def _http_path(value: str) -> str:
    if not re.fullmatch(r"/[!-~]*", value):
        raise ValueError(f"{value!r} is no HTTP path; write it with a leading slash and no blanks")
    return value


def _expiry(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(
            f"{value!r} is no time with its zone; write it in UTC, such as 2027-01-31T12:00:00Z"
        )
    return moment


def _check_id(value: str) -> str:
    if not CHECK_ID.fullmatch(value):
        raise ValueError(f"{value!r} is no check id; write one of docs/checks.md, such as PROD-04")
    return value


def _known_hosts_or_lines(value: Any) -> Any:
    """The word `known_hosts`, or key lines as `ssh-keyscan` prints them after the host's name."""
    lines = [value] if isinstance(value, str) else value
    if lines == ["known_hosts"]:
        return "known_hosts"
    if not isinstance(lines, list) or not lines:
        raise ValueError(
            "pins no key; write the host's key lines ('ssh-ed25519 AAAA…'), or `known_hosts` "
            "if your known_hosts file pins it"
        )
    for line in lines:
        if not isinstance(line, str) or not _KEY_LINE.fullmatch(line):
            raise ValueError(
                f"{line!r} is no public key line; write 'ssh-ed25519 AAAA…', as the host's "
                "/etc/ssh/ssh_host_ed25519_key.pub has it"
            )
    return tuple(lines)


Name = Annotated[str, AfterValidator(_name)]
Ip = Annotated[str, AfterValidator(_ip)]
Cidr = Annotated[str, AfterValidator(_cidr)]
HttpPath = Annotated[str, AfterValidator(_http_path)]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Listen = Annotated[Address, PlainValidator(_listen_address)]
Loopback = Annotated[Listen, AfterValidator(_loopback)]
Seconds = Annotated[float, Field(gt=0, le=3600, strict=True)]
Count = Annotated[int, Field(ge=0, strict=True)]
Expiry = Annotated[datetime, PlainValidator(_expiry)]
CheckId = Annotated[str, AfterValidator(_check_id)]
HostKeys = Annotated[
    Literal["known_hosts"] | tuple[str, ...], BeforeValidator(_known_hosts_or_lines)
]


class Model(BaseModel):
    """Frozen, and refuses keys that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(Model):
    """An entry of a section: `id` is its key there."""

    _id: str = PrivateAttr(default="")

    @property
    def id(self) -> str:
        """The entry's key in the inventory."""
        return self._id

    def __str__(self) -> str:
        return self._id


class Runbook(Model):
    """The text that the checks encode; stands in every record."""

    document: str
    revision: str
    workplan: str


class Host(Named):
    """One machine: how to reach it, and how to know that it is the right one."""

    ssh: str
    hostname: str
    host_keys: HostKeys
    user: str | None = None
    port: Port | None = None
    addresses: tuple[Ip, ...] = ()
    transport: Literal["ssh", "local"] = "ssh"

    @property
    def target(self) -> str:
        """The address by which the fleet's own ssh reaches this host."""
        return self.addresses[0] if self.addresses else self.ssh


class Cluster(Named):
    """A Kubernetes API, reached from `host` with a kubeconfig that lies there."""

    host: str
    kubeconfig: str
    service_cidr: Cidr
    uid: str | None = None


class Health(Model):
    """A healthy answer: status 200 and, in its JSON body, at least these members.

    Give a member by which the service names itself, so that another program which answers 200 on
    the same path is told apart.
    """

    path: HttpPath
    json_: dict[str, Any] = Field(alias="json", min_length=1)


class Smoke(Model):
    """The write smoke: POST `body` to `path`, find the `id` member, GET `path`/<id>."""

    kind: Literal["progress", "emission"]

    path: HttpPath
    body: dict[str, Any]
    id: str


class Service(Named):
    """A Kubernetes Service that a tunnel leads to."""

    cluster: str
    namespace: Name
    name: Name
    cluster_ip: Ip
    port: Port
    health: Health
    smoke: Smoke | None = None


class Tunnel(Named):
    """A forward tunnel of the fleet; its key in the inventory is also its unit's name."""

    host: str
    listen: Loopback
    via: str
    to: str
    key: str

    @property
    def unit(self) -> str:
        """The systemd user unit that carries the tunnel."""
        return f"{self.id}.service"


class Bridge(Named):
    """A Deployment and Service inside a cluster that proxy to a tunnel's listen address."""

    cluster: str
    namespace: Name
    port: Port
    tunnel: str


class Probe(Model):
    """The pod from which the services are asked, and the selector of the bridge pods' namespace."""

    cluster: str
    namespace: Name
    deployment: Name
    selector: str
    python: str = "python"


class RetiredTunnel(Named):
    """A reverse tunnel that the workstation must no longer hold."""

    host: str
    listen: Listen


class InteractiveTunnel(Named):
    """A forward tunnel that the workstation may keep for interactive work."""

    to: str
    listen: Listen


class Workstation(Model):
    """The machine that must no longer carry production."""

    host: str
    bridge: str
    retired: dict[Name, RetiredTunnel]
    interactive: dict[Name, InteractiveTunnel]
    interactive_patterns: tuple[str, ...] = ()


class Certificate(Model):
    """What PROD-14 holds the fleet's certificate to; `min_lifetime` in seconds."""

    principal: str
    ca: str
    principals: str
    min_lifetime: Count
    retired_key: str


class Limits(Model):
    """Deadlines and thresholds; seconds, or counts."""

    connect: Seconds
    command: Seconds
    http: Seconds
    clock_offset: Seconds
    restarts: Count
    pod_restart_window: Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
    persistent_units: Count


class Waiver(Model):
    """A failing check that somebody accepts until a day; afterwards it fails again."""

    check: CheckId
    reason: str
    owner: str
    expires: Expiry
    only: str | None = None

    def expired(self, now: datetime) -> bool:
        """Whether the waiver no longer counts at `now`."""
        return now >= self.expires


@dataclass(frozen=True)
class Login:
    """A log-in that fleet tunnels depend on: from `host` to `via` with the key file `key`."""

    host: str
    via: str
    key: str

    def __str__(self) -> str:
        return f"{self.host}-{self.via}"


class Inventory(Model):
    """One fleet as it should be."""

    name: Name
    kind: Literal["production", "rehearsal"]
    manager: Literal["systemd", "ops-bridge"]
    identity: Literal["static-key", "certificate"]
    runbook: Runbook
    reference: Path
    hosts: dict[Name, Host] = Field(min_length=1)
    clusters: dict[Name, Cluster]
    services: dict[Name, Service]
    tunnels: dict[Name, Tunnel] = Field(min_length=1)
    bridges: dict[Name, Bridge]
    probe: Probe
    workstation: Workstation
    certificate: Certificate
    limits: Limits
    ssh_config: Path | None = None
    deferrals: dict[CheckId, str] = {}
    waivers: tuple[Waiver, ...] = ()
    file: Path = Field(exclude=True)
    digest: str = Field(exclude=True)

    def model_post_init(self, _context: Any) -> None:
        """Tell every entry the key under which it stands."""
        sections: tuple[dict[str, Any], ...] = (
            self.hosts,
            self.clusters,
            self.services,
            self.tunnels,
            self.bridges,
            self.workstation.retired,
            self.workstation.interactive,
        )
        for section in sections:
            for key, entry in section.items():
                entry._id = key

    @property
    def carriers(self) -> tuple[str, ...]:
        """Hosts on which fleet tunnels listen, in the inventory's order."""
        return tuple(dict.fromkeys(tunnel.host for tunnel in self.tunnels.values()))

    @property
    def vias(self) -> tuple[str, ...]:
        """Hosts through which fleet tunnels lead, in the inventory's order."""
        return tuple(dict.fromkeys(tunnel.via for tunnel in self.tunnels.values()))

    @property
    def logins(self) -> tuple[Login, ...]:
        """Each distinct log-in that the tunnels make, once."""
        made = (Login(t.host, t.via, t.key) for t in self.tunnels.values())
        return tuple(dict.fromkeys(made))

    def service_host(self, service: Service) -> str:
        """The host whose cluster runs `service`."""
        return self.clusters[service.cluster].host

    @property
    def fleet_hosts(self) -> tuple[str, ...]:
        """Every host but the workstation."""
        return tuple(host for host in self.hosts if host != self.workstation.host)

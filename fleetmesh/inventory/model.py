"""The shape of an inventory. Names of fields are the keys of the YAML file."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from fleetmesh.inventory.values import (
    Cidr,
    Count,
    Duration,
    Expiry,
    Glob,
    HostKeys,
    HttpPath,
    Ip,
    JsonObject,
    Line,
    Listen,
    Loopback,
    Name,
    Port,
    RemotePath,
    Seconds,
    Selector,
    Word,
)

UNITS = {"systemd": "{tunnel}.service", "ops-bridge": "ops-bridge.service"}
"""The user unit that must hold the tunnel `{tunnel}`, by the tunnels' manager."""


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

    document: Line
    revision: Line
    workplan: Line


class Host(Named):
    """One machine: how to reach it, and how to know that it is the right one."""

    ssh: Word
    hostname: Word
    host_keys: HostKeys
    user: Word | None = None
    port: Port | None = None
    addresses: tuple[Ip, ...] = ()
    transport: Literal["ssh", "local"] = "ssh"

    @property
    def target(self) -> str:
        """The address by which the fleet's own ssh reaches this host."""
        return self.addresses[0] if self.addresses else self.ssh

    @property
    def names(self) -> tuple[str, ...]:
        """Every name and address by which the inventory knows this host."""
        alias = self.ssh.rpartition("@")[2]
        return tuple(dict.fromkeys((self.id, alias, self.hostname, *self.addresses)))


class Cluster(Named):
    """A Kubernetes API, reached from `host` with a kubeconfig that lies there."""

    host: Name
    kubeconfig: RemotePath
    service_cidr: Cidr
    uid: Line | None = None


class Health(Model):
    """A healthy answer: status 200 and, in its JSON body, at least these members.

    Give a member by which the service names itself, so that another program which answers 200 on
    the same path is told apart.
    """

    path: HttpPath
    json_: JsonObject = Field(alias="json", min_length=1)


class Smoke(Model):
    """The write smoke: POST `body` to `path`, find the `id` member, GET `path`/<id>."""

    kind: Literal["progress", "emission"]

    path: HttpPath
    body: JsonObject = Field(min_length=1)
    id: Line


class Service(Named):
    """A Kubernetes Service that a tunnel leads to."""

    cluster: Name
    namespace: Name
    name: Name
    cluster_ip: Ip
    port: Port
    health: Health
    smoke: Smoke | None = None


class Tunnel(Named):
    """A forward tunnel of the fleet; its key in the inventory is its name for its manager, too."""

    _manager: str = PrivateAttr(default="systemd")

    host: Name
    listen: Loopback
    via: Name
    to: Name
    key: RemotePath

    @property
    def unit(self) -> str:
        """The systemd user unit that must hold the tunnel: its own, or its manager's."""
        return UNITS[self._manager].format(tunnel=self)

    @property
    def own_unit(self) -> str:
        """The systemd user unit of the tunnel's own name."""
        return f"{self.id}.service"


class Bridge(Named):
    """A Deployment and Service inside a cluster that proxy to a tunnel's listen address."""

    cluster: Name
    namespace: Name
    port: Port
    tunnel: Name


class ProbePod(Model):
    """The pod from which the services are asked, and the selector of the bridge pods' namespace."""

    cluster: Name
    namespace: Name
    deployment: Name
    selector: Selector
    python: RemotePath = "python"


class RetiredTunnel(Named):
    """A reverse tunnel that the workstation must no longer hold."""

    host: Name
    listen: Listen


class InteractiveTunnel(Named):
    """A forward tunnel that the workstation may keep for interactive work."""

    to: Name
    listen: Listen


class Workstation(Model):
    """The machine that must no longer carry production."""

    host: Name
    bridge: RemotePath
    retired: dict[Name, RetiredTunnel]
    interactive: dict[Name, InteractiveTunnel]
    interactive_patterns: tuple[Glob, ...] = ()


class Certificate(Model):
    """What PROD-14 holds the fleet's certificate to; `min_lifetime` in seconds."""

    principal: Word
    ca: RemotePath
    principals: RemotePath
    min_lifetime: Count
    retired_key: RemotePath


class Limits(Model):
    """Deadlines and thresholds; seconds, or counts."""

    connect: Seconds
    command: Seconds
    http: Seconds
    clock_offset: Seconds
    restarts: Count
    unit_restart_window: Duration
    pod_restart_window: Duration
    persistent_units: Count


class Waiver(Model):
    """A check that fails, or cannot be seen, and that somebody accepts until a date.

    Afterwards it counts again. What is accepted as failing is not accepted as unseen, nor the
    other way round.
    """

    check: str
    accepts: Literal["fail", "inconclusive"] = "fail"
    reason: str
    owner: Line
    expires: Expiry
    only: Line | None = None

    def expired(self, now: datetime) -> bool:
        """Whether the waiver no longer counts at `now`."""
        return now >= self.expires


@dataclass(frozen=True)
class Login:
    """A log-in that fleet tunnels depend on: from `host` to `via` with the key file `key`."""

    host: Name
    via: Name
    key: RemotePath

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
    probe: ProbePod
    workstation: Workstation
    certificate: Certificate
    limits: Limits
    ssh_config: Path | None = None
    deferrals: dict[str, str] = {}
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
        for tunnel in self.tunnels.values():
            tunnel._manager = self.manager

    @property
    def carriers(self) -> tuple[str, ...]:
        """Hosts on which fleet tunnels listen, in the inventory's order."""
        return tuple(dict.fromkeys(tunnel.host for tunnel in self.tunnels.values()))

    @property
    def logins(self) -> tuple[Login, ...]:
        """Each distinct log-in that the tunnels make, once."""
        made = (Login(t.host, t.via, t.key) for t in self.tunnels.values())
        return tuple(dict.fromkeys(made))

    def tunnels_of(self, login: Login) -> tuple[Tunnel, ...]:
        """The tunnels that make `login`."""
        made = (login.host, login.via, login.key)
        return tuple(t for t in self.tunnels.values() if (t.host, t.via, t.key) == made)

    def service_host(self, service: Service) -> str:
        """The host whose cluster runs `service`."""
        return self.clusters[service.cluster].host

    @property
    def fleet_hosts(self) -> tuple[str, ...]:
        """Every host but the workstation."""
        return tuple(host for host in self.hosts if host != self.workstation.host)

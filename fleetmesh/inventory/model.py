"""The shape of an inventory. Names of fields are the keys of the YAML file."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from fleetmesh.inventory.bridging import BridgeCall, Bridging
from fleetmesh.inventory.health import Health, mistakable
from fleetmesh.inventory.monitoring import Monitoring
from fleetmesh.inventory.section import Model
from fleetmesh.inventory.values import (
    Cidr,
    Count,
    Duration,
    Expiry,
    Glob,
    HostKeys,
    HttpPath,
    Image,
    Ip,
    JsonObject,
    Line,
    Listen,
    Loopback,
    Name,
    Port,
    RemoteCommand,
    RemotePath,
    Seconds,
    Selector,
    UnitName,
    Word,
)

UNITS = {"systemd": "{tunnel}.service", "ops-bridge": "ops-bridge.service"}
"""The user unit that must hold the tunnel `{tunnel}`, by the tunnels' manager."""
DEBUG_CONTAINER = "fleet-verify"
FIRST_DEBUG_CONTAINER = f"{DEBUG_CONTAINER}-1"
"""How the ephemeral containers of a pod are called, and the first of them."""
Scope = Literal["user", "system"]
"""Whose manager runs a unit: that of the user who logs in, or the system's."""


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
    """One machine: how to reach it, and how to know that it is the right one.

    At `addresses` it is reached. Under its `nat` addresses its connections arrive elsewhere; hosts
    behind one router may share them. `bridge` is how ops-bridge is called where it runs tunnels.
    """

    ssh: Word
    hostname: Word
    host_keys: HostKeys
    user: Word | None = None
    port: Port | None = None
    addresses: tuple[Ip, ...] = ()
    nat: tuple[Ip, ...] = ()
    bridge: BridgeCall = Bridging()
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
    """A Kubernetes API, reached from `host` with a kubeconfig that lies there, or by its kubectl.

    `kubectl` is a command of `host`, such as `sudo -n k3s kubectl`: for an API whose kubeconfig
    the suite's user may not read, or whose credentials an exec plugin issues. `context` is that of
    the kubeconfig, instead of its current one.
    """

    host: Name
    kubeconfig: RemotePath | None = None
    context: Line | None = None
    kubectl: RemoteCommand | None = None
    service_cidr: Cidr
    uid: Line | None = None

    @property
    def typed_kubectl(self) -> tuple[str, ...]:
        """The words by which its host's shell asks the API: `kubectl --kubeconfig …`."""
        if self.kubectl is not None:
            return tuple(self.kubectl.split())
        context = (f"--context={self.context}",) if self.context else ()
        return ("kubectl", "--kubeconfig", str(self.kubeconfig), *context)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.kubeconfig is None) == (self.kubectl is None):
            raise ValueError(
                "needs one way to its API; write `kubeconfig: ~/.kube/config`, or "
                "`kubectl: sudo -n k3s kubectl` where the suite's user can read none"
            )
        if self.context is not None and self.kubeconfig is None:
            raise ValueError(
                "has a context and no kubeconfig; write it as `kubectl: kubectl --context=NAME`"
            )
        return self


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


class InUnit(Named):
    """An entry that a systemd unit may run, of the system's manager or of a user's."""

    scope: Scope = "user"

    @property
    def by_system(self) -> bool:
        """Whether the system's manager runs its unit, and no user's."""
        return self.scope == "system"

    @property
    def systemctl(self) -> str:
        """The command with which a person manages its unit."""
        return "sudo systemctl" if self.by_system else "systemctl --user"


class Tunnel(InUnit):
    """A forward tunnel of the fleet; its key in the inventory is its name for its manager, too.

    Unless it says otherwise, a user unit of its name holds it, and it logs in as the `user` that
    the inventory has for the host `via`.
    """

    _manager: str = PrivateAttr(default="systemd")
    _far_user: str | None = PrivateAttr(default=None)

    host: Name
    listen: Loopback
    via: Name
    to: Name
    key: RemotePath
    user: Word | None = None
    unit_name: UnitName | None = Field(default=None, alias="unit")

    @property
    def unit(self) -> str:
        """The systemd unit that must hold the tunnel: its own, or its manager's."""
        return self.unit_name or UNITS[self._manager].format(tunnel=self)

    @property
    def own_unit(self) -> str:
        """The systemd unit that holds, or would hold, this tunnel alone."""
        return self.unit if self._manager == "systemd" else f"{self.id}.service"

    @property
    def unit_file(self) -> str:
        """The name of its own unit's file: for an instance, the template's."""
        return re.sub(r"@.+(?=\.service$)", "@", self.own_unit)

    @property
    def journalctl(self) -> str:
        """The command with which a person reads what its unit has said."""
        return "sudo journalctl" if self.by_system else "journalctl --user"

    @property
    def far_user(self) -> str | None:
        """As whom it logs in on `via`; None where ssh_config alone says so."""
        return self._far_user


class Bridge(Named):
    """A Deployment and Service inside a cluster that proxy to a tunnel's listen address.

    With `host_port`, the application reaches its pods at that port of their node, and there need
    be no Service.
    """

    cluster: Name
    namespace: Name
    port: Port
    tunnel: Name
    host_port: Port | None = None


class ProbePod(Model):
    """The pod from which the services are asked, and the selector of the bridge pods' namespace.

    `with` is what asks there, a program of the pod's image; `python` is the path of its Python.
    `container` is that in which it runs; without it, the one that `kubectl exec` takes. `debug` is
    the image of an ephemeral container in which it runs instead.
    """

    cluster: Name
    namespace: Name
    deployment: Name
    selector: Selector
    debug: Image | None = None
    container: Name | None = None
    with_: Literal["python", "curl", "wget", "nc"] = Field("python", alias="with")
    python: RemotePath = "python"

    @property
    def within(self) -> str | None:
        """The container in which it runs; None means the one that kubectl takes."""
        return FIRST_DEBUG_CONTAINER if self.debug else self.container


class RetiredTunnel(InUnit):
    """A reverse tunnel that the workstation must no longer hold.

    `unit` is the workstation's systemd unit that runs it, where not `bridge` does.
    """

    host: Name
    listen: Listen
    unit: UnitName | None = None


class InteractiveTunnel(Named):
    """A forward tunnel that the workstation may keep for interactive work.

    Without `to`, it leads to none of the inventory's services.
    """

    to: Name | None = None
    listen: Listen


class Workstation(Model):
    """The machine that must no longer carry production."""

    host: Name
    bridge: BridgeCall
    retired: dict[Name, RetiredTunnel]
    interactive: dict[Name, InteractiveTunnel]
    interactive_patterns: tuple[Glob, ...] = ()

    def keeps(self, tunnel: str) -> bool:
        """Whether a tunnel of this name is on the interactive list."""
        patterns = self.interactive_patterns
        return tunnel in self.interactive or any(fnmatch(tunnel, one) for one in patterns)


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
    """A log-in that fleet tunnels depend on: from `host` to `via`, as `user`, by the file `key`."""

    id: str
    host: Name
    via: Name
    key: RemotePath
    far_user: str | None
    tunnels: tuple[Tunnel, ...]
    """Those that make it."""

    def __str__(self) -> str:
        return self.id


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
    deferrals: dict[str, str] = Field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    monitoring: Monitoring | None = None
    file: Path = Field(exclude=True)
    digest: str = Field(exclude=True)
    _at: dict[str, list[Tunnel]] = PrivateAttr(default_factory=dict)
    """The tunnels by the host where they listen."""

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
            via = self.hosts.get(tunnel.via)
            tunnel._far_user = tunnel.user or (via.user if via else None)
            self._at.setdefault(tunnel.host, []).append(tunnel)

    @property
    def carriers(self) -> tuple[str, ...]:
        """Hosts on which fleet tunnels listen, in the inventory's order."""
        return tuple(self._at)

    @property
    def system_units(self) -> dict[str, tuple[str, ...]]:
        """By host, the units of tunnels, or of retired ones, that the system's manager runs."""
        found: dict[str, list[str]] = {}
        for tunnel in self.tunnels.values():
            if tunnel.by_system:
                found.setdefault(tunnel.host, []).append(tunnel.unit)
        for retired in self.workstation.retired.values():
            if retired.unit and retired.by_system:
                found.setdefault(self.workstation.host, []).append(retired.unit)
        return {host: tuple(units) for host, units in found.items()}

    def tunnels_at(self, host: str, *, by_system: bool | None = None) -> tuple[Tunnel, ...]:
        """The tunnels that listen on a host; those of the system's manager, or of a user's."""
        return tuple(
            tunnel for tunnel in self._at.get(host, ()) if by_system in (None, tunnel.by_system)
        )

    @property
    def logins(self) -> tuple[Login, ...]:
        """Each distinct log-in that the tunnels make, once.

        It is called by its two hosts; where these have several, by its first tunnel as well.
        """
        made: dict[tuple[str, str, str, str | None], list[Tunnel]] = {}
        for t in self.tunnels.values():
            made.setdefault((t.host, t.via, t.key, t.far_user), []).append(t)
        between = Counter((host, via) for host, via, *_ in made)
        return tuple(
            Login(
                f"{host}-{via}" if between[host, via] == 1 else f"{host}-{via}-{tunnels[0]}",
                host, via, key, user, tuple(tunnels),
            )
            for (host, via, key, user), tunnels in made.items()
        )  # fmt: skip

    def alike(self, service: Service) -> tuple[Service, ...]:
        """The other services whose healthy answer might be taken for this one's."""
        return tuple(self.services[other] for other in self._mistakable[service.id])

    @property
    def any_alike(self) -> bool:
        """Whether the healthy answer of any service might be taken for another's."""
        return any(self._mistakable.values())

    @cached_property
    def _mistakable(self) -> dict[str, list[str]]:
        healths = {name: service.health for name, service in self.services.items()}
        return mistakable(healths)

    def reached_at(self, bridge: Bridge) -> tuple[str, int]:
        """Name or address, and port, at which the application's pods reach a bridge."""
        if bridge.host_port is None:
            return bridge.id, bridge.port
        return self.hosts[self.clusters[bridge.cluster].host].addresses[0], bridge.host_port

    def service_host(self, service: Service) -> str:
        """The host whose cluster runs `service`."""
        return self.clusters[service.cluster].host

    @property
    def fleet_hosts(self) -> tuple[str, ...]:
        """Every host but the workstation."""
        return tuple(host for host in self.hosts if host != self.workstation.host)

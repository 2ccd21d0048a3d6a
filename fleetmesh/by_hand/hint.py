"""What helps if a check fails: commands, each on its own machine, and sentences.

A hint is written in lines. Each is a step or a sentence:

    on {tunnel.host}: systemctl --user status {tunnel.unit}
    in {bridge.cluster}: -n {bridge.namespace} get pods
    here: cat {inventory.file}
    here: cat FILE | on {carrier}: cat >FILE
    A sentence begins with a capital letter and ends with a full stop.

`on` names a host and `in` a cluster, whose host then runs kubectl; `here` is the machine of the
suite. All that follows the colon is for one shell there. `{…}` names the case, as in str.format;
what is put in its place is quoted. `{carrier:keys}` and its like are in _More.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from fleetmesh.by_hand.command import at, destination, in_cluster, log_in, on
from fleetmesh.inventory import (
    Bridge,
    Inventory,
    Login,
    RetiredTunnel,
    Service,
    Tunnel,
    Workstation,
    endpoint,
)
from fleetmesh.text.legible import one_line
from fleetmesh.text.shell import join, quote

_STEP = re.compile(r"(on|in) (\S+): (\S.*)|here: (\S.*?)(?: \| on (\S+): (\S.*))?")
_SENTENCE = re.compile(r"[A-Z`].*\.")
_ASKS = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=10).read())"
"""A program of Python that shows what an address answers."""
_ENDLESS = re.compile("…|\\.\\.\\.")


@dataclass(frozen=True)
class Hint:
    """A hint as it is written. One that `mends` changes something, by which the check passes."""

    text: str
    mends: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError if a line is neither a step nor a sentence."""
        lines = self.text.splitlines()
        for line in lines or [""]:
            if _ENDLESS.search(line) or not (_STEP.fullmatch(line) or _SENTENCE.fullmatch(line)):
                raise ValueError(
                    f"{line!r} is no line of a hint; write `on HOST: COMMAND`, "
                    "`in CLUSTER: KUBECTL ARGUMENTS`, `here: COMMAND`, or a whole sentence"
                )
        if self.mends and not any(map(_STEP.fullmatch, lines)):
            raise ValueError(f"{self.text!r} mends nothing: it has no command")

    def of(self, inventory: Inventory, case: Mapping[str, Any]) -> str:
        """The hint for a case: lines that bash runs, in which a sentence is a comment.

        Raises LookupError or AttributeError if it names what the case or the inventory has not.
        """
        return "\n".join(_line(line, inventory, case) for line in self.text.splitlines())


def _line(line: str, inventory: Inventory, case: Mapping[str, Any]) -> str:
    plain, quoted = _Filled(inventory, one_line), _Filled(inventory, quote)
    step = _STEP.fullmatch(line)
    if step is None:
        return f"# {plain.filled(line, case)}"
    kind, place, words, here, far, then = step.groups()
    if far:
        there = at(inventory, plain.filled(far, case), quoted.filled(then, case))
        return f"{quoted.filled(here, case)} | {there}"
    if here:
        return quoted.filled(here, case)
    run = on if kind == "on" else in_cluster
    return run(inventory, plain.filled(place, case), quoted.filled(words, case))


class _Filled(Formatter):
    """Puts values into a template, each `written` in a way of its own."""

    def __init__(self, inventory: Inventory, written: Callable[[str], str]) -> None:
        self._inventory = inventory
        self._written = written

    def filled(self, template: str, case: Mapping[str, Any]) -> str:
        return self.vformat(template, (), {"inventory": self._inventory, **case})

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec:
            return str(getattr(_More(self._inventory), format_spec)(value))
        if value is None:
            raise LookupError("the inventory does not say it")
        return self._written(str(value))


class _More:
    """What a format spec asks about a part of the inventory, as `{login.via:far_end}` does."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def restart_each(self, host: str) -> str:
        """How a host's tunnels are started anew, those that run, one after the other."""
        tunnels = [tunnel for tunnel in self._inventory.tunnels.values() if tunnel.host == host]
        done = (f"{self.manage(tunnel)} try-restart {quote(tunnel.unit)}" for tunnel in tunnels)
        return "; ".join(dict.fromkeys(done))

    def keys(self, host: str) -> str:
        """The keys of a host's tunnels."""
        logins = self._inventory.logins
        return join(dict.fromkeys(login.key for login in logins if login.host == host))

    def names(self, host: str) -> str:
        """What a host is called, as grep takes patterns."""
        return join(word for name in self._inventory.hosts[host].names for word in ("-e", name))

    def log_in(self, host: str) -> str:
        """How the suite reaches a host, with all that ssh says of it."""
        return log_in(self._inventory, host)

    def far_end(self, of: Login | Tunnel) -> str:
        """How the fleet's own ssh reaches the host where it leads."""
        via = self._inventory.hosts[of.via]
        return join(destination(via.target, via.user, via.port))

    def address(self, host: str) -> str:
        """Where packets of the fleet's own ssh go."""
        return quote(self._inventory.hosts[host].target)

    def pinned(self, host: str) -> str:
        """The name by which the fleet's own ssh looks up a host's key, if no file says another."""
        one = self._inventory.hosts[host]
        return quote(one.target if one.port in (None, 22) else f"[{one.target}]:{one.port}")

    def cluster(self, host: str) -> str:
        """The cluster that is reached from a host."""
        clusters = self._inventory.clusters.items()
        return next((name for name, one in clusters if one.host == host), "")

    def host(self, cluster: str) -> str:
        """The host of a cluster."""
        return self._inventory.clusters[cluster].host

    def status(self, workstation: Workstation) -> str:
        """How one sees which tunnels the workstation runs."""
        if workstation.bridge.status != "absent":
            return f"{workstation.bridge} status"
        return "systemctl --user list-units --no-pager --type=service"

    def down(self, retired: RetiredTunnel) -> str:
        """How the workstation takes a retired tunnel down."""
        return self._turned(retired, "down", "disable")

    def up(self, retired: RetiredTunnel) -> str:
        """How it brings one up again."""
        return self._turned(retired, "up", "enable")

    def _turned(self, retired: RetiredTunnel, by_bridge: str, by_systemd: str) -> str:
        """By its unit, if it has one; where nobody knows what runs it, how one finds that out."""
        bridge = self._inventory.workstation.bridge
        if retired.unit:
            return f"{retired.systemctl} {by_systemd} --now {quote(retired.unit)}"
        if bridge.status == "absent":
            return "ps -ef | grep '[s]sh'"
        return f"{bridge} {by_bridge} {quote(retired.id)}"

    def all_down(self, workstation: Workstation) -> str:
        """How it takes down all of them, one at a time."""
        return "; ".join(map(self.down, workstation.retired.values()))

    def systemctl(self, tunnel: Tunnel) -> str:
        """How one asks the manager of a tunnel's unit."""
        return "systemctl" if tunnel.by_system else "systemctl --user"

    def manage(self, tunnel: Tunnel) -> str:
        """How one tells that manager to do something."""
        return tunnel.systemctl

    def journalctl(self, tunnel: Tunnel) -> str:
        """How one reads what a tunnel's unit has logged."""
        return f"{tunnel.journalctl} -u {quote(tunnel.unit)}"

    def forward(self, login: Login) -> str:
        """Where the first tunnel of a log-in leads."""
        service = self._inventory.services[login.tunnels[0].to]
        return quote(endpoint(service.cluster_ip, service.port))

    def from_inside(self, bridge: Bridge) -> str:
        """How kubectl asks a bridge for the health of its service, from where the checks ask."""
        probe, url = self._inventory.probe, self.url(bridge)
        host, port = self._inventory.reached_at(bridge)
        service = self._inventory.services[self._inventory.tunnels[bridge.tunnel].to]
        request = f"GET {service.health.path} HTTP/1.0\\r\\nHost: {host}\\r\\n\\r\\n"
        by_nc = f"printf '%b' {quote(request)} | nc {quote(host)} {port}"
        asks = {
            "python": f"{quote(probe.python)} -c {quote(_ASKS)} {url}",
            "curl": f"curl -sS -i -m 10 --noproxy {quote('*')} {url}",
            "wget": f"wget -S -O - -T 10 {url}",
            "nc": f"sh -c {quote(by_nc)}",
        }[probe.with_]
        within = f"-c {quote(probe.within)} " if probe.within else ""
        pod = f"exec deploy/{quote(probe.deployment)} {within}--"
        return f"-n {quote(probe.namespace)} {pod} {asks}"

    def url(self, of: Service | Tunnel | Bridge) -> str:
        """Where the health of a service is asked: at itself, its tunnel or its bridge."""
        tunnels, services = self._inventory.tunnels, self._inventory.services
        if isinstance(of, Service):
            at, service = endpoint(of.cluster_ip, of.port), of
        elif isinstance(of, Tunnel):
            at, service = of.listen, services[of.to]
        else:
            at = endpoint(*self._inventory.reached_at(of))
            service = services[tunnels[of.tunnel].to]
        return quote(f"http://{at}{service.health.path}")

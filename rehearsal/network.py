"""The fleet's own network: a namespace with a bridge, and one way in from this machine."""

from __future__ import annotations

import ipaddress
import json

from rehearsal import host
from rehearsal.errors import RehearsalError
from rehearsal.paths import NETWORK_NAMESPACE

SUBNET = ipaddress.ip_network("198.18.77.0/24")
OUTSIDE_ADDRESS = "198.18.77.1/24"
OUTSIDE = "fleet-rehearsal"  # this machine's end of the way in
INSIDE = "outside"  # its other end, a port of the bridge
BRIDGE = "fleet"


def check_free() -> None:
    """Raise RehearsalError if this machine already uses addresses of the fleet's subnet."""
    for interface in json.loads(host.run(["ip", "-json", "-4", "address"]).stdout):
        for address in interface["addr_info"]:
            network = ipaddress.ip_network(f"{address['local']}/{address['prefixlen']}", False)
            if network.overlaps(SUBNET):
                raise RehearsalError(
                    f"the rehearsal network {SUBNET} is in use here: interface "
                    f"{interface['ifname']} has {address['local']}/{address['prefixlen']}; "
                    "take that address away for the rehearsal"
                )
    for route in json.loads(host.run(["ip", "-json", "-4", "route"]).stdout):
        if route["dst"] != "default" and ipaddress.ip_network(route["dst"]).overlaps(SUBNET):
            raise RehearsalError(
                f"the rehearsal network {SUBNET} is in use here: there is a route to "
                f"{route['dst']} by {route.get('dev', 'a gateway')}; remove it for the rehearsal"
            )


def create() -> None:
    """Make namespace, bridge and the way in. Raises RehearsalError."""
    NETWORK_NAMESPACE.touch(mode=0o600)
    namespace = str(NETWORK_NAMESPACE)
    host.run(["unshare", f"--net={namespace}", "true"])
    way_in = f"link add {OUTSIDE} type veth peer name {INSIDE} netns {namespace}"
    host.run(["ip", *way_in.split()])
    host.run(["ip", "address", "add", OUTSIDE_ADDRESS, "dev", OUTSIDE])
    host.run(["ip", "link", "set", OUTSIDE, "up"])
    inside = f"link add {BRIDGE} type bridge\nlink set {INSIDE} master {BRIDGE} up\n"
    inside += f"link set {BRIDGE} up\nlink set lo up\n"
    host.run(["nsenter", f"--net={namespace}", "ip", "-batch", "-"], stdin=inside)


def unplug(machine: str) -> None:
    """Take a machine's interface from the bridge, if it is there.

    nspawn does so when a machine ends; where that is killed, the kernel does, and may take seconds
    over it, in which the machine cannot start again.
    """
    if NETWORK_NAMESPACE.exists():
        unplugged = ["ip", "link", "delete", f"vb-{machine}"]
        host.run(["nsenter", f"--net={NETWORK_NAMESPACE}", *unplugged], check=False)


def remove() -> None:
    """Remove what `create` made, whatever of it is there."""
    host.run(["ip", "link", "delete", OUTSIDE], check=False)
    host.run(["umount", "--quiet", str(NETWORK_NAMESPACE)], check=False)

"""What may run the tunnels on their host: a module for each, and an inventory names one of them."""

from fleetmesh.facts.managers.manager import Manager
from fleetmesh.facts.managers.ops_bridge import OpsBridge
from fleetmesh.facts.managers.systemd import Systemd

MANAGERS: dict[str, type[Manager]] = {kind.name: kind for kind in (Systemd, OpsBridge)}

__all__ = ["MANAGERS", "Manager"]

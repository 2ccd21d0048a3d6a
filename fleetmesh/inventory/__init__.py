"""What a fleet should be: one YAML file, validated whole before anything is contacted.

May import: text.
"""

from fleetmesh.inventory.bridging import Bridging
from fleetmesh.inventory.document import InventoryError, Problem
from fleetmesh.inventory.health import Health
from fleetmesh.inventory.load import load
from fleetmesh.inventory.model import (
    DEBUG_CONTAINER,
    FIRST_DEBUG_CONTAINER,
    Bridge,
    Certificate,
    Cluster,
    Host,
    InteractiveTunnel,
    Inventory,
    Limits,
    Login,
    ProbePod,
    RetiredTunnel,
    Service,
    Smoke,
    Tunnel,
    Waiver,
    Workstation,
)
from fleetmesh.inventory.monitoring import Monitoring
from fleetmesh.inventory.secret_url import SecretUrl, Unset
from fleetmesh.inventory.values import Address, endpoint

__all__ = [
    "DEBUG_CONTAINER",
    "FIRST_DEBUG_CONTAINER",
    "Address",
    "Bridge",
    "Bridging",
    "Certificate",
    "Cluster",
    "Health",
    "Host",
    "InteractiveTunnel",
    "Inventory",
    "InventoryError",
    "Limits",
    "Login",
    "Monitoring",
    "ProbePod",
    "Problem",
    "RetiredTunnel",
    "SecretUrl",
    "Service",
    "Smoke",
    "Tunnel",
    "Unset",
    "Waiver",
    "Workstation",
    "endpoint",
    "load",
]

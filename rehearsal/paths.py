"""Where the rehearsal fleet keeps things on this machine."""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
INVENTORY = PROJECT / "fleets" / "rehearsal.yaml"
PRODUCTION_INVENTORY = PROJECT / "fleets" / "production.yaml"
ASSETS = PROJECT / "infra" / "fleet-mesh"
ROOTFS = PROJECT / "rehearsal" / "rootfs"
STANDINS = PROJECT / "rehearsal" / "standins"
RECORDINGS = PROJECT / "selftests" / "recordings"

CACHE = Path("/var/cache/fleet-rehearsal")
LOCK = Path("/run/lock/fleet-rehearsal.lock")

FLEET = os.environ.get("FLEET_REHEARSAL", "fleet-rehearsal")
"""What this fleet's control groups are called; of one of several, `fleet-rehearsal-PID-NUMBER`.

PID is the process that started it.
"""
STATE = Path("/var/lib/fleet-rehearsal")
KEYS = STATE / "keys"
SSH = STATE / "ssh"
SSH_CONFIG = SSH / "config"
MACHINES = STATE / "machines"
NETWORK_NAMESPACE = STATE / "network-namespace"
REHEARSAL_ASSETS = STATE / "infra" / "fleet-mesh"
RECORD = STATE / "fleet.json"

"""Where the rehearsal fleet keeps things on this machine."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
INVENTORY = PROJECT / "fleets" / "rehearsal.yaml"
ASSETS = PROJECT / "infra" / "fleet-mesh"
ROOTFS = PROJECT / "rehearsal" / "rootfs"
STANDINS = PROJECT / "rehearsal" / "standins"
RECORDINGS = PROJECT / "selftests" / "recordings"

CACHE = Path("/var/cache/fleet-rehearsal")
LOCK = Path("/run/lock/fleet-rehearsal.lock")

STATE = Path("/var/lib/fleet-rehearsal")
KEYS = STATE / "keys"
SSH = STATE / "ssh"
SSH_CONFIG = SSH / "config"
MACHINES = STATE / "machines"
NETWORK_NAMESPACE = STATE / "network-namespace"
RUNBOOK_INVENTORY = STATE / "fleets" / "runbook.yaml"
"""Production's inventory with the addresses of the rehearsal: what is known of a fleet at first."""
REHEARSAL_ASSETS = STATE / "infra" / "fleet-mesh"
RECORD = STATE / "fleet.json"

"""What the timer is called and where its parts lie; infra/verify/ has the same names."""

from pathlib import Path

from fleetmesh.inventory.suite import SUITE

ACCOUNT = "fleet-verify"
SERVICE, TIMER = "fleet-verify.service", "fleet-verify.timer"
ENVIRONMENTS = Path("/opt/fleet-verify")
"""One folder for each version of the suite, by its digest, and the link CURRENT to one of them."""
CURRENT = ENVIRONMENTS / "current"
SETTINGS = Path("/etc/fleet-verify")
"""Root's: the account reads what is in it, and changes nothing."""
RECORD = SETTINGS / "installed.json"
INVENTORY = SETTINGS / "fleet.yaml"
REFERENCE = SETTINGS / "reference"
SSH_CONFIG = SETTINGS / "ssh_config"
KNOWN_HOSTS = SETTINGS / "known_hosts"
KEY = SETTINGS / "id_ed25519"
SECRETS = SETTINGS / "secrets.env"
"""The operator's own, if there is one: never written, never removed."""
PERMITS = SETTINGS / "permit"
LOCK = Path("/run/lock/fleet-verify")
UNITS = Path("/etc/systemd/system")
EVIDENCE = Path("/var/lib/fleet-verify")
"""The account's home, and a folder for each run."""

ASSETS = SUITE / "infra" / "verify"


class CannotInstall(Exception):
    """The timer cannot be installed or removed; the text says what is wrong and what to do."""

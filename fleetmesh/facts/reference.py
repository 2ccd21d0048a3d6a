"""The reference configuration that the runbook installs, read from the suite's own machine."""

from dataclasses import dataclass

from fleetmesh.facts.fact import Fact, NotUnderstood, succeeded
from fleetmesh.facts.managers import MANAGERS
from fleetmesh.gather.commands import ReadFile
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text import yaml12


@dataclass(frozen=True)
class ConfiguredTunnel:
    """A tunnel as ops-bridge's tunnels.yaml defines it."""

    listen: str
    target: str
    user: str
    host: str
    key: str
    cert_command: str | None


def _tunnels_yaml(inventory: Inventory) -> dict[str, Probe]:
    return {
        host: ReadFile(inventory.reference / f"{host}-tunnels.yaml") for host in inventory.carriers
    }


def parse_tunnels_yaml(transcript: Transcript) -> dict[str, ConfiguredTunnel]:
    """Read a tunnels.yaml: `tunnels:` by name with listen, target, user, host, identity."""
    try:
        document = yaml12.load(succeeded(transcript))
        return {
            name: ConfiguredTunnel(
                listen=entry["listen"],
                target=entry["target"],
                user=entry["user"],
                host=entry["host"],
                key=entry["identity"],
                cert_command=entry.get("cert_command"),
            )
            for name, entry in document["tunnels"].items()
        }
    except (yaml12.Malformed, KeyError, TypeError, AttributeError) as error:
        raise NotUnderstood(f"not a tunnels.yaml: {error!r}") from None


REFERENCE_TUNNELS = Fact("reference_tunnels", _tunnels_yaml, parse_tunnels_yaml)


def _reference_files(inventory: Inventory) -> dict[str, Probe]:
    return {
        path: ReadFile(inventory.reference / path)
        for host in inventory.carriers
        for path in MANAGERS[inventory.manager].files(inventory, host).values()
    }


def parse_reference_file(transcript: Transcript) -> bytes:
    """The bytes of a reference file."""
    succeeded(transcript)
    return transcript.stdout


REFERENCE_FILES = Fact("reference_files", _reference_files, parse_reference_file)

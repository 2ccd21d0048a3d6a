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
    user: str | None
    host: str
    key: str
    cert_command: str | None


def _tunnels_yaml(inventory: Inventory) -> dict[str, Probe]:
    return {
        host: ReadFile(inventory.reference / f"{host}-tunnels.yaml") for host in inventory.carriers
    }


_EXPECTED = (
    "expected `tunnels:` with a section for each tunnel's name, or a list of them with `name`; in "
    "each `listen`, `target`, `host`, `identity`, all as text"
)
_KEY = ("identity", "identity_file", "key")
"""The names that dialects have for the key's file."""


def parse_tunnels_yaml(transcript: Transcript) -> dict[str, ConfiguredTunnel]:
    """Read a tunnels.yaml: `tunnels:` by name with listen, target, user, host, identity.

    A list of entries with their `name` says the same. Any other dialect is not understood.
    """
    try:
        document = yaml12.load(succeeded(transcript))
    except yaml12.Malformed as error:
        raise _not_understood(transcript, str(error)) from None
    listed = document.get("tunnels") if isinstance(document, dict) else None
    if isinstance(listed, list) and all(isinstance(each, dict) for each in listed):
        names = [each.get("name") for each in listed]
        if None in names or len(set(map(str, names))) < len(names):
            raise _not_understood(transcript, "a tunnel has no name, or that of another")
        listed = dict(zip(names, listed, strict=True))
    if not isinstance(listed, dict):
        raise _not_understood(transcript, "there are no `tunnels:`")
    return {str(name): _configured(transcript, name, entry) for name, entry in listed.items()}


def _configured(transcript: Transcript, name: object, entry: object) -> ConfiguredTunnel:
    given = entry if isinstance(entry, dict) else {}
    keys = [key for key in _KEY if key in given]
    for key in ("listen", "target", "host", *(keys or _KEY[:1])):
        if not isinstance(given.get(key), str):
            raise _not_understood(transcript, f"tunnels.{name} has no `{key}` that is text")
    if len(keys) > 1:
        raise _not_understood(transcript, f"tunnels.{name} has both `{keys[0]}` and `{keys[1]}`")
    return ConfiguredTunnel(
        listen=given["listen"],
        target=given["target"],
        user=given.get("user"),
        host=given["host"],
        key=given[keys[0]],
        cert_command=given.get("cert_command"),
    )


def _not_understood(transcript: Transcript, what: str) -> NotUnderstood:
    return NotUnderstood(f"not a tunnels.yaml, {transcript.command}: {what}; {_EXPECTED}")


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

"""The inventory as the service reads it: the operator's, with its paths led to /etc."""

from itertools import islice
from pathlib import Path

from fleetmesh.inventory import Inventory, InventoryError, load
from fleetmesh.inventory.document import read
from fleetmesh.text.legible import one_line
from fleetmesh.timer.places import INVENTORY, REFERENCE, SSH_CONFIG, CannotInstall

_LARGEST = 1 << 20  # bytes of a reference file
_MOST = 500  # files of a reference
_NAME_IT = "name the folder of what is to be installed on the hosts"


def fit(file: Path) -> Inventory:
    """The inventory in `file`. Raises CannotInstall if a machine of its own cannot verify it."""
    try:
        inventory = load(file)
    except InventoryError as error:
        raise CannotInstall(str(error)) from None
    if inventory.kind != "production":
        raise CannotInstall(
            f"{file} has `kind: {inventory.kind}`; a timer is for a real fleet, `kind: production`"
        )
    if local := [host.id for host in inventory.hosts.values() if host.transport == "local"]:
        raise CannotInstall(
            f"{file}: {', '.join(local)} has `transport: local`; the timer's machine is none of "
            "the fleet's, and logs in to each: write the host's ssh name"
        )
    return inventory


def copy(file: Path) -> bytes:
    """The text of the inventory, read from where its copy is to lie. Raises CannotInstall."""
    text = file.read_text("utf-8")
    led = {"reference": str(REFERENCE), "ssh_config": str(SSH_CONFIG)}
    lines, found = text.splitlines(), read(file)
    for key, path in led.items():
        line = f"{key}: {path}"
        if key in found.data:
            lines[found.lines[(key,)] - 1] = line
        else:
            lines.append(line)
    of = one_line(str(file.resolve()))
    head = f"# A copy of {of}: change that, and run `fleetmesh install-timer` again."
    text = "\n".join((head, *lines, ""))
    try:
        same = read(INVENTORY, text).data == {**found.data, **led}
    except InventoryError:
        same = False
    if not same:
        raise CannotInstall(
            f"{file}: write `reference:` and `ssh_config:` on a line of their own, with their value"
        )
    return text.encode()


def reference(inventory: Inventory) -> dict[Path, bytes]:
    """What the inventory holds the hosts to, where its copy is to lie. Raises CannotInstall."""
    top, found = inventory.reference, {}
    try:
        sources = list(islice(filter(Path.is_file, top.rglob("*")), _MOST + 1))
        if len(sources) > _MOST:
            raise CannotInstall(f"reference: {top} holds more than {_MOST} files; {_NAME_IT}")
        for source in sorted(sources):
            if source.stat().st_size > _LARGEST:
                raise CannotInstall(f"{source}, in the reference, is larger than {_LARGEST} bytes")
            found[REFERENCE / source.relative_to(top)] = source.read_bytes()
    except OSError as error:
        raise CannotInstall(f"{error.filename} cannot be read: {error.strerror}") from None
    if not found:
        raise CannotInstall(f"reference: {top} holds no file; {_NAME_IT}")
    return found

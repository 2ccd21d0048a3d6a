"""Who holds a tunnel's port, if not its own unit."""

from fleetmesh.diagnostics.ports import SOCKETS, TunnelPort
from fleetmesh.inventory import Inventory
from selftests.diagnostics.answers import heard, known

LISTENS = (
    "LISTEN 0 128 127.0.0.1:18000 0.0.0.0:* uid:1000 ino:1 sk:1 "
    "cgroup:/user.slice/user-1000.slice/{} <->"
)
ESTABLISHED = "ESTAB 0 0 127.0.0.1:18000 127.0.0.1:5 uid:1000 ino:2 sk:2 cgroup:/x <->"


def quoted(inventory: Inventory, said: str) -> list[str]:
    tunnel = next(iter(inventory.tunnels))
    asked = known(heard(SOCKETS, tunnel, said))
    return [one.text for one in TunnelPort(tunnel).quotes(inventory, asked)]


def test_a_stranger_on_the_port_is_named(inventory: Inventory) -> None:
    stranger = LISTENS.format("session-c78.scope")
    assert quoted(inventory, f"{ESTABLISHED}\n{stranger}\n") == [stranger]


def test_its_own_unit_is_not(inventory: Inventory) -> None:
    unit = next(iter(inventory.tunnels.values())).unit
    own = LISTENS.format(f"user@1000.service/app.slice/{unit}")
    assert quoted(inventory, f"{own}\n{ESTABLISHED}\n") == []
    assert quoted(inventory, LISTENS.format(f"user@1000.service/app.slice/not-{unit}")) != []


def test_a_free_port_is_quoted_nothing(inventory: Inventory) -> None:
    assert quoted(inventory, f"{ESTABLISHED}\n") == quoted(inventory, "") == []

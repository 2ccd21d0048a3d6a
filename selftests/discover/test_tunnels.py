"""A unit is a tunnel's by the runbook's forward alone, and only if its own name is unknown."""

from typing import Any

import pytest

from fleetmesh.discover import tunnels
from fleetmesh.discover.questions import TUNNEL_UNITS
from fleetmesh.facts.sockets import LISTENERS, SESSIONS
from selftests.discover.answers import Said, findings, inventory, values

HUB, ISSUES = "fleet-state-hub-coulombcore", "fleet-issue-core-coulombcore"
FORWARD = "127.0.0.1:18000:10.43.170.94:8000"
USERS = "/home/tegwick/.config/systemd/user/"


def unit(name: str, words: str = "", load: str = "loaded", folder: str = USERS) -> str:
    """A unit as systemctl shows it."""
    file = f"{folder}{name}" if load == "loaded" else ""
    command = f"{{ path=/usr/bin/ssh ; argv[]={words} ; ignore_errors=no ; pid=1 }}"
    lines = [f"Id={name}", f"LoadState={load}", "ActiveState=active", f"FragmentPath={file}"]
    return "\n".join([*lines, *([f"ExecStart={command}"] if words else [])]) + "\n"


def carrying(forward: str = FORWARD, to: str = "tegwick@92.205.130.254") -> str:
    """An ssh with this forward."""
    return f"/usr/bin/ssh -N -i /home/tegwick/.ssh/id_ops -L {forward} {to}"


OWN = [unit(f"{HUB}.service", carrying()), unit(f"{ISSUES}.service", "/usr/bin/ssh")]
GONE = [unit(f"{HUB}.service", load="not-found"), OWN[1]]


def found(user: list[str], system: list[str] | None = None, cgroup: str = "") -> list[Any]:
    """What is found on railiance01 with these units; `cgroup` holds port 18000."""
    said = Said()
    of_system = system or [unit("ssh.service", "/usr/sbin/sshd -D", folder="/usr/lib/")]
    shown = "\n".join([*user, "Scope=system\n", *of_system])
    said.says(TUNNEL_UNITS, "railiance01", shown)
    said.says(SESSIONS, "railiance01", "Own=1\n\nId=1\nRemoteHost=\n\nId=7\nRemoteHost=9.9.9.9\n")
    sockets = "LISTEN 0 128 0.0.0.0:22 0.0.0.0:* ino:1 sk:1 cgroup:/system.slice/ssh.service\n"
    if cgroup:
        sockets += f"LISTEN 0 128 127.0.0.1:18000 0.0.0.0:* uid:1000 ino:2 sk:2 cgroup:{cgroup}\n"
    said.says(LISTENERS, "railiance01", sockets)
    every = tunnels.units(inventory(), said.answers)
    return [each for each in every if HUB in each.place]


def test_its_own_unit_settles_it() -> None:
    assert values(found(OWN)) == {f"tunnels.{HUB}": None}


def test_another_name_is_proposed_by_the_forward() -> None:
    told = found([*GONE, unit("mesh-hub.service", carrying())])
    assert values(told) == {f"tunnels.{HUB}.unit": "mesh-hub.service", f"tunnels.{HUB}": None}


def test_so_is_the_scope() -> None:
    system = [unit("mesh-hub.service", carrying(), folder="/etc/systemd/system/")]
    assert values(found(GONE, system))[f"tunnels.{HUB}.scope"] == "system"


@pytest.mark.parametrize(
    "words",
    [
        carrying("127.0.0.1:18000:10.43.170.95:8000"),  # another ClusterIP
        carrying("127.0.0.1:18001:10.43.170.94:8000"),  # another port
        carrying("0.0.0.0:18000:10.43.170.94:8000"),  # open to others
        carrying().replace(" -L ", " -R "),
    ],
)
def test_another_forward_is_not_the_runbook_s(words: str) -> None:
    told = found([*GONE, unit("mesh-hub.service", words)])
    assert not values(told)
    assert "no unit has -L" in findings(told)[f"tunnels.{HUB}.unit"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (carrying(to="tegwick@workstation"), "logs in to workstation, not 92.205.130.254"),
        (carrying(to="root@92.205.130.254"), "logs in as root, not tegwick"),
        (carrying(to="-J nuc tegwick@92.205.130.254"), "goes through nuc"),
        (carrying(to="-R 1:a:1 tegwick@92.205.130.254"), "forwards more"),
        (carrying().replace("id_ops", "id_mine"), "uses the key /home/tegwick/.ssh/id_mine"),
    ],
)
def test_the_runbook_s_forward_otherwise_is_a_finding(words: str, why: str) -> None:
    told = found([*GONE, unit("mesh-hub.service", words)])
    assert not values(told)
    assert f"mesh-hub.service ({why})" in findings(told)[f"tunnels.{HUB}.unit"]


def test_a_unit_that_exists_keeps_its_tunnel_whoever_else_could_have_it() -> None:
    told = found([*OWN, unit("mine.service", carrying())])
    assert values(told) == {f"tunnels.{HUB}": None}


@pytest.mark.parametrize(
    "others",
    [
        [unit("a.service", carrying()), unit("b.service", carrying())],
        [unit("mine.service", carrying(), folder="/run/user/1000/systemd/transient/")],
    ],
)
def test_two_units_or_one_until_the_next_boot_are_a_finding(others: list[str]) -> None:
    told = found([*GONE, *others])
    assert not values(told)
    assert "is unknown to systemd" in findings(told)[f"tunnels.{HUB}.unit"]


def test_a_port_that_a_log_in_holds_is_a_finding_and_nothing_is_proposed() -> None:
    told = found(
        [*GONE, unit("mesh-hub.service", carrying())],
        cgroup="/user.slice/user-1000.slice/session-7.scope",
    )
    assert not values(told)
    said = findings(told)[f"tunnels.{HUB}.listen"]
    assert said.startswith("127.0.0.1:18000 is held by login session 7")
    assert said.endswith(f"the runbook says the unit {HUB}.service")

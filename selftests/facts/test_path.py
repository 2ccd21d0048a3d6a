"""Who carried a request, told from sockets: as captured, and in all that may go wrong."""

from dataclasses import replace

import pytest

from fleetmesh.attribution import Places, covers, harmless_in_a_session, held_by, may_be_a_login
from fleetmesh.facts import FACTS
from fleetmesh.facts.http import Answer
from fleetmesh.facts.sockets import LoginSession, Socket
from fleetmesh.inventory import Inventory, load
from fleetmesh.outcomes import Inconclusive
from fleetmesh.path import Path, Sight, trace
from selftests.facts.cases import HERE, read

TUNNEL = "fleet-state-hub-coulombcore"
RAILIANCE01, COULOMBCORE, WORKSTATION = "198.18.77.11", "198.18.77.12", "198.18.77.13"
HUB = "198.19.43.94:8000"
USER = "/user.slice/user-1000.slice"
UNIT = f"{USER}/user@1000.service/app.slice/{TUNNEL}.service"
UNTOLD = ": a log-in's or not, nothing tells"
SSHD = "/system.slice/ssh.service"
ANSWER = Answer(200, b"{}", None, sent=207, received=197)

# The request as the tunnel's ssh accepted it, its connection to the far sshd, that same connection
# at the far end, and the socket that the far end opened to the service.
ACCEPTED = Socket("127.0.0.1:18000", "127.0.0.1:40000", 1000, UNIT, sent=197, received=207)
UPSTREAM = Socket(f"{RAILIANCE01}:46544", f"{COULOMBCORE}:22", 1000, UNIT, sent=8017, received=8633)
MIRRORED = Socket(f"{COULOMBCORE}:22", f"{RAILIANCE01}:46544", 0, SSHD, sent=8633, received=8017)
OPENED = Socket("198.19.13.1:43234", HUB, 1000, f"{USER}/session-c4.scope", sent=207, received=197)
OTHERS = (
    Socket(f"{COULOMBCORE}:22", "198.18.77.1:44884", 0, SSHD, sent=7593, received=5208),
    Socket("198.19.13.1:43230", HUB, 1000, f"{USER}/session-c7.scope", sent=205, received=197),
)


def session(id: str, remote_host: str) -> LoginSession:
    return LoginSession(id, "tegwick", "sshd", remote_host, 100)


NEAR = Sight((ACCEPTED, UPSTREAM), {"c1": session("c1", WORKSTATION)})
FAR = Sight((MIRRORED, OPENED, *OTHERS), {"c4": session("c4", RAILIANCE01)})


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return load(HERE.parents[1] / "fleets" / "rehearsal.yaml")


@pytest.fixture
def places(inventory: Inventory) -> Places:
    return Places(inventory)


@pytest.fixture
def follow(inventory: Inventory, places: Places) -> "Follow":
    return Follow(inventory, places)


class Follow:
    """Traces a request through the tunnel, with what both hosts show."""

    def __init__(self, inventory: Inventory, places: Places) -> None:
        self._inventory, self._places = inventory, places

    def __call__(self, near: Sight = NEAR, far: Sight = FAR, answer: Answer = ANSWER) -> Path:
        sights = {"railiance01": near, "coulombcore": far}
        return trace(self._inventory.tunnels[TUNNEL], answer, sights, self._places)


def test_captured_request_is_followed_to_the_service(follow: Follow) -> None:
    def parsed(fact: str, case: str) -> object:
        return FACTS[fact].parse(read(fact, case).transcript)

    path = follow(
        Sight(parsed("connections", "debian13_after"), parsed("sessions", "debian13_after")),  # type: ignore[arg-type]
        Sight(parsed("connections", "debian13_far_end"), parsed("sessions", "debian13_far_end")),  # type: ignore[arg-type]
        parsed("tunnel_answers", "healthy"),  # type: ignore[arg-type]
    )
    assert path.broken is None
    assert path.route == ("railiance01", "coulombcore", HUB)
    assert path.hops[0].holder == f"the unit {TUNNEL}.service"
    assert path.hops[1].holder == "login session c4 from railiance01"
    assert str(path) == f"railiance01 → coulombcore → {HUB}"


def test_state_after_leads_over_the_fleet(follow: Follow) -> None:
    path = follow()
    assert path.broken is None
    assert path.route == ("railiance01", "coulombcore", HUB)
    assert [hop.sockets for hop in path.hops] == [
        ("127.0.0.1:40000 → 127.0.0.1:18000", "198.18.77.11:46544 → 198.18.77.12:22"),
        ("198.18.77.11:46544 → 198.18.77.12:22",),
        ("198.19.13.1:43234 → 198.19.43.94:8000",),
    ]


def test_silent_hub_leads_over_the_workstation(follow: Follow) -> None:
    by_session = replace(ACCEPTED, cgroup=f"{USER}/session-c1.scope", uid=1000)
    path = follow(replace(NEAR, connections=(by_session, UPSTREAM)))
    assert path.route == ("railiance01", "workstation")
    assert path.broken == "127.0.0.1:18000 is held by login session c1 from workstation"


def test_session_that_ended_is_not_followed_to_anywhere(follow: Follow) -> None:
    by_session = replace(ACCEPTED, cgroup=f"{USER}/session-c9.scope")
    path = follow(replace(NEAR, connections=(by_session, UPSTREAM)))
    assert path.route == ("railiance01", "a session that has ended")
    assert path.broken


def test_another_unit_is_named_as_the_one_that_carries_it(follow: Follow) -> None:
    other = UNIT.replace(TUNNEL, "homemade")
    sockets = (replace(ACCEPTED, cgroup=other), replace(UPSTREAM, cgroup=other))
    path = follow(replace(NEAR, connections=sockets))
    assert path.broken is None
    assert path.hops[0].holder == "the unit homemade.service"


def test_process_of_no_unit_and_no_session_ends_the_trail(follow: Follow) -> None:
    scope = f"{USER}/user@1000.service/app.slice/run-1.scope"
    stray = replace(ACCEPTED, cgroup=scope, processes=(("ssh", 77),))
    path = follow(replace(NEAR, connections=(stray, UPSTREAM)))
    assert path.route == ("railiance01",)
    assert path.broken == f"127.0.0.1:18000 is held by ssh (pid 77) of uid 1000 in cgroup {scope}"


def test_two_connections_of_the_unit_are_not_told_apart(follow: Follow) -> None:
    second = replace(UPSTREAM, local=f"{RAILIANCE01}:50000", peer="198.18.77.99:22")
    path = follow(replace(NEAR, connections=(ACCEPTED, UPSTREAM, second)))
    assert path.route == ("railiance01",)
    assert path.broken is not None
    assert "holds 2 SSH connections" in path.broken
    assert "198.18.77.11:50000 → 198.18.77.99:22" in path.broken


def test_unit_without_a_connection_carries_nothing(follow: Follow) -> None:
    path = follow(replace(NEAR, connections=(ACCEPTED,)))
    assert path.broken == f"the unit {TUNNEL}.service holds 0 SSH connections (none), not one"


def test_unknown_address_is_shown_and_not_followed(follow: Follow) -> None:
    elsewhere = replace(UPSTREAM, peer="198.18.77.99:22")
    path = follow(replace(NEAR, connections=(ACCEPTED, elsewhere)))
    assert path.route == ("railiance01", "198.18.77.99 (no host of the inventory)")
    assert path.broken == "198.18.77.99 (no host of the inventory) is not looked at"


def test_workstation_as_the_far_end_is_shown_and_not_followed(follow: Follow) -> None:
    elsewhere = replace(UPSTREAM, peer=f"{WORKSTATION}:22")
    path = follow(replace(NEAR, connections=(ACCEPTED, elsewhere)))
    assert path.route == ("railiance01", "workstation")
    assert path.broken == "workstation is not looked at"


def test_far_end_that_shows_another_connection_means_something_stands_between(
    follow: Follow,
) -> None:
    translated = replace(MIRRORED, peer=f"{RAILIANCE01}:61000")
    path = follow(far=replace(FAR, connections=(translated, OPENED)))
    assert path.route == ("railiance01", "coulombcore")
    assert path.broken == (
        "coulombcore shows no connection from 198.18.77.11:46544: something stands between"
    )


def test_far_socket_in_a_session_from_elsewhere_breaks_the_path(follow: Follow) -> None:
    path = follow(far=replace(FAR, sessions={"c4": session("c4", WORKSTATION)}))
    assert path.route == ("railiance01", "coulombcore")
    assert path.broken == (
        "on coulombcore the request is carried by login session c4 from workstation"
    )


def test_far_socket_of_a_program_of_its_own_breaks_the_path(follow: Follow) -> None:
    proxy = replace(OPENED, cgroup="/system.slice/proxy.service")
    path = follow(far=replace(FAR, connections=(MIRRORED, proxy)))
    program = "the system's unit proxy.service as uid 1000"
    assert path.broken == f"on coulombcore the request is carried by {program}{UNTOLD}"


def test_wrong_service_is_shown_as_the_end(follow: Follow) -> None:
    recreated = replace(OPENED, peer="198.19.43.77:8000")
    path = follow(far=replace(FAR, connections=(MIRRORED, recreated)))
    assert path.route[-1] == "198.19.43.77:8000"


@pytest.mark.parametrize("times", [0, 2])
def test_request_that_is_not_seen_exactly_once_is_inconclusive(follow: Follow, times: int) -> None:
    sockets = (UPSTREAM, *[ACCEPTED] * times)
    with pytest.raises(Inconclusive, match=f"railiance01: .* seen {times} times"):
        follow(replace(NEAR, connections=sockets))
    sockets = (MIRRORED, *OTHERS, *[OPENED] * times)
    with pytest.raises(Inconclusive, match=f"coulombcore: .* seen {times} times"):
        follow(far=replace(FAR, connections=sockets))


def test_same_bytes_on_another_port_are_another_request(follow: Follow) -> None:
    cgroup = UNIT.replace("state-hub", "issue-core")
    other_port = replace(ACCEPTED, local="127.0.0.1:18765", cgroup=cgroup)
    assert follow(replace(NEAR, connections=(ACCEPTED, other_port, UPSTREAM))).broken is None
    with pytest.raises(Inconclusive, match="seen 0 times"):
        follow(replace(NEAR, connections=(other_port, UPSTREAM)))


@pytest.mark.parametrize(
    ("cgroup", "holder"),
    [
        (UNIT, f"the unit {TUNNEL}.service"),
        (SSHD, "the system's unit ssh.service as uid 1000"),
        (f"/system.slice/{TUNNEL}.service", f"the system's unit {TUNNEL}.service as uid 1000"),
        (f"{USER}/session-c1.scope", "login session c1 from workstation"),
        (f"{USER}/session-c2.scope", "login session c2 from this host itself"),
        (f"{USER}/session-c3.scope", "login session c3 from 10.0.0.7 (no host of the inventory)"),
        (f"{USER}/session-9.scope", "login session 9 from a session that has ended"),
        ("/init.scope", f"ssh (pid 7) of uid 1000 in cgroup /init.scope{UNTOLD}"),
        (
            f"{USER}/user@1000.service/tmux.scope",
            f"ssh (pid 7) of uid 1000 in cgroup {USER}/user@1000.service/tmux.scope",
        ),
        ("unreachable:1", f"ssh (pid 7) of uid 1000 in cgroup unreachable:1{UNTOLD}"),
        ("", f"ssh (pid 7) of uid 1000 in no cgroup that ss could see{UNTOLD}"),
    ],
)
def test_holder_is_told_by_its_cgroup(places: Places, cgroup: str, holder: str) -> None:
    sessions = {
        id: session(id, host) for id, host in (("c1", WORKSTATION), ("c2", ""), ("c3", "10.0.0.7"))
    }
    listener = Socket("127.0.0.1:18000", "0.0.0.0:*", 1000, cgroup or None, (("ssh", 7),))
    assert str(held_by(listener, sessions, places)) == holder


def test_program_that_ss_names_is_its_units(places: Places) -> None:
    cgroup = "/system.slice/syncthing@tegwick.service"
    listener = Socket("127.0.0.1:9999", "*:*", 1000, cgroup, (("syncthing", 7),))
    assert not held_by(listener, {}, places).unattributed
    sshd = replace(listener, processes=(("sshd-session", 7),))
    assert held_by(sshd, {}, places).unattributed


@pytest.mark.parametrize(
    ("local", "uid", "cgroup", "maybe"),
    [
        ("0.0.0.0:22", 0, SSHD, False),
        ("127.0.0.1:10248", 0, "/system.slice/k3s.service", False),
        ("127.0.0.53:53", 992, None, False),
        ("127.0.0.1:9999", 1000, "/system.slice/sshd-tunnel.service", True),
        ("127.0.0.1:9999", 1000, "/system.slice/syncthing@tegwick.service", True),
        ("127.0.0.1:9999", 1000, "unreachable:1", True),
        ("127.0.0.1:9999", 1000, None, True),
        ("127.0.0.1:9999", 64000, "/system.slice/dynamic.service", False),
        ("127.0.0.1:9999", 1000, "/kubepods.slice/kubepods-pod1.slice/cri-1.scope", False),
        ("127.0.0.1:9999", 1000, UNIT, False),
    ],
)
def test_what_may_be_a_login_is_told_from_daemons_and_containers(
    places: Places, local: str, uid: int, cgroup: str | None, maybe: bool
) -> None:
    listener = Socket(local, "0.0.0.0:*", uid, cgroup)
    assert may_be_a_login(listener, held_by(listener, {}, places)) is maybe


@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("cgroup", [None, "unreachable:1", SSHD])
def test_production_port_of_nobody_known_is_unattributed(
    places: Places, cgroup: str | None, uid: int
) -> None:
    assert held_by(Socket("[::]:18000", "*:*", uid, cgroup), {}, places).unattributed


@pytest.mark.parametrize(
    ("local", "names", "what"),
    [
        ("127.0.0.1:9999", ("python3",), "python3 serves there"),
        ("127.0.0.1:9999", (), None),
        ("127.0.0.1:9999", ("socat",), None),
        ("127.0.0.1:9999", ("node", "ssh"), None),
        ("127.0.0.1:6010", (), "X11 forwarding"),
        ("[::1]:6063", (), "X11 forwarding"),
        ("0.0.0.0:6010", (), None),
        ("127.0.0.1:6064", (), None),
    ],
)
def test_server_in_a_session_is_no_tunnel(
    local: str, names: tuple[str, ...], what: str | None
) -> None:
    cgroup = f"{USER}/session-c1.scope"
    listener = Socket(local, "*:*", 1000, cgroup, tuple((name, 7) for name in names))
    assert harmless_in_a_session(listener) == what


@pytest.mark.parametrize("cgroup", [SSHD, "unreachable:1", None])
def test_far_end_without_pam_is_inconclusive(follow: Follow, cgroup: str | None) -> None:
    opened = replace(OPENED, uid=1000, cgroup=cgroup)
    with pytest.raises(Inconclusive, match=r"coulombcore: .* carries it on, is held by"):
        follow(far=replace(FAR, connections=(MIRRORED, opened)))


def test_listener_that_is_not_seen_is_inconclusive(follow: Follow) -> None:
    accepted = replace(ACCEPTED, cgroup="unreachable:1")
    with pytest.raises(Inconclusive, match=r"railiance01: .* takes it in, is held by"):
        follow(replace(NEAR, connections=(accepted, UPSTREAM)))


def test_hosts_are_known_by_what_they_say_but_the_inventory_is_believed(places: Places) -> None:
    places.learn("railiance01", ("fd00:18::11", WORKSTATION))
    assert places.name("fd00:18::11") == "railiance01"
    assert places.name(WORKSTATION) == "workstation"
    assert places.name("127.0.0.1") == "127.0.0.1 (no host of the inventory)"


@pytest.mark.parametrize(
    ("local", "covered"),
    [
        ("127.0.0.1:18000", True),
        ("0.0.0.0:18000", True),
        ("*:18000", True),
        ("[::]:18000", True),
        ("[::ffff:127.0.0.1]:18000", True),
        ("127.0.0.1%lo:18000", True),
        ("127.0.0.2:18000", False),
        ("[::1]:18000", False),
        ("127.0.0.1:18001", False),
    ],
)
def test_listener_covers_an_address(local: str, covered: bool) -> None:
    assert covers(Socket(local, "0.0.0.0:*", 0, None), "127.0.0.1", 18000) is covered

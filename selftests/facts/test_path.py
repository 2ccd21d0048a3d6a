"""Who carried a request, told from sockets: as captured, and in all that may go wrong."""

from dataclasses import replace

import pytest

from fleetmesh.facts import FACTS
from fleetmesh.facts.answers import Answer
from fleetmesh.facts.asking_inside import InsideAnswer
from fleetmesh.facts.fact import Inconclusive
from fleetmesh.facts.sockets import End, LoginSession, Socket
from fleetmesh.inventory import Inventory, load
from fleetmesh.tunnels.attribution import (
    Places,
    covers,
    harmless_in_a_session,
    held_by,
    may_be_a_login,
)
from fleetmesh.tunnels.path import Path, Pods, Sight, View, trace, trace_from_pod
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
    return LoginSession(id, remote_host)


# The same from inside: what the bridge's pod accepted, and by what it carried it on.
POD, API = "449df76c-b453-4759-9e3a-0f00982d85d4", "0b9b8a1c-93f5-4e9e-8a37-1d2c3b4a5f60"


def cgroup_of(uid: str) -> str:
    slices = "/kubepods.slice/kubepods-besteffort.slice"
    return f"{slices}/kubepods-besteffort-pod{uid.replace('-', '_')}.slice/cri-containerd-1.scope"


AT_BRIDGE = Socket(
    f"{RAILIANCE01}:8000", "198.19.12.5:50001", 0, cgroup_of(POD), sent=197, received=207
)
FROM_BRIDGE = Socket(
    "127.0.0.1:40000", "127.0.0.1:18000", 0, cgroup_of(POD), sent=207, received=197
)
BRIDGE_LISTENS = Socket(f"{RAILIANCE01}:8000", "0.0.0.0:*", 0, cgroup_of(POD))
INSIDE = InsideAnswer(
    ANSWER, "actcore-api-1", ("198.19.12.5", 50001), ("198.19.42.17", 8000), kept=True
)
PODS = Pods({POD: "bridge-1"}, {POD: "bridge-1", API: "actcore-api-1"})

NEAR = Sight((ACCEPTED, UPSTREAM), {"c1": session("c1", WORKSTATION)})
WITHIN = replace(
    NEAR,
    connections=(AT_BRIDGE, FROM_BRIDGE, ACCEPTED, UPSTREAM),
    listeners=(BRIDGE_LISTENS,),
)
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
    """Traces a request through the tunnel, or from inside, with what all hosts show."""

    def __init__(self, inventory: Inventory, places: Places) -> None:
        self._inventory, self._places = inventory, places
        self.endpoints: set[End] = set()
        self.workstation: tuple[Socket, ...] | str = ()
        """Its connections, or why they cannot be seen."""

    def view(self, near: Sight, far: Sight) -> View:
        def others() -> dict[str, tuple[Socket, ...]]:
            if isinstance(self.workstation, str):
                raise Inconclusive(self.workstation)
            return {"workstation": self.workstation}

        sights = {"railiance01": near, "coulombcore": far}
        return View(sights, self._places, others, self.endpoints.__contains__)

    def __call__(self, near: Sight = NEAR, far: Sight = FAR, answer: Answer = ANSWER) -> Path:
        tunnel = self._inventory.tunnels[TUNNEL]
        return trace(tunnel, self._inventory.services[tunnel.to], answer, self.view(near, far))

    def inside(
        self, near: Sight, far: Sight = FAR, pods: Pods = PODS, *, kept: bool = True
    ) -> Path:
        bridge = self._inventory.bridges["actcore-state-hub-bridge"]
        tunnel = self._inventory.tunnels[TUNNEL]
        asked = replace(INSIDE, kept=kept)
        to = (tunnel, self._inventory.services[tunnel.to])
        return trace_from_pod(bridge, "actcore-api", asked, to, self.view(near, far), pods)


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


def translated(address: str) -> Sight:
    """The far end where the tunnel's connection arrives from another address and port."""
    arrived = replace(MIRRORED, peer=f"{address}:61000")
    sessions = {"c4": session("c4", address), "c7": session("c7", "198.18.77.1")}
    return Sight((arrived, OPENED, *OTHERS), sessions)


@pytest.mark.parametrize("address", ["203.0.113.9", RAILIANCE01])
def test_connection_that_arrives_from_another_address_is_told_by_its_session(
    follow: Follow, address: str
) -> None:
    path = follow(far=translated(address))
    assert (path.route, path.broken) == (("railiance01", "coulombcore", HUB), None)
    assert path.hops[1].holder == (
        f"login session c4 from railiance01; railiance01 arrives from {address}"
    )


def test_connection_that_arrives_from_the_workstation_went_over_it(follow: Follow) -> None:
    path = follow(far=translated(WORKSTATION))
    assert path.broken == "on coulombcore railiance01 arrives from workstation"


def test_unknown_address_is_the_workstations_where_it_relays(follow: Follow) -> None:
    follow.workstation = (
        Socket(f"{WORKSTATION}:22", f"{RAILIANCE01}:46544", 0, SSHD),
        Socket("192.168.1.2:50000", f"{COULOMBCORE}:22", 1000, SSHD),
    )
    path = follow(far=translated("203.0.113.9"))
    assert path.route == ("railiance01", "workstation", "coulombcore")
    assert path.broken == "the SSH connection to coulombcore goes over workstation"


def test_unknown_address_that_may_be_the_workstations_is_not_believed(follow: Follow) -> None:
    tunnels_own = Socket("192.168.1.2:50000", f"{COULOMBCORE}:22", 1000, SSHD)
    follow.workstation = (tunnels_own,)
    with pytest.raises(Inconclusive, match="Write those under which a host arrives there"):
        follow(far=translated("203.0.113.9"))
    seen = Socket(tunnels_own.peer, tunnels_own.local, 0, SSHD)
    far = translated("203.0.113.9")
    assert follow(far=replace(far, connections=(*far.connections, seen))).broken is None
    follow.workstation = "198.18.77.13:22 does not answer"
    with pytest.raises(Inconclusive, match="does not answer"):
        follow(far=translated("203.0.113.9"))


def test_declared_address_needs_no_look_at_the_workstation(follow: Follow, places: Places) -> None:
    follow.workstation = "198.18.77.13:22 does not answer"
    places.learn("railiance01", ("203.0.113.9",))
    assert follow(far=translated("203.0.113.9")).broken is None


@pytest.mark.parametrize(
    ("resolved", "broken"),
    [
        ((RAILIANCE01,), None),
        ((RAILIANCE01, "fd00:18::11"), None),
        ((WORKSTATION,), "on coulombcore the request is carried by login session c4 from work"),
    ],
)
def test_session_of_a_name_is_told_by_the_names_addresses(
    follow: Follow, resolved: tuple[str, ...], broken: str | None
) -> None:
    named = replace(session("c4", "railiance01"), resolved=resolved)
    path = follow(far=replace(FAR, sessions={"c4": named}))
    assert (path.broken or "").startswith(broken or "")
    assert (path.broken is None) is (broken is None)


def test_session_of_a_name_without_address_is_not_believed(follow: Follow) -> None:
    with pytest.raises(Inconclusive, match="came from railiance01, a name without an address"):
        follow(far=replace(FAR, sessions={"c4": session("c4", "railiance01")}))


def test_sshd_without_sessions_is_told_by_its_control_group(follow: Follow) -> None:
    opened = replace(OPENED, cgroup=SSHD)
    assert follow(far=replace(FAR, connections=(MIRRORED, opened, *OTHERS))).broken is None


@pytest.mark.parametrize("cgroup", [None, "unreachable:1"])
def test_socket_of_no_control_group_is_nobodys(follow: Follow, cgroup: str | None) -> None:
    with pytest.raises(Inconclusive, match=r"railiance01: whose socket .* cannot be told"):
        follow(replace(NEAR, connections=(replace(ACCEPTED, cgroup=cgroup), UPSTREAM)))
    with pytest.raises(Inconclusive, match=r"coulombcore: whose socket .* cannot be told"):
        follow(far=replace(FAR, connections=(MIRRORED, replace(OPENED, cgroup=cgroup))))


def test_proxy_that_connects_to_the_endpoint_leads_to_the_service(follow: Follow) -> None:
    to_pod = replace(OPENED, peer="198.19.13.7:8000")
    far = replace(FAR, connections=(MIRRORED, to_pod))
    assert follow(far=far).route[-1] == "198.19.13.7:8000"
    follow.endpoints = {("198.19.13.7", 8000)}
    path = follow(far=far)
    assert path.route == ("railiance01", "coulombcore", HUB)
    assert path.hops[-1].holder == "the service, at its endpoint 198.19.13.7:8000"


def test_workstation_as_an_endpoint_is_not_the_service(follow: Follow) -> None:
    follow.endpoints = {(WORKSTATION, 8000)}
    away = replace(OPENED, peer=f"{WORKSTATION}:8000")
    path = follow(far=replace(FAR, connections=(MIRRORED, away)))
    assert path.route[-1] == f"{WORKSTATION}:8000"


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


def within(*connections: Socket) -> Sight:
    return replace(WITHIN, connections=connections)


def test_request_from_inside_is_followed_over_the_bridge(follow: Follow) -> None:
    path = follow.inside(WITHIN)
    assert path.broken is None
    assert path.route == (
        "actcore-api", "actcore-state-hub-bridge", "railiance01", "coulombcore", HUB
    )  # fmt: skip
    assert [hop.holder for hop in path.hops[:2]] == ["pod actcore-api-1", "pod bridge-1"]
    assert [hop.sockets for hop in path.hops[:2]] == [
        ("198.19.12.5:50001 → 198.19.42.17:8000",),
        ("198.19.12.5:50001 → 198.18.77.11:8000", "127.0.0.1:40000 → 127.0.0.1:18000"),
    ]
    assert follow().ends(path)
    assert not path.ends(path)


def test_request_whose_source_is_translated_is_found_by_its_bytes(follow: Follow) -> None:
    masked = replace(AT_BRIDGE, peer="198.19.12.1:33333")
    sockets = (masked, FROM_BRIDGE, ACCEPTED, UPSTREAM)
    assert follow.inside(within(*sockets)).broken is None
    with pytest.raises(Inconclusive, match="what accepted the request of the pod was seen 2 times"):
        follow.inside(within(replace(masked, peer="198.19.12.1:33334"), *sockets))


def test_bridge_that_leads_to_the_workstation_breaks_the_path(follow: Follow) -> None:
    away = replace(FROM_BRIDGE, peer=f"{WORKSTATION}:28000")
    path = follow.inside(within(AT_BRIDGE, away, ACCEPTED, UPSTREAM))
    assert path.route == ("actcore-api", "actcore-state-hub-bridge", "workstation")
    assert path.broken == (
        "actcore-state-hub-bridge leads to workstation (198.18.77.13:28000), not 127.0.0.1:18000"
    )


def test_bridge_that_leads_to_a_relay_on_its_node_breaks_the_path(follow: Follow) -> None:
    relay = f"{USER}/user@1000.service/app.slice/relay.service"
    away = replace(FROM_BRIDGE, peer="127.0.0.1:28000")
    taken = Socket("127.0.0.1:28000", FROM_BRIDGE.local, 1000, relay, sent=197, received=207)
    path = follow.inside(within(AT_BRIDGE, away, taken, ACCEPTED, UPSTREAM))
    assert path.broken == (
        "actcore-state-hub-bridge leads to 127.0.0.1:28000, held by the unit relay.service, "
        "not 127.0.0.1:18000"
    )


def test_proxy_that_changes_the_bytes_is_told_by_ports(follow: Follow) -> None:
    fewer = replace(FROM_BRIDGE, sent=150, received=180)
    taken = replace(ACCEPTED, sent=180, received=150)
    opened = replace(OPENED, sent=150, received=180)
    far = replace(FAR, connections=(MIRRORED, opened, *OTHERS))
    assert follow.inside(within(AT_BRIDGE, fewer, taken, UPSTREAM), far).broken is None


def test_proxy_whose_connections_lead_apart_is_not_guessed(follow: Follow) -> None:
    fewer = replace(FROM_BRIDGE, sent=150, received=180)
    other = replace(fewer, local="127.0.0.1:40002", peer="127.0.0.1:9100")
    with pytest.raises(Inconclusive, match=r"it has 2, to 127\.0\.0\.1:18000, 127\.0\.0\.1:9100"):
        follow.inside(within(AT_BRIDGE, fewer, other, ACCEPTED, UPSTREAM))
    with pytest.raises(Inconclusive, match="it has 0, to nowhere"):
        follow.inside(within(AT_BRIDGE, ACCEPTED, UPSTREAM))


def test_request_that_a_process_of_the_node_accepted_did_not_pass_the_bridge(
    follow: Follow,
) -> None:
    relay = f"{USER}/user@1000.service/app.slice/relay.service"
    path = follow.inside(within(replace(AT_BRIDGE, cgroup=relay), ACCEPTED, UPSTREAM))
    assert path.broken == ("no pod of actcore-state-hub-bridge has it, but the unit relay.service")


def test_pod_that_is_not_the_bridges_is_named(follow: Follow) -> None:
    foreign = "11111111-2222-3333-4444-555555555555"
    sockets = (replace(s, cgroup=cgroup_of(foreign)) for s in (AT_BRIDGE, FROM_BRIDGE))
    path = follow.inside(within(*sockets, ACCEPTED, UPSTREAM))
    assert path.route[1] == f"pod of UID {foreign}"


def test_request_that_the_workstation_has_did_not_pass_the_bridge(follow: Follow) -> None:
    relayed = Socket(f"{WORKSTATION}:28000", f"{RAILIANCE01}:50001", 0, SSHD, (), 197, 207)
    follow.workstation = (relayed,)
    path = follow.inside(within(ACCEPTED, UPSTREAM))
    assert path.route == ("actcore-api", "workstation")
    assert path.broken == (
        "the request did not pass the pod of actcore-state-hub-bridge: workstation has it "
        "(198.18.77.13:28000)"
    )


def test_request_that_a_visible_bridge_has_not_accepted_went_elsewhere(follow: Follow) -> None:
    path = follow.inside(within(UPSTREAM))
    assert path.broken == (
        "the request did not pass the pod of actcore-state-hub-bridge, which listens on "
        "198.18.77.11:8000 of railiance01 and has not accepted it"
    )


def test_bridge_that_the_node_does_not_show_is_neither_claimed_nor_held_against_it(
    follow: Follow,
) -> None:
    near = replace(within(ACCEPTED, UPSTREAM), listeners=())
    path = follow.inside(near)
    assert path.broken is None
    assert path.route[:3] == ("actcore-api", "actcore-state-hub-bridge", "railiance01")
    (hop,) = path.unseen
    assert hop.place == "actcore-state-hub-bridge"
    assert hop.holder.endswith("what its arguments say (PROD-02) is the only witness")
    assert hop.sockets == ()
    with pytest.raises(Inconclusive, match="seen 0 times"):
        follow.inside(replace(near, connections=(UPSTREAM,)))
    follow.workstation = "198.18.77.13:22 does not answer"
    with pytest.raises(Inconclusive, match="does not answer"):
        follow.inside(near)


@pytest.mark.parametrize("cgroup", [None, "unreachable:1", "/", "/system.slice/k3s.service"])
def test_node_whose_control_groups_name_no_pod_is_not_held_against_it(
    follow: Follow, cgroup: str | None
) -> None:
    bridge = (replace(socket, cgroup=cgroup) for socket in (AT_BRIDGE, FROM_BRIDGE))
    near = within(*bridge, ACCEPTED, UPSTREAM)
    unnamed = replace(near, listeners=(replace(BRIDGE_LISTENS, cgroup=cgroup),))
    path = follow.inside(unnamed)
    assert path.broken is None
    assert len(path.unseen) == 1
    if cgroup and cgroup.startswith("/system"):
        assert follow.inside(near).broken == (
            "no pod of actcore-state-hub-bridge has it, but the system's unit k3s.service"
        )


def test_connection_that_was_closed_too_early_shows_nothing(follow: Follow) -> None:
    with pytest.raises(Inconclusive, match="was closed before its sockets were read"):
        follow.inside(within(UPSTREAM), kept=False)
    assert follow.inside(WITHIN, kept=False).broken is None


@pytest.mark.parametrize(
    ("cgroup", "uid"),
    [
        (cgroup_of(POD), POD),
        (f"/kubepods.slice/kubepods-pod{POD.replace('-', '_')}.slice/crio-9.scope", POD),
        (f"/kubepods/besteffort/pod{POD}/0123", POD),
        (f"/kubepods/burstable/pod{POD}/0123", POD),
        (f"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{POD}.slice/x.scope", POD),
        (f"/kubepods/besteffort/pod{POD.replace('-', '')}/1", POD.replace("-", "")),
        (f"/user.slice/user-1000.slice/user@1000.service/kubepods/pod{POD}/0123", None),
        (f"/system.slice/pod{POD}/0123", None),
        ("/kubepods.slice/kubepods-besteffort.slice", None),
        (SSHD, None),
        ("unreachable:1", None),
        (None, None),
    ],
)  # fmt: skip
def test_pod_is_told_by_its_control_group(cgroup: str | None, uid: str | None) -> None:
    assert Socket("127.0.0.1:1", "127.0.0.1:2", 0, cgroup).pod == uid


@pytest.mark.parametrize(
    ("shown", "end"),
    [
        ("[::ffff:198.18.77.11]:8000", ("198.18.77.11", 8000)),
        ("[::ffff:198.18.77.11%eth0]:8000", ("198.18.77.11", 8000)),
        ("[fe80::1]%eth0:22", ("fe80::1", 22)),
        ("[fd00:0:0::0011]:22", ("fd00::11", 22)),
        ("127.0.0.1%lo:18000", ("127.0.0.1", 18000)),
        ("*:18000", ("*", 18000)),
    ],
)
def test_ends_have_one_form(shown: str, end: End) -> None:
    assert Socket(shown, shown, 0, None).near == end
    assert Socket(shown, shown, 0, None).far == end


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


def test_hosts_are_known_by_what_they_say_but_the_inventory_is_believed(places: Places) -> None:
    places.learn("railiance01", ("fd00:18::11", WORKSTATION))
    assert places.name("fd00:18::11") == "railiance01"
    assert places.name("fd00:18:0::0011") == "railiance01"
    assert places.name(f"::ffff:{RAILIANCE01}") == "railiance01"
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

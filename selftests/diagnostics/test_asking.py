"""Who is asked, how often, and what a restricted key must be allowed for it."""

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from fleetmesh.diagnostics import MARK, ask, asking, everything, subject
from fleetmesh.facts.machines import MACHINES
from fleetmesh.gather import Fleet
from fleetmesh.gather.batch import COMMAND
from fleetmesh.gather.demands import permits
from fleetmesh.gather.permit import NONCE
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.inventory import Inventory
from fleetmesh.sessions import Completed, Unreachable
from selftests.diagnostics.answers import TAKEN, heard, known
from selftests.gather.conftest import HereSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleetmesh.gather.transcript import Transcript

NEAR, FAR = "railiance01", "coulombcore"


class Silent(HereSession):
    """A host that notes what it is given to read, and runs nothing of it."""

    def __init__(self, name: str) -> None:
        super().__init__(name, [])
        self.texts: list[bytes] = []
        self.says: Callable[[bytes], dict[str, Any]] = lambda _: {"stderr": b"no"}

    def run(self, command: str, *, deadline: float, stdin: bytes = b"", **_: Any) -> Completed:
        assert command == COMMAND
        assert deadline < 60
        self.channels += 1
        self.texts.append(re.sub(rb"fleetmesh-[0-9a-f]{16}", NONCE.encode(), stdin))
        given: dict[str, Any] = {"exit_status": 1, "stdout": b"", "stderr": b"", "lost": None}
        given |= self.says(stdin)
        return Completed(command=command, truncated=False, started=TAKEN, seconds=0.0, **given)


@pytest.fixture
def fleet(inventory: Inventory) -> Fleet:
    opened = Fleet(inventory)
    opened.sessions.update({name: Silent(name) for name in inventory.hosts})
    return opened


def texts(fleet: Fleet, host: str) -> list[bytes]:
    session = fleet.sessions[host]
    assert isinstance(session, Silent)
    return session.texts


def test_an_exec_for_each_subject_and_each_is_asked_once(fleet: Fleet) -> None:
    tunnels, found = list(fleet.inventory.tunnels), Snapshot(taken=TAKEN)
    told: list[Transcript] = []
    ask(fleet, found, tunnels, told.extend)
    assert [len(texts(fleet, host)) for host in (NEAR, FAR)] == [2 * len(tunnels) + 2, 1]
    assert told == list(found)
    assert {t.fact.startswith(MARK) for t in found} == {True}
    ask(fleet, found, tunnels, told.extend)
    assert len(told) == len(list(found)), "nothing is asked twice"


def test_nothing_is_asked_where_nothing_can_be_ill(fleet: Fleet) -> None:
    ask(fleet, Snapshot(), ["", "nobody", "workstation"])
    assert all(not texts(fleet, host) for host in fleet.inventory.hosts)


def test_a_lost_host_is_not_asked_again(fleet: Fleet) -> None:
    fleet.sessions[FAR] = Unreachable(FAR, f"{FAR} is off")
    session = fleet.sessions[NEAR]
    assert isinstance(session, Silent)
    found = Snapshot()
    ask(fleet, found, list(fleet.inventory.tunnels))
    assert {transcript.host for transcript in found} == {NEAR}
    session.lost = f"the connection to {NEAR} was lost"
    ask(fleet, Snapshot(), list(fleet.inventory.tunnels))
    assert len(session.texts) == 2 * len(fleet.inventory.tunnels) + 2


def test_a_stranger_is_not_asked(fleet: Fleet) -> None:
    told = {"hostname": "elsewhere", "machine_id": "a" * 32, "os": "x", "user": "me", "home": "/"}
    said = "".join(f"{name}={value}\n" for name, value in told.items())
    found = known(heard(MACHINES.name, NEAR, said))
    assert MACHINES.read(found.of(MACHINES.name)[NEAR]).hostname == "elsewhere"
    ask(fleet, found, list(fleet.inventory.tunnels))
    assert texts(fleet, NEAR) == []


@pytest.mark.parametrize("number", [1, 3])
def test_what_is_asked_of_any_subjects_is_on_the_list(fleet: Fleet, number: int) -> None:
    """Of one alone, and of several together."""
    inventory = fleet.inventory
    lists = permits([("diagnostics", everything(inventory))], inventory)
    cases = [*inventory.tunnels, *inventory.bridges, NEAR, *map(str, inventory.logins)]
    for begin in range(0, len(cases), number):
        ask(fleet, Snapshot(taken=TAKEN), cases[begin : begin + number])
    for host in (NEAR, FAR):
        assert texts(fleet, host)
        for text in texts(fleet, host):
            digest = sha256(COMMAND.encode() + b"\0" + text).hexdigest()
            if b"cat ~/.kube/config" not in text:  # which is the facts' own matter
                (name,) = lists[host].questions[digest]
                assert name.startswith("diagnostics of ")


def test_the_list_is_short(inventory: Inventory) -> None:
    lists = permits([("diagnostics", everything(inventory))], inventory)
    about = {
        host: sorted(name for names in permit.questions.values() for name in names)
        for host, permit in lists.items()
    }
    login, *tunnels = (*map(str, inventory.logins), *inventory.tunnels)
    assert about == {
        NEAR: sorted(
            [
                *(f"diagnostics of unit {NEAR}/{tunnel}.service" for tunnel in tunnels),
                *(
                    f"diagnostics of port {inventory.tunnels[t].listen.port} of {t}"
                    for t in tunnels
                ),
                f"diagnostics of unit {NEAR}/user manager",
                f"diagnostics of log-in {login}",
                f"diagnostics of sshd of {NEAR}",
                f"kubeconfig of {NEAR}",
            ]
        ),
        FAR: [f"diagnostics of sshd of {FAR}", f"kubeconfig of {FAR}"],
        "workstation": [],
    }


def test_what_it_may_not_ask_it_says(fleet: Fleet) -> None:
    session = fleet.sessions[NEAR]
    assert isinstance(session, Silent)
    refused = b"fleetmesh gate: refused: not one of the questions on the list (another one?)"
    session.says = lambda _: {"exit_status": 126, "stderr": refused}
    found = Snapshot()
    ask(fleet, found, list(fleet.inventory.tunnels))
    lost = {transcript.lost or "" for transcript in found if transcript.host == NEAR}
    assert lost
    assert all(cause.startswith(f"{NEAR}: may not: ") for cause in lost), lost
    assert all(cause.count(f"{NEAR}:") == 1 for cause in lost), lost


def test_a_host_that_takes_its_time_is_left(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_PATIENCE", -1.0)
    found = Snapshot()
    ask(fleet, found, list(fleet.inventory.tunnels))
    assert all("left out" in (transcript.lost or "") for transcript in found)
    assert texts(fleet, NEAR) == []


def test_of_many_subjects_the_first_are_asked_about(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_MOST", 1)
    ask(fleet, Snapshot(), list(fleet.inventory.tunnels))
    assert len(texts(fleet, NEAR)) == 1

"""Shell commands: one exec a host, each answer for itself, and every loss with its cause."""

import os
import signal
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fleetmesh.facts.machines import parse_clock
from fleetmesh.gather import Fleet, commands
from fleetmesh.gather.cluster_api import Kubernetes
from fleetmesh.gather.commands import Clock, Exec, ReadFile
from fleetmesh.gather.own_session import OwnSession
from fleetmesh.inventory import Inventory
from fleetmesh.sessions import Target, Unreachable
from fleetmesh.sessions.local import LocalSession
from selftests.gather.conftest import LIMIT, HereSession, fact

if TYPE_CHECKING:
    from fleetmesh.gather.probe import Probe

HOSTS = ("railiance01", "coulombcore", "workstation")


def batch(fleet: Fleet, *commands: str, host: str = "railiance01") -> list[str | None]:
    """Put the commands to one host, as a fact each; returns why each got no full answer."""
    facts = [fact(f"f{n}", {host: Exec(host, command)}) for n, command in enumerate(commands)]
    found = fleet.gather(facts)
    return [found.of(f.name)[host].lost for f in facts]


def test_one_exec_a_host_whatever_is_asked(fleet: Fleet, events: list[str]) -> None:
    facts = [fact(f"f{n}", {h: Exec(h, f"echo {n}") for h in HOSTS}) for n in range(9)]
    facts.append(fact("clock", {h: Clock(h) for h in HOSTS}))
    found = fleet.gather(facts)
    assert fleet.channels == dict.fromkeys(HOSTS, 1)
    assert sorted(events) == sorted(f"{h} {did}" for h in HOSTS for did in ("runs", "ran"))
    for n in range(9):
        said = {h: t.stdout for h, t in found.of(f"f{n}").items()}
        assert said == dict.fromkeys(HOSTS, f"{n}\n".encode())


def test_hosts_are_asked_at_once(fleet: Fleet) -> None:
    began = time.monotonic()
    fleet.gather([fact("f", {h: Exec(h, "sleep 0.4") for h in HOSTS})])
    assert time.monotonic() - began < 1.0


def test_nothing_asked_opens_no_session(inventory: Inventory) -> None:
    with Fleet(inventory) as fleet:
        assert fleet.gather([]).transcripts == {}
        assert fleet.gather([fact("f", {"x": ReadFile(Path("/etc/hostname"))})]).of("f")["x"].stdout
        assert fleet.sessions == {}


def test_each_answer_stands_alone(fleet: Fleet) -> None:
    commands = ["printf out; printf err >&2; exit 3", "cat", "printf '\\377\\0'; echo $LC_ALL"]
    facts = [fact(f"f{n}", {"h": Exec("workstation", c)}) for n, c in enumerate(commands)]
    found = fleet.gather(facts)
    first, second, third = (found.of(f"f{n}")["h"] for n in range(3))
    assert (first.stdout, first.stderr, first.exit_status) == (b"out", b"err", 3)
    assert (second.stdout, second.exit_status) == (b"", 0), "its input is empty, not the batch's"
    assert third.stdout == b"\xff\x00C\n"
    assert first.command == "ssh workstation 'printf out; printf err >&2; exit 3'"
    assert (first.fact, first.subject, first.host, first.lost) == ("f0", "h", "workstation", None)
    assert abs((datetime.now(UTC) - first.started).total_seconds()) < 5
    assert 0 <= first.seconds < 1


def test_a_host_that_cannot_be_reached_is_one_cause(fleet: Fleet, tmp_path: Path) -> None:
    cause = "coulombcore refused the connection"
    fleet.sessions["coulombcore"] = Unreachable("coulombcore", cause)
    probes: dict[str, Probe] = {h: Exec(h, "echo here") for h in HOSTS}
    found = fleet.gather(
        [
            fact("f", probes),
            fact("clock", {h: Clock(h) for h in HOSTS}),
            fact("api", {"x": Kubernetes("coulombcore", "/version", "version")}),
            fact("session", {h: OwnSession(h) for h in HOSTS}),
            fact("file", {"x": ReadFile(tmp_path / "none")}),
        ]
    )
    for name, subject in (("f", "coulombcore"), ("clock", "coulombcore"), ("api", "x")):
        lost = found.of(name)[subject]
        assert (lost.lost, lost.exit_status, lost.host) == (cause, None, "coulombcore")
    for host in ("railiance01", "workstation"):
        assert found.of("f")[host].stdout == b"here\n"
        assert found.of("clock")[host].lost is None
        assert found.of("session")[host].details["host_key"] == "ssh-ed25519 AAAA"
    refused = found.of("session")["coulombcore"]
    assert (refused.exit_status, refused.err, refused.lost) == (255, cause, None)
    assert found.of("file")["x"].exit_status == 1
    assert "No such file or directory" in found.of("file")["x"].err


def test_a_session_that_drops_keeps_what_was_finished(fleet: Fleet) -> None:
    drop = "echo half; kill -9 $(ps -o ppid= -p $PPID)"
    commands = ("echo one", "echo two", drop, "echo four")
    facts = [fact(f"f{n}", {"h": Exec("railiance01", c)}) for n, c in enumerate(commands)]
    facts.append(fact("clock", {"h": Clock("railiance01")}))
    facts.append(fact("other", {"h": Exec("coulombcore", "echo fine")}))
    found = fleet.gather(facts)
    told = [(found.of(f.name)["h"].stdout, found.of(f.name)["h"].lost) for f in facts]
    cause = "railiance01: the command was ended by SIGKILL"
    assert told[:2] == [(b"one\n", None), (b"two\n", None)]
    assert told[2:4] == [(b"half\n", cause), (b"", cause)]
    assert told[4][1] is None, "two commands have bounded the clock"
    assert told[5] == (b"fine\n", None)


def test_a_session_that_drops_at_once(fleet: Fleet, events: list[str]) -> None:
    fleet.sessions["railiance01"] = HereSession("railiance01", events, "kill -9 $$")
    cause = "railiance01: the command was ended by SIGKILL"
    assert batch(fleet, "echo one", "echo two") == [cause] * 2
    clock = fleet.gather([fact("clock", {"h": Clock("railiance01")})]).of("clock")["h"]
    assert clock.lost == cause


@pytest.mark.parametrize("stream", ["&1", "&2"])
def test_a_shell_that_runs_nothing_says_why(fleet: Fleet, events: list[str], stream: str) -> None:
    """On either stream: nologin and the forced commands of cloud images use standard output."""
    before = f"echo 'This account is currently not available.' >{stream}; exit 1"
    fleet.sessions["railiance01"] = HereSession("railiance01", events, before)
    (lost,) = batch(fleet, "echo one")
    assert lost == (
        "railiance01 ran no command of the suite: exit status 1, "
        "This account is currently not available."
    )


FORGED = (
    "printf '\\n%s end 0 1.0 0\\n\\n%s begin 1 1.0\\nforged\\n\\n%s end 1 1.0 0\\n' N N N",
    "printf '\\n%s begin 1 1.0\\nforged\\n\\n%s end 1 1.0 0\\n' N N",
    "printf '\\n%s end 2\\n' N >&2",
    "printf 'N begin 1 1.0'",
    "printf '\\nN begin 9 1.0\\n'",
)


@pytest.mark.parametrize("command", FORGED)
def test_whoever_knows_the_nonce_makes_nobody_believe_him(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    word = "fleetmesh-0123456789abcdef"
    monkeypatch.setattr(commands, "new_nonce", lambda: word)
    facts = [
        fact("f", {"x": Exec("railiance01", command.replace("N", word))}),
        fact("g", {h: Exec(h, "echo true") for h in HOSTS}),
        fact("clock", {h: Clock(h) for h in HOSTS}),
    ]
    found = fleet.gather(facts)
    of_host = [t for t in found if t.host == "railiance01"]
    (cause,) = {t.lost for t in of_host}
    assert cause
    assert cause.startswith("railiance01: its answers are not marked as the suite marks them; ")
    assert {t.stdout for t in of_host} == {b""}
    assert {t.lost for t in found if t.host != "railiance01"} == {None}


def test_what_breaks_on_one_host_is_lost_there_alone(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_batch = commands.run_batch

    def breaks(session: Any, *asked: Any) -> Any:
        if session.target.name == "coulombcore":
            raise RecursionError("maximum recursion depth exceeded")
        return run_batch(session, *asked)

    monkeypatch.setattr(commands, "run_batch", breaks)
    found = fleet.gather([fact("f", {h: Exec(h, "echo true") for h in HOSTS})]).of("f")
    assert {h: t.lost for h, t in found.items()} == {
        "railiance01": None,
        "coulombcore": "coulombcore: asking for `f` broke: RecursionError: maximum recursion depth "
        "exceeded",
        "workstation": None,
    }


def test_only_the_command_that_hangs_is_lost(fleet: Fleet) -> None:
    began = time.monotonic()
    lost = batch(fleet, "echo one", "sleep 60", "echo three")
    assert lost == [None, "railiance01: `f1` did not end within 0.5 s", None]
    assert 0.5 <= time.monotonic() - began < 1.4


def test_where_several_commands_hang_the_rest_still_answers(fleet: Fleet) -> None:
    """Each has half its time by then, and no more than it was given is told."""
    lost = batch(fleet, *["sleep 60"] * 5, "echo six", "sleep 60")
    assert lost[:3] == [f"railiance01: `f{n}` did not end within 0.5 s" for n in range(3)]
    assert lost[3:5] == [f"railiance01: `f{n}` did not end within 0.25 s" for n in (3, 4)]
    assert lost[5:] == [None, "railiance01: `f6` did not end within 0.25 s"]


def test_when_everything_hangs_the_batch_is_given_up(fleet: Fleet) -> None:
    began = time.monotonic()
    lost = batch(fleet, "echo one", *["sleep 60"] * 20)
    assert time.monotonic() - began < 4.5
    assert lost[0] is None
    assert lost[1:3] == [f"railiance01: `f{n}` did not end within 0.5 s" for n in (1, 2)]
    assert lost[-6:] == ["railiance01: the command did not finish within 3 s"] * 6


def test_who_interrupts_waits_for_no_answer(inventory: Inventory) -> None:
    with Fleet(inventory) as fleet:
        for host in HOSTS:
            fleet.sessions[host] = LocalSession(Target(host, host, transport="local"))
        asked = fact("f", {host: Exec(host, "sleep 300", 300) for host in HOSTS})
        began = time.monotonic()
        threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            fleet.gather([asked])
        assert time.monotonic() - began < 60


def test_a_command_s_own_deadline(fleet: Fleet) -> None:
    probes: dict[str, Probe] = {"slow": Exec("railiance01", "sleep 0.9; echo done", 2.0)}
    probes |= {f"brief{n}": Exec("railiance01", "echo done", 0.1) for n in range(9)}
    probes |= {"hangs": Exec("railiance01", "sleep 60", 0.1)}
    found = fleet.gather([fact("f", probes)]).of("f")
    lost = {name: transcript.lost for name, transcript in found.items() if transcript.lost}
    assert lost == {"hangs": "railiance01: `f` did not end within 0.1 s"}
    assert found["slow"].stdout == b"done\n"


def test_a_banner_belongs_to_no_answer(fleet: Fleet, events: list[str]) -> None:
    banner = "printf 'Welcome to\\n\\nfleetmesh-0 begin 0 1.0\\nDebian'; echo busy >&2"
    fleet.sessions["railiance01"] = HereSession("railiance01", events, banner)
    found = fleet.gather([fact("f", {"h": Exec("railiance01", "echo one")})]).of("f")["h"]
    assert (found.stdout, found.stderr, found.lost) == (b"one\n", b"", None)


@pytest.mark.parametrize("stream", ["1", "2"])
def test_too_much_output_costs_only_what_comes_after(fleet: Fleet, stream: str) -> None:
    flood = f"head -c {2 * LIMIT} /dev/zero >&{stream}"
    lost = batch(fleet, "echo one", flood, "echo three")
    assert lost == [None, *[f"railiance01: the command printed more than {LIMIT} bytes"] * 2]


@pytest.mark.parametrize(("ahead", "seconds"), [("+ 1 hour", 3600), ("- 1 hour", -3600)])
def test_a_clock_that_is_off_is_bounded(
    fleet: Fleet, events: list[str], tmp_path: Path, ahead: str, seconds: int
) -> None:
    date = tmp_path / "date"
    date.write_text(f'#!/bin/sh\nexec /bin/date -d "now {ahead}" "$@"\n')
    date.chmod(0o755)
    before = f"export PATH={tmp_path}:$PATH"
    fleet.sessions["coulombcore"] = HereSession("coulombcore", events, before)
    asked: dict[str, Probe] = {h: Clock(h) for h in HOSTS}
    began = datetime.now(UTC)
    found = fleet.gather(
        [fact("clocks", asked), fact("f", {"h": Exec("coulombcore", "sleep 0.2; echo late")})]
    )
    for host, expected in (("railiance01", 0), ("coulombcore", seconds)):
        offset = parse_clock(found.of("clocks")[host])
        assert offset.earliest <= expected <= offset.latest
        assert offset.latest - offset.earliest < 1
    evidence = found.of("f")["h"]
    assert began - timedelta(seconds=1) < evidence.started < began + timedelta(seconds=1)
    assert 0.2 <= evidence.seconds < 1


def test_a_clock_alone_is_asked_too(fleet: Fleet) -> None:
    found = fleet.gather([fact("clocks", {"h": Clock("railiance01")})]).of("clocks")["h"]
    assert abs(parse_clock(found).latest) < 1
    assert found.command == "ssh tegwick@railiance01 'date +%s.%N'"


def test_sessions_are_closed_at_the_end(inventory: Inventory, events: list[str]) -> None:
    session = HereSession("railiance01", events)
    with suppress(KeyError), Fleet(inventory) as fleet:
        fleet.sessions["railiance01"] = session
        raise KeyError
    assert session.closed

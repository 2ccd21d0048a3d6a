"""Whatever a host says spoils what needs its answer, names the host, and spoils nothing else."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetmesh.evidence.seen import seen_clusters, seen_hosts
from fleetmesh.facts import FACTS, Fact, NotUnderstood, Observed
from fleetmesh.facts.fact import Inconclusive
from fleetmesh.facts.identity import disown
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import load as load_inventory
from fleetmesh.tunnels.attribution import Places
from selftests.facts.cases import Case, load
from selftests.inventory import RUNBOOK

INVENTORY = load_inventory(RUNBOOK)
CASES = load()
BREAKS: list[Exception] = [
    RecursionError("maximum recursion depth exceeded"), StopIteration(), OverflowError("too large"),
    MemoryError(), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), ValueError("5000 digits"),
    KeyError("x"), AssertionError("x"), ZeroDivisionError(), ExceptionGroup("x", [ValueError()]),
]  # fmt: skip
DIGITS = b"9" * 5000
PIECES = [
    DIGITS, b"-1", b"1.2.3", b"1e999", b"nan", b"inf", b"null", b"true", b'"', b"[]", b"{}", b"=",
    b"\0", b"\n", b"\n\n", b"\t", b"\r", b"\xff\xfe", "\u0662\U0001f600".encode(), b"\xed\xa0\x80",
    b"\x1b[2J", b" " * 300, b"2026-02-30T25:61:61", b"9999-12-31 23:59:59", b"a" * 3000,
    b"[" * 5000, b'{"a":' * 5000,
]  # fmt: skip


def observed(case: Case, stdout: bytes) -> Any:
    """What a check gets to see; None where that is a cause that names the host and the fact."""
    transcript = replace(case.transcript, stdout=stdout)
    fact = FACTS[case.fact]
    try:
        return Observed(fact, {"railiance01": transcript}, lambda _: None)["railiance01"]
    except Inconclusive as found:
        cause = str(found)
    assert cause.startswith(f"railiance01: `{fact}` was not understood: ")
    assert len(cause) < 600
    return None


def looked_at(found: Any) -> None:
    """Read everything that a check could."""
    if isinstance(found, Mapping):
        for key, value in found.items():
            looked_at(key)
            looked_at(value)
    elif isinstance(found, tuple | list | frozenset):
        for one in found:
            looked_at(one)
    elif is_dataclass(found):
        for field in fields(found):
            looked_at(getattr(found, field.name))
        for name, member in vars(type(found)).items():
            if isinstance(member, property):
                getattr(found, name)


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(st.sampled_from(CASES), st.data())
def test_damaged_answers_are_understood_or_a_cause(case: Case, data: st.DataObject) -> None:
    stdout = case.transcript.stdout
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(stdout)))
        end = data.draw(st.integers(start, min(len(stdout), start + 60)))
        put = data.draw(st.sampled_from(PIECES) | st.binary(max_size=12))
        stdout = stdout[:start] + put + stdout[end:]
    looked_at(observed(case, stdout))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.sampled_from(CASES), st.binary(max_size=200) | st.sampled_from(PIECES))
def test_any_bytes_are_understood_or_a_cause(case: Case, stdout: bytes) -> None:
    looked_at(observed(case, stdout))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_number_may_be_of_any_size(case: Case) -> None:
    stdout = case.transcript.stdout
    for digit in sorted({bytes([byte]) for byte in stdout if chr(byte).isdigit()}):
        looked_at(observed(case, stdout.replace(digit, DIGITS, 1)))
        looked_at(observed(case, stdout.replace(digit, DIGITS)))


@pytest.mark.parametrize("error", BREAKS, ids=lambda error: type(error).__name__)
def test_whatever_breaks_in_a_parser_is_a_cause(error: Exception) -> None:
    def parse(_: Transcript) -> None:
        raise error

    fact = Fact("whim", lambda _: {}, parse)
    looked: list[Transcript] = []
    transcript = CASES[0].transcript
    with pytest.raises(Inconclusive) as cause:
        Observed(fact, {"x": transcript}, looked.append)["x"]
    assert str(cause.value).startswith("railiance01: `whim` was not understood: the parser broke")
    assert type(error).__name__ in str(cause.value)
    assert looked == [transcript]
    with pytest.raises(NotUnderstood):
        fact.read(transcript)


def test_an_interrupt_is_none_of_that() -> None:
    def parse(_: Transcript) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Fact("whim", lambda _: {}, parse).read(CASES[0].transcript)


def snapshot(**said: bytes) -> Snapshot:
    """The transcripts of railiance01, with these answers; and sound ones of coulombcore."""
    found = Snapshot(taken=datetime(2026, 11, 24, tzinfo=UTC))
    machine = b"hostname=%s\nmachine_id=%032d\nos=Debian\nuser=u\nhome=/\naddress=192.0.2.9\n"
    sound = {
        "machines": machine % (b"coulombcore", 7),
        "clocks": b"1795487559.1\n1795487559.2\n",
        "cluster_uids": json.dumps({"kind": "Namespace", "metadata": {"uid": "u"}}).encode(),
        "cluster_versions": b'{"gitVersion": "v1"}',
    }
    blank = replace(
        CASES[0].transcript, sent=found.taken, received=found.taken, stderr=b"", details={}
    )
    for fact, stdout in sound.items():
        status = 200 if fact.startswith("cluster") else 0
        for host, out in (("railiance01", said.get(fact, stdout)), ("coulombcore", stdout)):
            found.add(
                replace(blank, fact=fact, subject=host, host=host, stdout=out, exit_status=status)
            )
    return found


@pytest.mark.parametrize("stdout", [*PIECES, b""], ids=lambda stdout: repr(stdout[:12]))
def test_who_a_host_is_can_be_told_of_the_others(stdout: bytes) -> None:
    found = snapshot(
        **dict.fromkeys(("machines", "clocks", "cluster_uids", "cluster_versions"), stdout)
    )
    hosts, clusters = seen_hosts(found), seen_clusters(found)
    assert hosts["coulombcore"].os == "Debian"
    assert hosts["coulombcore"].clock_offset is not None
    assert hosts["railiance01"].os is None
    assert (clusters["coulombcore"].uid, clusters["coulombcore"].version) == ("u", "v1")
    assert clusters["railiance01"].uid is None
    owned = disown(found, INVENTORY)
    assert owned.of("clocks")["coulombcore"].lost is None
    places = Places(INVENTORY)
    machines = Observed(FACTS["machines"], owned.of("machines"), lambda _: None)
    for host, machine in machines.known().items():
        places.learn(host, machine.addresses)
    assert places.name("192.0.2.9") == "coulombcore"


def test_an_address_that_two_hosts_report_is_neither_s() -> None:
    given = INVENTORY.hosts["coulombcore"].addresses[0]
    for hosts in (("railiance01", "workstation"), ("workstation", "railiance01")):
        places = Places(INVENTORY)
        for host in hosts:
            places.learn(host, ("172.17.0.1", given))
        places.learn(hosts[0], ("172.17.0.1",))
        assert places.name("172.17.0.1") == "172.17.0.1 (which several hosts report as their own)"
        assert not places.knows(places.name("172.17.0.1"))
        assert places.name(given) == "coulombcore"

"""Opt-in: what is written through the fleet's path arrives."""

from collections.abc import Mapping

from fixtures import Case, Deferred, check
from fleetmesh.facts.answers import Answer, ReadBack
from fleetmesh.inventory import Tunnel


@check(
    "PROD-11.event",
    runbook="Cutover evidence",
    hint="on {progress_tunnel.host}: curl -sS -i -m 10 {progress_tunnel:url}\n"
    "Nothing is written without --allow-writes.",
)
def test_progress_event_can_be_read_back(
    progress_tunnel: Tunnel,
    allow_writes: bool,
    writes: Mapping[str, ReadBack],
    tunnel_answers: Mapping[str, Answer],
    case: Case,
) -> None:
    """A progress event written through the fleet path can be read back by its id."""
    _arrives(progress_tunnel, allow_writes, writes, tunnel_answers, case)


@check(
    "PROD-12.run",
    runbook="Verify production",
    hint="on {emission_tunnel.host}: curl -sS -i -m 10 {emission_tunnel:url}\n"
    "Nothing is written without --allow-writes.",
)
def test_safe_run_arrives(
    emission_tunnel: Tunnel,
    allow_writes: bool,
    writes: Mapping[str, ReadBack],
    tunnel_answers: Mapping[str, Answer],
    case: Case,
) -> None:
    """A run with the safe label, and never another, arrives at the service behind the tunnel."""
    _arrives(emission_tunnel, allow_writes, writes, tunnel_answers, case)


def _arrives(
    tunnel: Tunnel,
    allow_writes: bool,
    writes: Mapping[str, ReadBack],
    tunnel_answers: Mapping[str, Answer],
    case: Case,
) -> None:
    if not allow_writes:
        answer = tunnel_answers[tunnel.id]
        raise Deferred(f"nothing is written; reading answers {answer.refused or answer.status}")
    event = writes[tunnel.id]
    assert event.refused is None, f"{tunnel}: {event.refused}"
    case.note(f"written and read back under id {event.id}")
    for key, value in event.written.items():
        found = event.read.get(key)
        assert found == value, f"{tunnel}: {key} reads back as {found!r}, not {value!r}"

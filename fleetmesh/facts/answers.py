"""What the services answer: at their ClusterIP, through their tunnel, and to a write."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleetmesh.facts.fact import Fact, NotUnderstood
from fleetmesh.facts.healthy import differs
from fleetmesh.gather.own_session import OwnSession
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.services import Get, WriteAndReadBack
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Health, Inventory
from fleetmesh.inventory.values import SECRET_HEADERS
from fleetmesh.text import strict_json


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `refused` says why there was none. The byte counts are those of its TCP
    connection, headers included."""

    status: int | None
    body: bytes
    refused: str | None
    sent: int
    received: int
    headers: Mapping[str, str] | None = None
    """By name, in lower case, but for those that hold secrets; None where they were not kept."""

    def unhealthy(self, health: Health) -> str | None:
        """Why this is not the healthy answer of the service, in one sentence; None if it is.

        Raises Inconclusive if it depends on headers that were not kept.
        """
        if self.refused:
            return self.refused
        if self.status != health.status:
            return f"{health.path} answered {self.status}, not {health.status}"
        return differs(self.body, self.headers, health)


def _service_answers(inventory: Inventory) -> dict[str, Probe]:
    return {
        service.id: Get(
            inventory.service_host(service), service.cluster_ip, service.port, service.health.path
        )
        for service in inventory.services.values()
    }


def parse_answer(transcript: Transcript) -> Answer:
    """Read the answer out of its transcript; an HTTP status above 0 is the exit status."""
    details = transcript.details
    refused = details.get("refused")
    if transcript.exit_status is None and not refused:
        raise NotUnderstood("neither an HTTP status nor a reason why there is none")
    try:
        sent, received = int(details["sent"]), int(details["received"])
    except (KeyError, ValueError):
        raise NotUnderstood("the bytes of its connection were not counted") from None
    return Answer(
        transcript.exit_status,
        transcript.stdout,
        refused,
        sent,
        received,
        headers(transcript.err.splitlines()),
    )


def headers(lines: Iterable[str]) -> dict[str, str]:
    """The headers in `name: value` lines, by name in lower case; several of a name as one list.

    Those that hold secrets are left out: no inventory expects them, and a record is without them.
    """
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name, value = name.strip().lower(), value.strip()
        if colon and name not in SECRET_HEADERS:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


SERVICE_ANSWERS = Fact("service_answers", _service_answers, parse_answer)


def _tunnel_answers(inventory: Inventory) -> dict[str, Probe]:
    return {
        tunnel.id: Get(
            tunnel.host,
            tunnel.listen.ip,
            tunnel.listen.port,
            inventory.services[tunnel.to].health.path,
        )
        for tunnel in inventory.tunnels.values()
    }


TUNNEL_ANSWERS = Fact("tunnel_answers", _tunnel_answers, parse_answer)


def _smoke_paths(inventory: Inventory) -> dict[str, Probe]:
    return {
        service.id: Get(
            inventory.service_host(service), service.cluster_ip, service.port, service.smoke.path
        )
        for service in inventory.services.values()
        if service.smoke
    }


def parse_smoke_path(transcript: Transcript) -> Answer:
    """Read the answer to a GET where a smoke would POST; one that rules that out is refused.

    A path for POST alone answers 405 and lists what it takes (RFC 9110, 15.5.6).
    """
    answer = parse_answer(transcript)
    if answer.refused or answer.status is None:
        return answer
    headers = (line.partition(":") for line in transcript.err.splitlines())
    allow = [value for name, _, value in headers if name.strip().lower() == "allow"]
    methods = {method.strip() for value in allow for method in value.split(",")}
    wrong = None
    if answer.status in (404, 410):
        wrong = "the service knows no such path"
    elif answer.status == 405 and allow and "POST" not in methods:
        wrong = f"the path takes no POST, only {', '.join(sorted(methods))}"
    elif answer.status in (401, 403):
        wrong = "the service wants a log-in there, and the suite has none"
    elif (
        answer.status != 405 and not 200 <= answer.status < 300 and answer.status not in (400, 422)
    ):
        wrong = "nothing says whether it takes a POST there"
    if wrong:
        raise NotUnderstood(
            f"HTTP {answer.status}: {wrong}; write the path of its API as the `smoke.path` of "
            f"{transcript.subject} in the inventory"
        )
    return answer


SMOKE_PATHS = Fact("smoke_paths", _smoke_paths, parse_smoke_path)


@dataclass(frozen=True)
class ReadBack:
    """What was written, the id it was given, and what was read back under that id.

    `refused` says why nothing could be written; then there is no more.
    """

    id: str = ""
    written: dict[str, Any] = field(default_factory=dict)
    read: dict[str, Any] = field(default_factory=dict)
    refused: str | None = None


def _writes(inventory: Inventory) -> dict[str, Probe]:
    return {
        tunnel.id: WriteAndReadBack(
            tunnel.host, tunnel.listen.ip, tunnel.listen.port, smoke.path, smoke.body, smoke.id
        )
        for tunnel in inventory.tunnels.values()
        if (smoke := inventory.services[tunnel.to].smoke)
    }


def parse_read_back(transcript: Transcript) -> ReadBack:
    """Read `{"id": …, "written": …, "read": …}`."""
    if refused := transcript.details.get("refused"):
        return ReadBack(refused=refused)
    try:
        found = strict_json.loads(transcript.stdout)
        return ReadBack(str(found["id"]), dict(found["written"]), dict(found["read"]))
    except (ValueError, KeyError, TypeError) as error:
        if 300 <= (transcript.exit_status or 0) < 600:
            return ReadBack(refused=f"the write was answered {transcript.exit_status}")
        raise NotUnderstood(f"no event could be read back: {error!r}") from None


WRITES = Fact("writes", _writes, parse_read_back)


@dataclass(frozen=True)
class SshAnswer:
    """How a host answered the suite on SSH; `refused` says why it did not."""

    refused: str | None
    host_key: str
    fingerprint: str
    lasts: bool = False
    """Whether what keeps it from answering is known not to go away by itself."""


def _ssh_answers(inventory: Inventory) -> dict[str, Probe]:
    return {host: OwnSession(host) for host in inventory.hosts}


def parse_ssh_answer(transcript: Transcript) -> SshAnswer:
    """Read the session's own account; exit status 255 is a session that did not come about."""
    details = transcript.details
    if transcript.exit_status == 255:
        refused = transcript.err.strip() or "no reason given"
        return SshAnswer(refused, "", "", lasts=details.get("lasts") == "yes")
    if transcript.exit_status != 0 or not {"host_key", "fingerprint"} <= details.keys():
        raise NotUnderstood("the session does not say what it reached")
    return SshAnswer(None, details["host_key"], details["fingerprint"])


SSH_ANSWERS = Fact("ssh_answers", _ssh_answers, parse_ssh_answer)

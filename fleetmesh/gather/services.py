"""HTTP requests to the services, sent as a fleet host would send them."""

import json
import secrets
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from fleetmesh.by_hand import on
from fleetmesh.gather.permit import Permit
from fleetmesh.gather.probe import Alone, Held, OfHost, OpenFleet, Question
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory, Limits, endpoint
from fleetmesh.sessions import HttpAnswer, Session, http_get, http_held, http_post
from fleetmesh.text import strict_json
from fleetmesh.text.shell import join

_LONGEST_ID = 1000
"""Characters of an id that is asked for."""


@dataclass(frozen=True)
class Get(OfHost):
    """An HTTP GET of `path`, as the host itself would send it to `ip`:`port`."""

    host: str
    ip: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """The address, as seen from the host."""
        return f"http://{endpoint(self.ip, self.port)}{self.path}"

    def typed(self, inventory: Inventory) -> str:
        """With curl."""
        return on(inventory, self.host, join(["curl", "-sS", "-i", self.url]))


class Request(Held):
    """A GET whose connection stays open, so that the sockets which carry it can be seen."""

    loads = "httpx"

    def __init__(self, questions: list[Question], fleet: OpenFleet) -> None:
        super().__init__(questions, fleet)
        # Of random text, longer for each, so that every request of a run has a size of its own.
        self._trace = secrets.token_hex(16 + next(fleet.requests))

    def begin(self) -> None:
        """Send it, and keep its connection."""
        self._answer = self.kept.enter_context(
            http_held(
                self.fleet.live(self.question.host),
                self.question.probe.url,
                headers={"X-Fleetmesh-Trace": self._trace},
                deadline=self.fleet.inventory.limits.http,
            )
        )

    def answers(self) -> list[Transcript]:
        """What came back. A request that failed on a session which broke says nothing else."""
        transcript = _transcript(self.question, self._answer)
        lost = self.fleet.live(self.question.host).lost
        if lost and "refused" in transcript.details and not transcript.lost:
            transcript = replace(transcript, lost=lost)
        return [transcript]

    @classmethod
    def takes(cls, _: list[Question], limits: Limits) -> tuple[float, float]:
        """One request."""
        return limits.http, 0.0

    @classmethod
    def permit(cls, questions: list[Question], _: Inventory, permit: Permit) -> None:
        """Allow the connection."""
        for question in questions:
            permit.open(endpoint(question.probe.ip, question.probe.port))


Get.errand = Request


@dataclass(frozen=True)
class WriteAndReadBack(OfHost):
    """POST `body`, then GET what came back under its `id`. Only with `--allow-writes`."""

    host: str
    ip: str
    port: int
    path: str
    body: dict[str, Any]
    id: str

    @property
    def url(self) -> str:
        """The address to which `body` is posted, as seen from the host."""
        return f"http://{endpoint(self.ip, self.port)}{self.path}"

    def typed(self, inventory: Inventory) -> str:
        """With curl."""
        sent = ["-H", "Content-Type: application/json", "-d", json.dumps(self.body)]
        return on(inventory, self.host, join(["curl", "-sS", *sent, self.url]))


class Write(Alone):
    """What is written to a service, and read back."""

    def answers(self) -> list[Transcript]:
        """Write, and read it back by its id, as one transcript."""
        session = self.fleet.live(self.question.host)
        return [write_and_read_back(session, self.question, self.fleet.inventory.limits.http)]

    @classmethod
    def takes(cls, _: list[Question], limits: Limits) -> tuple[float, float]:
        """Two requests."""
        return 0.0, 2 * limits.http


WriteAndReadBack.errand = Write


def write_and_read_back(session: Session, question: Question, deadline: float) -> Transcript:
    """POST the probe's body and GET the result by its id, as one transcript."""
    probe = question.probe
    written = http_post(session, probe.url, probe.body, deadline=deadline)
    given_id = _object(written).get(probe.id)
    if not isinstance(given_id, (str, int)) or len(str(given_id)) > _LONGEST_ID:
        return _transcript(question, written)
    event = f"{probe.url}/{quote(str(given_id), safe='', errors='replace')}"
    read = http_get(session, event, deadline=deadline)
    both = {"id": given_id, "written": probe.body, "read": _object(read)}
    return question.answer(
        started=written.started,
        seconds=written.seconds + read.seconds,
        exit_status=read.status,
        stdout=json.dumps(both).encode(),
        stderr=f"POST {written.status}, GET {read.status}\n".encode(),
        details=_details(read),
    )


def _transcript(question: Question, answer: HttpAnswer) -> Transcript:
    given: dict[str, Any] = {
        "started": answer.started,
        "seconds": answer.seconds,
        "exit_status": answer.status,
        "stdout": answer.body,
        "stderr": "".join(f"{name}: {value}\n" for name, value in answer.headers.items()).encode(),
        "details": _details(answer),
    }
    # Whoever forbids the forwarding hides the service; a service that refuses shows itself.
    if answer.error and "prohibited" in answer.error:
        return question.lost(f"{question.host}: {answer.error}", **given)
    return question.answer(**given)


def _details(answer: HttpAnswer) -> dict[str, str]:
    details = {"sent": str(answer.carried.sent), "received": str(answer.carried.received)}
    refused = answer.error or (answer.truncated and f"more than {len(answer.body)} bytes of body")
    return {**details, "refused": refused} if refused else details


def _object(answer: HttpAnswer) -> dict[str, Any]:
    """The object in its body, empty where there is none; one that says two things is an error."""
    try:
        found = strict_json.loads(answer.body)
    except strict_json.Ambiguous as error:
        answer.error = answer.error or f"answered with JSON that {error}"
        return {}
    except strict_json.NotJson:
        return {}
    return found if isinstance(found, dict) else {}

"""HTTP requests to the services, sent as a fleet host would send them."""

import json
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

from fleetmesh.gather.probe import Get, WriteAndReadBack
from fleetmesh.gather.question import Question
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.sessions import Answer, Session, http_get, http_held, http_post
from fleetmesh.text import strict_json

_LONGEST_ID = 1000
"""Characters of an id that is asked for."""


def get(
    session: Session, question: Question, inventory: Inventory, index: int
) -> tuple[Transcript, Callable[[], None]]:
    """Send a GET and keep its connection; the second value closes it.

    A header of random text, longer by `index`, gives each request of a run a size of its own.
    """
    probe = question.probe
    assert isinstance(probe, Get)
    held = ExitStack()
    answer = held.enter_context(
        http_held(
            session,
            probe.url,
            headers={"X-Fleetmesh-Trace": secrets.token_hex(16 + index)},
            deadline=inventory.limits.http,
        )
    )
    return _transcript(question, answer), held.close


def write_and_read_back(
    session: Session, question: Question, inventory: Inventory
) -> list[Transcript]:
    """POST the probe's body and GET the result by its id, as one transcript."""
    probe = question.probe
    assert isinstance(probe, WriteAndReadBack)
    deadline = inventory.limits.http
    written = http_post(session, probe.url, probe.body, deadline=deadline)
    given_id = _object(written).get(probe.id)
    if not isinstance(given_id, (str, int)) or len(str(given_id)) > _LONGEST_ID:
        return [_transcript(question, written)]
    event = f"{probe.url}/{quote(str(given_id), safe='', errors='replace')}"
    read = http_get(session, event, deadline=deadline)
    both = {"id": given_id, "written": probe.body, "read": _object(read)}
    return [
        question.answer(
            started=written.started,
            seconds=written.seconds + read.seconds,
            exit_status=read.status,
            stdout=json.dumps(both).encode(),
            stderr=f"POST {written.status}, GET {read.status}\n".encode(),
            details=_details(read),
        )
    ]


def _transcript(question: Question, answer: Answer) -> Transcript:
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


def _details(answer: Answer) -> dict[str, str]:
    details = {"sent": str(answer.carried.sent), "received": str(answer.carried.received)}
    refused = answer.error or (answer.truncated and f"more than {len(answer.body)} bytes of body")
    return {**details, "refused": refused} if refused else details


def _object(answer: Answer) -> dict[str, Any]:
    """The object in its body, empty where there is none; one that says two things is an error."""
    try:
        found = strict_json.loads(answer.body)
    except strict_json.Ambiguous as error:
        answer.error = answer.error or f"answered with JSON that {error}"
        return {}
    except strict_json.NotJson:
        return {}
    return found if isinstance(found, dict) else {}

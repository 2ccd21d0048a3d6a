"""One HTTP request as a host would make it, bounded in time and in size."""

import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fleetmesh.sessions.forward import Carried
from fleetmesh.sessions.session import Session
from fleetmesh.sessions.target import Deadline
from fleetmesh.text.legible import brief, said

BODY_LIMIT = 256 * 1024


@dataclass
class HttpAnswer:
    """What came back; `error` says why there is no answer, or why it is not whole.

    `url` is as the host sees it. `started` is UTC, `seconds` lasts to the body's last byte.
    `truncated` tells that reading stopped at the body limit. `carried` counts the bytes of the
    connection and says whether the far end has closed it.
    """

    url: str
    started: datetime
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0
    truncated: bool = False
    error: str | None = None
    carried: Carried = field(default_factory=Carried)


def http_get(
    session: Session, url: str, *, deadline: float = 5.0, limit: int = BODY_LIMIT
) -> HttpAnswer:
    """GET `url` from where `session` is; never raises for what the far end does.

    No redirect is followed, and no proxy or other setting of the environment is used. `deadline` is
    in seconds for everything up to the last byte, `limit` in bytes of the body as it is sent.
    """
    with http_held(session, url, deadline=deadline, limit=limit) as answer:
        return answer


def http_post(
    session: Session, url: str, json: Any, *, deadline: float = 5.0, limit: int = BODY_LIMIT
) -> HttpAnswer:
    """POST `json` to `url`; otherwise like http_get."""
    with http_held(session, url, json=json, deadline=deadline, limit=limit) as answer:
        return answer


@contextmanager
def http_held(
    session: Session,
    url: str,
    *,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    deadline: float = 5.0,
    limit: int = BODY_LIMIT,
) -> Iterator[HttpAnswer]:
    """Like http_get, and the connection stays open until the block ends.

    A far end that itself closes it after the answer makes that visible in `carried.ended`.
    """
    import httpx  # noqa: PLC0415 - heavy; whoever makes no request need not pay for it

    target = httpx.URL(url)
    if target.scheme != "http" or not target.host:
        raise ValueError(f"{url!r} is no http:// address")
    answer = HttpAnswer(url=url, started=datetime.now(UTC))
    until = Deadline(deadline)
    with session.forward(target.host, target.port or 80, deadline=deadline) as forward:
        late = threading.Event()

        def give_up() -> None:
            late.set()
            forward.drop()

        # httpx bounds each read, not their sum: a trickle could last for ever.
        guard = threading.Timer(until.left, give_up)
        guard.daemon = True
        guard.start()
        # It makes no TLS connection, and need not read who may vouch for one: nobody may.
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        settled: dict[str, Any] = {"trust_env": False, "follow_redirects": False}
        with httpx.Client(verify=nobody, timeout=deadline + 1, **settled) as client:
            clock = time.monotonic()
            try:
                request = client.build_request(
                    "GET" if json is None else "POST",
                    target.copy_with(host="127.0.0.1", port=forward.port),
                    json=json,
                    headers={
                        "Host": target.netloc.decode(),
                        # The bytes as sent are the evidence, and what is bounded.
                        "Accept-Encoding": "identity",
                        **(headers or {}),
                    },
                )
                _receive(client, request, answer, limit)
            except httpx.HTTPError as error:
                answer.error = said(error)
            finally:
                guard.cancel()
            answer.seconds = time.monotonic() - clock
            if forward.connections:
                answer.carried = forward.connections[0]
            # A body without a length looks whole wherever it was cut.
            if late.is_set():
                answer.error = f"no complete answer within {until}"
            elif forward.last_error and not answer.truncated:
                reached = "broken off" if answer.carried.opened else "not connected"
                answer.error = f"{reached}: {forward.last_error}"
            yield answer


def _receive(client: Any, request: Any, answer: HttpAnswer, limit: int) -> None:
    body = bytearray()
    response = client.send(request, stream=True)
    try:
        answer.status = response.status_code
        answer.headers = dict(response.headers)
        coding = response.headers.get("content-encoding", "identity")
        if coding.lower() != "identity":
            answer.error = f"answered with a compressed body ({brief(coding, 40)}), unasked"
            return
        for chunk in response.iter_raw():
            room = limit - len(body)
            body += chunk[:room]
            if len(chunk) > room:
                answer.truncated = True
                break
    finally:
        answer.body = bytes(body)
        response.close()

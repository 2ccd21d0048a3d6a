"""How a pod is made to ask an HTTP question, by what its image has, and how its account is read.

Each way is a command, what it is given to read, and what it tells: Python and curl tell the ends of
their socket; Python, curl and nc keep the connection and count its bytes. wget tells neither, so
that what it asks has no path.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetmesh.facts import in_pod
from fleetmesh.facts.answers import Answer, headers
from fleetmesh.facts.api_objects import UNUSABLE
from fleetmesh.facts.fact import NotUnderstood, succeeded
from fleetmesh.facts.sockets import End, end
from fleetmesh.gather.pod_exec import Asked
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Limits, endpoint
from fleetmesh.text import http_response, strict_json
from fleetmesh.text.legible import last_line

BODY_LIMIT = 64 * 1024
"""Bytes of an answer inside the cluster."""
IN_POD = Path(in_pod.__file__).read_text("utf-8")
"""The program that asks from inside a pod."""
_STATUS = '"status": response.status,'
IN_POD_WITH_HEADERS = IN_POD.replace(_STATUS, f'{_STATUS} "headers": response.getheaders(),')
"""The same, for who expects some of the answer's headers."""
_CURL_SAYS = "fleetmesh"
_CURL_TOLD = re.compile(rf"^{_CURL_SAYS} (\S+) (\d+) (\S+) (\d+) (\d+) (\d+) (\d+)$", re.MULTILINE)
_NO_ANSWER_TO_CURL = (5, 6, 7, 18, 28, 52, 55, 56)
"""Exit statuses by which curl says that the far end did not answer; curl(1), EXIT CODES."""
_STATUS_LINE = re.compile(r"^\s*HTTP/\d(?:\.\d)? (\d{3})\b", re.MULTILINE)
_MISUSED = re.compile(r"usage:|unrecognized|invalid option|unknown option|illegal option", re.I)


@dataclass(frozen=True)
class InsideAnswer:
    """What a service answered to a pod, from which it was asked, and the socket's own two ends.

    An end is address and port; there are none where there was no answer, or what asked cannot tell.
    Then the answer counts the bytes of the connection, or none.
    """

    answer: Answer
    pod: str
    local: End | None = None
    peer: End | None = None
    kept: bool = False
    """Whether the connection was still open when the program was told to end."""


@dataclass(frozen=True)
class Wanted:
    """The question: where, what, of about how many bytes, and whether the headers matter."""

    host: str
    port: int
    path: str
    size: int
    headers: bool = False

    @property
    def request(self) -> bytes:
        """The request as nc sends it, of exactly `size` bytes."""
        head = f"{self._line}X-Fleetmesh-Trace: "
        return f"{head}{'0' * (self.size - len(head) - 4)}\r\n\r\n".encode()

    @property
    def last_request(self) -> bytes:
        """A second one on the same connection, after which the far end closes it."""
        return f"{self._line}Connection: close\r\n\r\n".encode()

    @property
    def _line(self) -> str:
        at = endpoint(self.host, self.port)
        return f"GET {self.path} HTTP/1.1\r\nHost: {at}\r\nAccept-Encoding: identity\r\n"


def by_python(wanted: Wanted, limits: Limits, hold: float, python: str) -> Asked:
    """The suite's own program, `in_pod.py`."""
    given = {
        "host": wanted.host,
        "port": wanted.port,
        "path": wanted.path,
        "size": wanted.size,
        "within": limits.http,
        "hold": hold,
        "limit": BODY_LIMIT,
    }
    program = IN_POD_WITH_HEADERS if wanted.headers else IN_POD
    return Asked("python", (python, "-c", program, json.dumps(given)))


def by_curl(wanted: Wanted, limits: Limits, hold: float) -> Asked:
    """curl, which keeps its connection while it reads a second thing: its standard input."""
    at = f"http://{endpoint(wanted.host, wanted.port)}{wanted.path}"
    told = "local_ip local_port remote_ip remote_port size_request size_header size_download"
    writes = " ".join((_CURL_SAYS, *(f"%{{{name}}}" for name in told.split())))
    trace = f"X-Fleetmesh-Trace: {'0' * wanted.size}"
    shared = ("-q", "-sS", "--http1.1", "--noproxy", "*", "-g")
    return Asked(
        "curl",
        (
            *("curl", *shared, "--fail-early", "-i", "--raw", "-N", "-m", f"{limits.http:g}"),
            *("-H", trace, "-H", "Accept-Encoding: identity", "-w", f"%{{stderr}}{writes}\\n", at),
            *("--next", *shared[1:2], "-m", f"{hold:g}", "file:///dev/stdin"),
        ),
        farewell=None,
        answered=_curl_answered,
    )


def _curl_answered(_: bytes, err: bytes) -> bool:
    return _CURL_TOLD.search(err.decode("utf-8", "replace")) is not None


def by_nc(wanted: Wanted, *_: Any) -> Asked:
    """nc of whatever making; standard input is the request, and the connection stays meanwhile."""
    return Asked(
        "nc",
        ("nc", wanted.host, str(wanted.port)),
        says=wanted.request,
        farewell=wanted.last_request,
        answered=_nc_answered,
    )


def _nc_answered(out: bytes, _: bytes) -> bool:
    try:
        return http_response.read(out, ended=False) is not None
    except ValueError:
        return True


def by_wget(wanted: Wanted, limits: Limits, _: float) -> Asked:
    """wget of GNU or BusyBox, which closes the connection at once."""
    at = f"http://{endpoint(wanted.host, wanted.port)}{wanted.path}"
    seconds = str(max(1, int(limits.http)))
    return Asked("wget", ("wget", "-S", "-O", "-", "-T", seconds, at), answered=_never)


def _never(*_: bytes) -> bool:
    return False


def parse_inside_answer(transcript: Transcript) -> InsideAnswer:
    """Read the account of whatever asked in the pod; any other end of it says nothing."""
    left = "left" in transcript.details  # while it held the request
    if transcript.exit_status is None and not left:
        raise NotUnderstood("the API did not report an exit status")
    pod = transcript.details.get("pod", "")
    return _READ[transcript.details.get("with", "python")](transcript, pod)


def _refused(why: str, pod: str) -> InsideAnswer:
    return InsideAnswer(Answer(None, b"", why, 0, 0), pod)


def _read_python(transcript: Transcript, pod: str) -> InsideAnswer:
    if transcript.exit_status == in_pod.NO_ANSWER and (said := transcript.err.strip()):
        return _refused(said.splitlines()[-1], pod)
    if transcript.exit_status is not None:
        succeeded(transcript)
    try:
        found, *last = map(strict_json.loads, transcript.stdout.splitlines())
        answer = Answer(
            int(found["status"]),
            found["body"].encode("latin-1"),
            None,
            int(found["sent"]),
            int(found["received"]),
            headers(f"{k}: {v}" for k, v in found["headers"]) if "headers" in found else None,
        )
        local, peer = (end(str(found[key][0]), int(found[key][1])) for key in ("local", "peer"))
        kept = bool(last) and last[0]["kept"] is True
    except UNUSABLE as error:
        raise NotUnderstood(f"no account of a request in a pod: {error!r}") from None
    return InsideAnswer(answer, pod, local, peer, kept)


def _read_curl(transcript: Transcript, pod: str) -> InsideAnswer:
    told = _CURL_TOLD.search(transcript.err)
    try:
        response = _whole(transcript.stdout) if told else None
    except NotUnderstood:
        if transcript.exit_status not in _NO_ANSWER_TO_CURL:
            raise
        response = None
    if told is None or response is None:
        if transcript.exit_status in _NO_ANSWER_TO_CURL:
            return _refused(_why(transcript, "curl"), pod)
        raise NotUnderstood(f"no account of a request by curl: {_why(transcript, 'curl')}")
    local, peer = end(told[1], int(told[2])), end(told[3], int(told[4]))
    received = int(told[6]) + int(told[7])
    return InsideAnswer(_answer(response, int(told[5]), received), pod, local, peer)


def _read_nc(transcript: Transcript, pod: str) -> InsideAnswer:
    if not transcript.stdout and transcript.exit_status:
        if _MISUSED.search(transcript.err):
            raise NotUnderstood(f"nc does not take its arguments: {_why(transcript, 'nc')}")
        return _refused(_why(transcript, "nc"), pod)
    response = _whole(transcript.stdout)
    sent = transcript.details.get("said", "0")
    return InsideAnswer(_answer(response, int(sent), response.size), pod)


def _read_wget(transcript: Transcript, pod: str) -> InsideAnswer:
    found = list(_STATUS_LINE.finditer(transcript.err))
    if not found:
        if transcript.exit_status in (0, None) or _MISUSED.search(transcript.err):
            raise NotUnderstood(f"wget tells no HTTP status: {_why(transcript, 'wget')}")
        return _refused(_why(transcript, "wget"), pod)
    status = int(found[0][1])  # of several, it followed a redirection on its own
    if status < 300 and transcript.exit_status != 0:
        raise NotUnderstood(f"wget did not end well: {_why(transcript, 'wget')}")
    lines = transcript.err[found[0].end() :].splitlines()
    body = transcript.stdout if len(found) == 1 else b""
    return InsideAnswer(Answer(status, body, None, 0, 0, headers(lines)), pod)


_READ: dict[str, Callable[[Transcript, str], InsideAnswer]] = {
    "python": _read_python,
    "curl": _read_curl,
    "nc": _read_nc,
    "wget": _read_wget,
}


def _whole(came: bytes) -> http_response.Response:
    try:
        response = http_response.read(came, ended=True)
    except ValueError as error:
        raise NotUnderstood(str(error)) from None
    if response is None or len(response.body) > BODY_LIMIT:
        raise NotUnderstood(f"more than {BODY_LIMIT} bytes of body")
    return response


def _answer(response: http_response.Response, sent: int, received: int) -> Answer:
    told = headers(f"{name}: {value}" for name, value in response.headers)
    return Answer(response.status, response.body, None, sent, received, told)


def _why(transcript: Transcript, program: str) -> str:
    lines = transcript.err.splitlines()
    said = "\n".join(line for line in lines if not line.startswith(f"{_CURL_SAYS} "))
    silent = f"{program} says nothing, exit status {transcript.exit_status}"
    return last_line(said, silent)

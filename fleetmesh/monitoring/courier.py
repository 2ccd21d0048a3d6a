"""The courier: pings switches and hands notifications to Apprise, in a process of its own.

So a receiver that hangs, floods or leads elsewhere takes no more than a deadline, and the libraries
that hold the secrets of its URL have no proxies, no .netrc and no log of ours. Run by its path, as
`python -I courier.py SECONDS`. Standard input has one JSON list of errands. Each is answered by a
line of JSON: its number, and `null` if it is done, else why not. An errand that is not done keeps
back those that follow it to the same receiver.
"""

import json
import logging
import resource
import signal
import sys
from contextlib import suppress
from time import sleep
from typing import Any

_READY = 30  # seconds to load what the errands need, on a machine that has much to do
_MEMORY = 1 << 30
"""Bytes of address space: what a flood may take."""
_PING_TIMEOUT = 3.0  # seconds for each step of a request
_PAUSE = 0.5  # seconds before a ping is tried again
_MOST = 1024
"""Bytes of an answer to a ping that are read."""
_LONGEST = 1000
"""Characters of a reason."""


def ping(url: str, text: str, *, attempts: int) -> str | None:
    """POST `text` to a switch; why it did not arrive, or None.

    What the switch cannot know by trying again (an answer 404) is not tried again. No redirection
    is followed: it would turn the POST into a GET.
    """
    import httpx  # noqa: PLC0415

    why: str | None = ""
    with httpx.Client(timeout=_PING_TIMEOUT, trust_env=False, follow_redirects=False) as client:
        for attempt in range(attempts):
            if attempt:
                sleep(_PAUSE)
            try:
                with client.stream("POST", url, content=text.encode()) as answer:
                    said = next(answer.iter_raw(_MOST), b"").decode("utf-8", "replace").strip()
            except (httpx.TransportError, OSError) as error:
                why = str(error) or type(error).__name__
                continue
            # Healthchecks answers 200 "OK (not found)" and "OK (rate limited)".
            if answer.is_success and not said.startswith("OK ("):
                return None
            why = f"{answer.status_code} {answer.reason_phrase}: {said}"
            if answer.is_redirect:
                return f"{why}: it leads elsewhere; write the address that it leads to"
            if answer.is_client_error or answer.is_success:
                return why
    return why


class _Reasons(logging.Handler):
    """What Apprise says of a failure; the causes of some stand among its debugging output."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        told = record.getMessage()
        causes = ("Socket Exception", "Response Details", "SMTP", "Email Exception")
        if record.levelno >= logging.WARNING or told.startswith(causes):
            self.said.append(told)


def notify(url: str, title: str, text: str) -> str | None:
    """Hand a notification to Apprise; why it was not delivered, or None.

    Without a text, only make sure that Apprise can use the URL: nothing is sent.
    """
    import apprise  # noqa: PLC0415

    reasons = _Reasons()
    log = logging.getLogger("apprise")
    log.handlers = [reasons]
    log.setLevel(logging.DEBUG)
    log.propagate = False
    asset = apprise.AppriseAsset(http_redirects=False, async_mode=False, storage_mode="memory")
    receiver = apprise.Apprise.instantiate(url, asset=asset)
    if receiver is None:
        return f"Apprise cannot use its URL: {'; '.join(reasons.said)}"
    if not text:
        return None
    receiver.redirects = False  # whatever the URL says: a POST would become a GET
    sender = apprise.Apprise(asset=asset)
    sender.add(receiver)
    if sender.notify(title=title, body=text, body_format=apprise.NotifyFormat.TEXT):
        return None
    return "; ".join(reasons.said) or "Apprise does not say why"


def load(kind: str) -> None:
    """Load what errands of a kind need. It takes a second, which is not to be the receiver's."""
    if kind == "ping":
        import httpx  # noqa: F401, PLC0415
    else:
        import apprise  # noqa: PLC0415

        apprise.Apprise.instantiate("json://localhost")  # it knows its services from then on


def run(errand: dict[str, Any]) -> str | None:
    """Do one errand."""
    try:
        return ping(**errand) if errand.pop("kind") == "ping" else notify(**errand)
    except Exception as error:  # noqa: BLE001 - whatever breaks in a library is a reason like another
        return f"{type(error).__name__}: {error}"


def main() -> None:
    """Do the errands in order, by the deadline, which ends the process whatever it is doing."""
    signal.alarm(_READY)
    with suppress(OSError, ValueError):  # a unit may forbid it, and has a limit of its own then
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    errands, shut = json.load(sys.stdin), set()
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    for kind in {errand["kind"] for errand in errands}:
        load(kind)
    signal.alarm(int(sys.argv[1]))
    for number, errand in enumerate(errands):
        if (to := errand.pop("to")) in shut:
            continue
        if (why := run(errand)) is not None:
            shut.add(to)
            why = why[:_LONGEST] or "it does not say why"
        answers.write(json.dumps([number, why]) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()

"""A forge's API over httpx: what is final, what passes, and how long to wait for it."""

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, TypeVar

import httpx

from fleetmesh.evidence.sums import Refused
from fleetmesh.legible import brief

ATTEMPTS = 6
LONGEST = 120.0
"""Seconds that a server may ask us to wait; beyond that, the operator is told."""
T = TypeVar("T")

_DEADLINE = httpx.Timeout(30, read=120, write=120)  # seconds; a bundle takes time to go up
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class Later(Exception):
    """Not now; `after` is how many seconds to wait, where the server says so."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class Api(AbstractContextManager["Api"]):
    """Requests with a token that is sent to the forge alone, and stands in no message."""

    def __init__(self, token: str, headers: dict[str, str]) -> None:
        if not token.isascii() or not token.isprintable() or not token.strip():
            raise Refused("the token in the environment is empty, or holds what no token can")
        self._token = token
        self._client = httpx.Client(headers=headers, timeout=_DEADLINE)

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def ask(self, method: str, url: str, *, absent: bool = False, **given: Any) -> httpx.Response:
        """One request. Raises Later for what passes, Refused for what does not.

        With `absent`, an answer 404 is returned too.
        """
        place = f"{method} {url}"
        try:
            answer = self._client.request(method, url, **given)
        except httpx.TransportError as error:
            raise Later(self._clean(f"{place}: {error or type(error).__name__}")) from None
        except httpx.HTTPError as error:
            raise Refused(self._clean(f"{place}: {error}")) from None
        if answer.is_success or (absent and answer.status_code == 404):
            return answer
        said = self._clean(f"{place}: {answer.status_code} {_message(answer)}")
        limited = answer.status_code == 403 and (
            "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"
        )
        if answer.status_code in _PASSING or limited:
            raise Later(said, _wait(answer.headers))
        raise Refused(said + _ADVICE.get(answer.status_code, ""))

    def pages(self, url: str) -> list[dict[str, Any]]:
        """All entries of a list, page by page as its Link headers lead (RFC 8288)."""
        found: list[dict[str, Any]] = []
        following: str | None = url
        for _ in range(100):
            if following is None:
                return found
            answer = self.ask("GET", following)
            found += _listed(answer)
            following = answer.links.get("next", {}).get("url")
            if following and httpx.URL(following).host != httpx.URL(url).host:
                raise Refused(f"{url} goes on at another host: {following}")
        raise Refused(f"{url} has no end")

    def _clean(self, text: str) -> str:
        return brief(text.replace(self._token, "[token]"), 600)


def patiently(step: Callable[[], T]) -> T:
    """What `step` returns at last. It must look first, so that doing it twice does it once.

    Raises Refused when it has failed too often, or would have to wait too long.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return step()
        except Later as later:
            wait = later.after if later.after is not None else 2.0 ** (attempt - 1)
            if wait > LONGEST:
                raise Refused(f"{later}; it asks to wait {wait:.0f} s: try again then") from None
            if attempt == ATTEMPTS:
                raise Refused(f"{later}; tried {ATTEMPTS} times") from None
            print(f"{later}: again in {wait:.0f} s", file=sys.stderr)
        time.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


_ADVICE = {
    301: ": the repository has moved: name its new address",
    307: ": the repository has moved: name its new address",
    308: ": the repository has moved: name its new address",
    401: ": is the token valid?",
    403: ": may the token write issues, and on GitHub contents, of this repository?",
    404: ": is there such an issue, and may the token see it?",
    413: ": the bundle is larger than the forge takes",
}


def _message(answer: httpx.Response) -> str:
    try:
        told = answer.json()
        errors = [str(e.get("code", "")) for e in told.get("errors") or [] if isinstance(e, dict)]
        return " ".join([str(told.get("message", ""))[:300], *errors]).strip()
    except (ValueError, AttributeError, TypeError):
        return answer.reason_phrase


def _listed(answer: httpx.Response) -> list[dict[str, Any]]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise Refused(f"{answer.url} answers with no list: is this the forge's address?")
    return found


def _wait(headers: httpx.Headers) -> float | None:
    """Retry-After as seconds or as a date (RFC 9110, 10.2.3), or GitHub's time of reset."""
    now = datetime.now(UTC)
    try:
        if after := headers.get("retry-after"):
            if after.isdecimal():
                return float(after)
            return max(0.0, (parsedate_to_datetime(after) - now).total_seconds())
        if headers.get("x-ratelimit-remaining") == "0":
            return max(0.0, float(headers["x-ratelimit-reset"]) - now.timestamp())
    except (ValueError, TypeError, KeyError):
        pass
    return None

"""A forge's API over httpx: what is final, what passes, and how long to wait for it."""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic, sleep
from types import TracebackType
from typing import Any, TypeVar

import httpx

from fleetmesh.evidence.files import MIB
from fleetmesh.evidence.sums import Refused
from fleetmesh.text.legible import brief
from fleetmesh.text.terminal import complain

ATTEMPTS = 6
LONGEST = 120.0
"""Seconds that a server may ask us to wait; beyond that, the operator is told."""
T = TypeVar("T")

_DEADLINE = httpx.Timeout(30, read=120, write=120)  # seconds; a bundle takes time to go up
_LONGEST_ANSWER = 300.0
"""Seconds for an answer to come to its end, once its headers are there."""
_MOST = 16 * MIB
_REDIRECTIONS = 5
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class Later(Exception):
    """Not now; `after` is how many seconds to wait, where the server says so."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class ForgeApi(AbstractContextManager["ForgeApi"]):
    """Requests with a token that is sent to the forge alone, and stands in no message.

    No proxy of the environment is asked: over http it would read the token.
    """

    def __init__(self, token: str, headers: dict[str, str], origins: Collection[str]) -> None:
        if not token.isascii() or not token.isprintable() or not token.strip():
            raise Refused("the token in the environment is empty, or holds what no token can")
        self._token = token
        self._base, *_ = urls = [httpx.URL(url) for url in origins]
        self._own = {*map(_origin, urls)}
        self._client = httpx.Client(
            headers={**headers, "Accept-Encoding": "identity"},
            timeout=_DEADLINE,
            trust_env=False,
            verify=httpx.create_ssl_context(),  # which honours SSL_CERT_FILE all the same
        )

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def ask(
        self, method: str, url: str, *, absent: bool = False, most: int = _MOST, **given: Any
    ) -> httpx.Response:
        """One request, whose answer holds at most `most` bytes.

        Raises Later for what passes, Refused for what does not. With `absent`, an answer 404 is
        returned too. A GET follows a redirection that stays with the forge.
        """
        for _ in range(_REDIRECTIONS):
            answer = self._once(method, url, most, **given)
            place = f"{method} {url}"
            if answer.is_success or (absent and answer.status_code == 404):
                return answer
            onward = answer.headers.get("location") if answer.is_redirect else None
            if onward is None:
                break
            url = str(self._onward(answer.url, onward))
            if method != "GET":
                break
        said = self._clean(f"{place}: {answer.status_code} {_message(answer)}")
        limited = answer.status_code == 403 and (
            "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"
        )
        if answer.status_code in _PASSING or limited:
            raise Later(said, _wait(answer.headers))
        raise Refused(said + _ADVICE.get(answer.status_code, ""))

    def pages(self, url: str) -> Iterator[dict[str, Any]]:
        """All entries of a list, page by page as its Link headers lead (RFC 8288)."""
        following: str | None = url
        for _ in range(100):
            if following is None:
                return
            answer = self.ask("GET", following)
            yield from _listed(answer)
            onward = answer.links.get("next", {}).get("url")
            following = str(self._onward(answer.url, onward)) if onward else None
        raise Refused(self._clean(f"{url} has no end"))

    def _onward(self, here: httpx.URL, onward: str) -> httpx.URL:
        """Where an answer leads, if the token may go there. Raises Refused."""
        try:
            url = here.join(onward)
            if not url.userinfo and _origin(url) in self._own:
                return url
        except (httpx.InvalidURL, ValueError):
            url = httpx.URL("invalid:")
        raise Refused(
            self._clean(f"{_origin(here)} leads to {_origin(url)}, another origin: the token stays")
        )

    def _once(self, method: str, url: str, most: int, **given: Any) -> httpx.Response:
        place = f"{method} {url}"
        self._onward(self._base, url)
        until = monotonic() + _LONGEST_ANSWER
        content = b""
        try:
            with self._client.stream(method, url, **given) as answer:
                if answer.headers.get("content-encoding", "identity") != "identity":
                    raise Refused(self._clean(f"{place}: the answer is compressed, unasked"))
                for part in answer.iter_raw():
                    content += part
                    if len(content) > most:
                        raise Refused(self._clean(f"{place}: the answer exceeds {most} bytes"))
                    if monotonic() > until:
                        raise Later(self._clean(f"{place}: the answer does not end"))
        except (httpx.TransportError, OSError) as error:
            raise Later(self._clean(f"{place}: {error or type(error).__name__}")) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Refused(self._clean(f"{place}: {error}")) from None
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=content, request=answer.request
        )

    def _clean(self, text: str) -> str:
        return brief(text.replace(self._token, "[token]"), 600)


def _origin(url: httpx.URL) -> str:
    """Scheme, host and port (RFC 6454); httpx leaves the scheme's own port out."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


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
            complain(f"{later}: again in {wait:.0f} s")
        sleep(wait)
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


def json_of(answer: httpx.Response) -> Any:
    """What an answer says, as JSON. Raises ValueError, however it is nested."""
    try:
        return answer.json()
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _message(answer: httpx.Response) -> str:
    try:
        told = json_of(answer)
        errors = [str(e.get("code", "")) for e in told.get("errors") or [] if isinstance(e, dict)]
        return " ".join([str(told.get("message", ""))[:300], *errors]).strip()
    except (ValueError, AttributeError, TypeError):
        return answer.reason_phrase


def _listed(answer: httpx.Response) -> list[dict[str, Any]]:
    try:
        found = json_of(answer)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
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
    except (ValueError, TypeError, KeyError, OverflowError):
        pass
    return None

"""Asking a time stamping authority (RFC 3161, 3.4): one request, and only so much patience."""

import asyncio

import httpx
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from fleetmesh.evidence.sums import Refused
from fleetmesh.sealing.timestamp import LARGEST, decoded, read
from fleetmesh.sessions import apart
from fleetmesh.text.legible import brief

SECONDS = 30.0
"""From the first byte out to the last one in."""

_HEADERS = {
    "Content-Type": "application/timestamp-query",
    "Accept": "application/timestamp-reply",
    "Accept-Encoding": "identity",
}


def ask(url: str, about: bytes) -> bytes:
    """The answer of the authority at `url` that grants a token over `about`.

    Raises Refused, saying why there is none. It is sent nothing but a digest and a random number.
    """
    request = TimestampRequestBuilder().data(about).hash_algorithm(HashAlgorithm.SHA256).build()
    place = _shown(url)
    try:
        # Apart: whoever calls may have a loop that runs.
        (answer,) = apart.results([lambda: asyncio.run(_posted(url, request.as_bytes()))])
        read(answer, about)
        if decoded(answer).tst_info.nonce != request.nonce:
            raise Refused("the token answers another request: its nonce is another")
    except TimeoutError:
        raise Refused(f"no time stamp: {place} gave no whole answer within {SECONDS:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        told = brief(str(error) or type(error).__name__, 300)
        raise Refused(f"no time stamp: {place}: {told}") from None
    except Refused as error:
        raise Refused(f"no time stamp: {place}: {error}") from None
    return answer


async def _posted(url: str, request: bytes) -> bytes:
    content = b""
    async with (
        asyncio.timeout(SECONDS),
        httpx.AsyncClient(timeout=None) as client,  # noqa: S113 - the line above
        client.stream("POST", url, content=request, headers=_HEADERS) as answer,
    ):
        if answer.is_redirect:
            raise Refused(f"it leads to {_shown(answer.headers['location'])}: name that address")
        if not answer.is_success:
            raise Refused(f"it answers {answer.status_code} {answer.reason_phrase}".strip())
        async for part in answer.aiter_raw():
            content += part
            if len(content) > LARGEST:
                raise Refused(f"its answer holds more than {LARGEST} bytes")
    return content


def _shown(url: str) -> str:
    """An address without the password in it."""
    try:
        return brief(str(httpx.URL(url).copy_with(username=None, password=None, query=None)), 200)
    except (httpx.InvalidURL, ValueError):
        return "the address"

"""Reads an HTTP/1.1 response out of the bytes of a connection, by the standard library."""

import re
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse, IncompleteRead
from io import BytesIO
from typing import Any

_BLANK = b"\r\n\r\n"
_CONTINUES = re.compile(rb"HTTP/1\.1 1\d\d[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n")
"""An interim response, before the final one; RFC 9110, 15.2."""


@dataclass(frozen=True)
class Response:
    """A whole response, its body as it was before it was sent; `size` is in bytes as they came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    size: int


class _Stream(BytesIO):
    """Knows how far it was read when it was closed, and whether its end was met."""

    read_to = 0

    def close(self) -> None:
        """Note where, and close."""
        if not self.closed:
            self.read_to = self.tell()
        super().close()


class _Socket:
    """As much of a socket as HTTPResponse wants."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def makefile(self, *_: Any) -> _Stream:
        """The bytes that came."""
        return self._stream


def read(came: bytes, *, ended: bool) -> Response | None:
    """The first response in `came`; None while it is not whole.

    `ended` says that no more will come, which ends a body without a length. Raises ValueError where
    this is no response, or ended before it was whole.
    """
    stream = _Stream(came)
    response = HTTPResponse(_Socket(stream), method="GET")  # type: ignore[arg-type]
    rest = came
    while _CONTINUES.match(rest):
        _, _, rest = rest.partition(_BLANK)
    if not ended and _BLANK not in rest and rest[:5] == b"HTTP/"[: len(rest)]:
        return None
    try:
        response.begin()
        to_its_end = response.length is None and not response.chunked
        if to_its_end and not ended:
            return None
        body = response.read()
    except IncompleteRead:
        if ended:
            raise ValueError("it ended before the answer was whole") from None
        return None
    except (HTTPException, ValueError) as error:
        raise ValueError(f"no HTTP answer: {error!r}"[:200]) from None
    stream.close()
    if response.chunked and not ended and not came[: stream.read_to].endswith(b"\r\n\r\n"):
        return None  # the library does not insist on the last chunk's end
    return Response(response.status, tuple(response.getheaders()), body, stream.read_to)

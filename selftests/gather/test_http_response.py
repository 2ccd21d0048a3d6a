"""An HTTP response in raw bytes is whole, not yet whole, or none; what follows is left."""

import pytest

from fleetmesh.text.http_response import read

WHOLE = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwell\r\n0\r\n\r\n",
    "continued": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell",
}


@pytest.mark.parametrize("came", WHOLE.values(), ids=WHOLE)
def test_whole_at_its_last_byte_and_not_before(came: bytes) -> None:
    for end in range(len(came)):
        assert read(came[:end], ended=False) is None, came[:end]
    for more in (b"", b"HTTP/1.1 500 No\r\n\r\n"):
        found = read(came + more, ended=False)
        assert found
        assert (found.status, found.body, found.size) == (200, b"well", len(came))


def test_without_a_length_it_goes_on_to_its_end() -> None:
    came = b"HTTP/1.0 200 OK\r\n\r\nwell"
    assert read(came, ended=False) is None
    found = read(came, ended=True)
    assert found
    assert (found.body, found.size) == (b"well", len(came))


@pytest.mark.parametrize(
    "came", [b"", b"SSH-2.0-x\r\n", WHOLE["length"][:-1], b"HTTP/1.1 x\r\n\r\n"]
)
def test_what_is_no_answer(came: bytes) -> None:
    with pytest.raises(ValueError, match=r"no HTTP answer|before the answer was whole"):
        read(came, ended=True)

"""Just enough of DER (X.690) to put the certificates of a time stamp in order.

OpenSSL writes them as they were given to it, others as DER demands: sorted. They are not signed,
so their order says nothing; but rfc3161-client reads DER alone.
"""

_SEQUENCE, _FIRST = 0x30, 0xA0  # a SEQUENCE; what is tagged [0]


def in_order(answer: bytes) -> bytes:
    """A response (RFC 3161, 2.4.2), its certificates sorted; anything else as it is."""
    try:
        status, token = _parts(_inside(answer))
        kind, tagged = _parts(_inside(token))
        (signed,) = _parts(_inside(tagged))
        members = [
            _wrapped(_FIRST, b"".join(sorted(_parts(_inside(part))))) if part[0] == _FIRST else part
            for part in _parts(_inside(signed))
        ]
        signed = _wrapped(_SEQUENCE, b"".join(members))
        token = _wrapped(_SEQUENCE, kind + _wrapped(_FIRST, signed))
        whole = _wrapped(_SEQUENCE, status + token)
    except (ValueError, IndexError):
        return answer
    return whole if len(whole) == len(answer) else answer


def _parts(content: bytes) -> list[bytes]:
    """The elements, one after the other. Raises ValueError or IndexError."""
    found = []
    while content:
        start, size = _frame(content)
        found.append(content[: start + size])
        content = content[start + size :]
    return found


def _inside(element: bytes) -> bytes:
    start, size = _frame(element)
    if start + size != len(element):
        raise ValueError("more follows")
    return element[start:]


def _frame(content: bytes) -> tuple[int, int]:
    """Where the content of the first element begins, and its bytes."""
    length, start = content[1], 2
    if length & 0x80:  # the bytes of the length; none where it is left open, which DER forbids
        start += length & 0x7F
        length = int.from_bytes(content[2:start])
    if start + length > len(content):
        raise ValueError("cut off")
    return start, length


def _wrapped(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content

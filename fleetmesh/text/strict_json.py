"""Reads foreign JSON only if it is unambiguous: RFC 8259, and nothing that it leaves open.

If a member occurs twice, one reader takes the first and another the last. Readers also differ on
numbers of any size and on encodings other than UTF-8.
"""

import json
from collections import Counter
from math import isinf
from typing import Any

from fleetmesh.text.legible import brief

DEEPEST = 64
"""Levels of objects and arrays within each other."""
_DIGITS = 40
"""Characters of a number."""


class NotJson(ValueError):
    """What was read is not JSON; the text says why."""


class Ambiguous(NotJson):
    """What was read can mean more than one thing; the text says why."""


def loads(text: bytes | str) -> Any:
    """The one value in `text`. Raises NotJson or Ambiguous."""
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        value = json.loads(
            text,
            object_pairs_hook=_members,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
    except UnicodeDecodeError:
        raise Ambiguous("is not UTF-8") from None
    except NotJson:
        raise
    except json.JSONDecodeError as error:
        raise NotJson(f"is no JSON: {brief(error.msg, 80)} at character {error.pos}") from None
    except RecursionError:
        raise Ambiguous(f"is nested more than {DEEPEST} levels deep") from None
    _flat(value)
    return value


def same(found: Any, wanted: Any) -> bool:
    """Whether two values are the same in JSON, where 1 equals 1.0, and neither equals true."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[k], wanted[k]) for k in wanted)
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return bool(found == wanted)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise Ambiguous(f"says {brief(twice, 80)!r} more than once")
    return members


def _integer(digits: str) -> int:
    return int(_short(digits))


def _number(digits: str) -> float:
    if isinf(number := float(_short(digits))):
        raise Ambiguous(f"holds {digits}, which is no number that can be kept")
    return number


def _short(digits: str) -> str:
    if len(digits) > _DIGITS:
        raise Ambiguous(f"holds a number of {len(digits)} characters")
    return digits


def _constant(word: str) -> Any:
    raise Ambiguous(f"holds {word}, which is no JSON")


def _flat(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise Ambiguous(f"is nested more than {DEEPEST} levels deep")

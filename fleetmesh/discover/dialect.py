"""In which form `bridge status` tells how tunnels are, told by the tunnels that the runbook names.

Words count only if they are known to mean up or down: guessing one would turn down into up. The
inventory then takes these and no others.
"""

import re
from collections.abc import Callable, Collection
from typing import Any

from fleetmesh.text import strict_json

_UP_DOWN = (
    *(("up", "down"), ("running", "stopped"), ("active", "inactive"), ("open", "closed")),
    *(("connected", "disconnected"), ("online", "offline"), ("started", "stopped")),
)
_YES_NO = (
    *(("yes", "no"), ("true", "false"), ("on", "off"), ("enabled", "disabled"), ("auto", "manual")),
)
_FORWARD = ("forward", "local", "l", "-l")
_KINDS = {*_FORWARD, "reverse", "remote", "r", "-r", "dynamic", "socks"}
_OURS = {"name": "name", "kind": "kind", "state": "state", "autostart": "autostart", "pid": "pid"}
"""The members of ops-bridge's own JSON, which need not be named."""

Rows = list[dict[str, str]]


def dialect(said: str, expected: Collection[str]) -> dict[str, Any] | None:
    """How the inventory names what `bridge status` prints; None if it is not understood.

    `expected` are the tunnels that the runbook names: a column that has none of them has no names.
    """
    found = _json(said)
    rows, form = (found, "json") if found else (_table(said), "table")
    name = _column(rows, lambda words: bool(set(words) & set(expected)))
    if name is None:
        return None
    rows = [row for row in rows if row[name]]
    state, pair = _of_pairs(rows, _UP_DOWN, {name})
    if state is None:
        return None
    kind = _column(rows, lambda words: _low(words) <= _KINDS, {name, state})
    autostart, boot = _of_pairs(rows, _YES_NO, {name, state, kind or ""})
    pid = _column(rows, lambda words: all(re.fullmatch(r"\d*|-", word) for word in words),
                  {name, state, kind or "", autostart or ""})  # fmt: skip
    pid = pid if pid and pid.lower() == "pid" else None
    columns = {"name": name, "state": state, "kind": kind, "autostart": autostart, "pid": pid}
    columns = {key: column for key, column in columns.items() if column}
    told: dict[str, Any] = {"status": form}
    if form == "table" or columns.items() - _OURS.items():
        told["columns"] = columns
    if form == "table" or pair != ("up", "down"):
        told |= {"up": [pair[0]], "down": [pair[1]]}
    if kind and (words := [w for w in dict.fromkeys(r[kind] for r in rows) if _is_forward(w)]):
        told |= {"forward": words} if words != ["forward"] else {}
    if autostart and (form == "table" or boot != ("true", "false")):
        told |= {"autostart": [boot[0]], "manual": [boot[1]]}
    return told


def _is_forward(word: str) -> bool:
    return word.lower() in _FORWARD


def _low(words: Collection[str]) -> set[str]:
    return {word.lower() for word in words}


def _json(said: str) -> Rows:
    """The objects of an array, or of an object by name, each member as text."""
    try:
        found = strict_json.loads(said.strip().encode())
    except ValueError:
        return []
    listed = found if isinstance(found, list) else []
    if not all(isinstance(each, dict) for each in listed):
        return []
    keys = dict.fromkeys(key for each in listed for key in each)
    return [{key: _word(each.get(key)) for key in keys} for each in listed]


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _table(said: str) -> Rows:
    """Lines below headings, cut where the headings begin."""
    head, *lines = [line for line in said.splitlines() if line.strip()] or [""]
    starts = [match.start() for match in re.finditer(r"(?:(?<=\s\s)|^)\S", head)]
    ends = [*starts[1:], None][: len(starts)]
    names = [head[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    if len(set(names)) != len(names):
        return []
    spans = list(zip(names, starts, ends, strict=True))
    return [{name: line[start:end].strip() for name, start, end in spans} for line in lines]


_Fits = Callable[[list[str]], bool]


def _column(rows: Rows, fits: _Fits, taken: Collection[str] = ()) -> str | None:
    """The only column whose words fit; None if none does, or several do."""
    names = [name for name in (rows[0] if rows else ()) if name not in taken]
    words = {name: [row[name] for row in rows if row[name]] for name in names}
    found = [name for name in names if words[name] and fits(words[name])]
    return found[0] if len(found) == 1 else None


def _of_pairs(
    rows: Rows, pairs: Collection[tuple[str, str]], taken: Collection[str]
) -> tuple[str | None, tuple[str, str]]:
    """The only column with words of one pair and no others; and the pair, as written there."""
    found = []
    for pair in pairs:

        def fits(words: list[str], pair: tuple[str, str] = pair) -> bool:
            return _low(words) <= set(pair)

        if column := _column(rows, fits, taken):
            written = _written(rows, column)
            found.append((column, (_like(pair[0], written), _like(pair[1], written))))
    columns = {column for column, _ in found}
    return found[0] if len(columns) == 1 else (None, ("", ""))


def _written(rows: Rows, column: str) -> str:
    return next((row[column] for row in rows if row[column]), "")


def _like(word: str, written: str) -> str:
    """A word in the case of another one."""
    if written.isupper():
        return word.upper()
    return word.capitalize() if written[:1].isupper() else word

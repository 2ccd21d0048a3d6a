"""Replaces secrets: those that are known by value, and those that show by their shape."""

import base64
import json
import os
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import re2  # type: ignore[import-untyped]

from fleetmesh.redaction.marks import FLOOD, MARK, mark
from fleetmesh.redaction.rules import FOLDERS, RULES, WORD, decoded, is_harmless, says_secret
from fleetmesh.redaction.shape import Rule, any_of, compiled
from fleetmesh.text import yaml12

_SHORTEST = 6
"""Characters of a value that is looked for by itself: a shorter one stands in too many words."""
_PIECE = 8
"""Characters of a secret by which a text that quotes a part of it is known."""
_FEWEST = 5
"""Letters and digits that a piece needs; a secret shorter than _PIECE is one, whole."""
_PIECES = 200_000
"""So many are remembered: a host that says more secrets shows that they are none."""
_DEPTH = 3
"""How often base64 is looked into: a Secret in base64 in a Secret."""
_CLEAN, _BRIEF = 200_000, 4096
"""So many texts without a secret are remembered, each of at most so many characters."""
_MANY = 10_000
"""Things with the shape of a secret in one text, from which on all of it is replaced."""
_CHUNK = 64 * 1024
"""Bytes of known values that one pattern looks for."""
_WORDS = re.compile(r"[^\W_](?:[\w.-]*[^\W_])?")
_ORDINARY = frozenset(
    {
        "active",
        "activating",
        "auto-restart",
        "bridge",
        "crontab",
        "daemon",
        "default",
        "disabled",
        "down",
        "enabled",
        "failed",
        "inactive",
        "linger",
        "listen",
        "loaded",
        "localhost",
        "loopback",
        "online",
        "password",
        "prohibit-password",
        "reboot",
        "remote",
        "root",
        "running",
        "secret",
        "service",
        "session",
        "state",
        "static",
        "status",
        "stopped",
        "system",
        "systemd",
        "target",
        "token",
        "tunnel",
        "user",
        "users",
    }
)
"""What hosts say anyway: none of these is a secret, whoever uses it as one."""

Found = tuple[int, int, str]
"""Where a secret begins and ends, in bytes, and the rule."""


class Redactor:
    """Replaces every secret by `[REDACTED:<rule>]`, and counts by rule.

    The words of `names` are no secrets, even where somebody uses them as one: the inventory's.
    It may be used from several threads; a value learnt late is replaced from then on.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ, names: str = "") -> None:
        self.counts: Counter[str] = Counter()
        self._known: dict[bytes, str] = {}
        self._clean: tuple[set[str], set[str]] = set(), set()
        """Texts in which nothing known so far stands, nor is quoted: a run writes most often."""
        self._any_known: list[re2._Regexp] | None = None
        names = f"{self.text(names)} {' '.join(_ORDINARY)}".lower()
        self.counts.clear()
        ordinary = set(_WORDS.findall(names))
        self._ordinary = sorted((w for w in ordinary if len(w) > 3), key=len, reverse=True)
        self._pieces: dict[bytes, str] = {}
        self._named = {
            piece for size in range(_FEWEST, _PIECE + 1) for piece in _cut(_bytes(names), size)
        }
        for name, value in environment.items():
            if says_secret(name) and name not in FOLDERS:
                self.learn("environment", value)

    def learn(self, rule: str, value: str) -> None:
        """From now on replace `value`, and its base64, URL-encoded and JSON-escaped forms.

        What is made of names and ordinary words is none: every record would be full of it.
        """
        value = value.strip()
        if is_harmless(_bytes(value)) or not self._is_odd(value):
            return
        for form in _forms(value):
            self._known.setdefault(form, rule)
        self._any_known, self._clean = None, (set(), set())

    def learn_kubeconfig(self, text: str) -> None:
        """Learn the credentials of a kubeconfig; one that is no YAML has those that show."""
        try:
            document = yaml12.load(text)
        except yaml12.Malformed:
            document = None
        for value in _credentials(document):
            unbroken = "".join(value.split())  # base64 in a block is broken into lines
            for form in {value, unbroken, *value.splitlines()}:
                self.learn("kubeconfig", form)
            if content := decoded(_bytes(unbroken)):
                self.learn("kubeconfig", _text(content))
        self.learn_shapes(text)

    def learn_shapes(self, text: str) -> None:
        """Learn the secrets that show in `text`, so that they are found elsewhere without it."""
        data = _bytes(text)
        for start, end, rule in self._shapes(data):
            self.learn(rule, _text(data[start:end]))

    def text(self, text: str) -> str:
        """The text without its secrets."""
        return self._shown(text, quoted=False)

    def data(self, data: bytes) -> bytes:
        """Bytes without their secrets; what is not UTF-8 stays as it is."""
        return self._without(data, self._find(data))

    def told(self, text: str) -> str:
        """As `text`, of what was written from transcripts: it may quote a part of a secret alone.

        A secret's line, or what is left of it where it was cut, shows nothing of a secret; but it
        is known since the transcript passed here before.
        """
        return self._shown(text, quoted=True)

    def _shown(self, text: str, *, quoted: bool) -> str:
        clean = self._clean  # before anything is looked for: what is learnt meanwhile replaces it
        if not text or text in clean[True] or (not quoted and text in clean[False]):
            return text
        data = _bytes(text)
        found = [*self._find(data), *(self._quoted(data) if quoted else ())]
        if found:
            return _text(self._without(data, found))
        if len(text) <= _BRIEF and len(clean[quoted]) < _CLEAN:
            clean[quoted].add(text)
        return text

    def plain(self, value: Any, name: str = "") -> Any:
        """Plain data, every string without its secrets; a member's name may tell that it is one.

        However deep: nothing here calls itself.
        """
        whole: list[Any] = [None]
        todo: list[tuple[Any, str, Any, Any]] = [(value, name, whole, 0)]
        while todo:
            value, name, into, at = todo.pop()
            if isinstance(value, str):
                into[at] = self._member(name, value)
            elif isinstance(value, bytes):
                into[at] = self.data(value)
            elif isinstance(value, dict):
                shown = into[at] = {self.text(key): None for key in value}
                todo += ((v, key, shown, self.text(key)) for key, v in value.items())
            elif isinstance(value, list | tuple):
                listed = into[at] = [None] * len(value)
                todo += ((member, "", listed, n) for n, member in enumerate(value))
            else:
                into[at] = value
        return whole[0]

    def _member(self, name: str, value: str) -> str:
        of_folder = name in FOLDERS and value.startswith("/")
        if value and says_secret(name) and not of_folder and not is_harmless(_bytes(value)):
            self.counts["assignment"] += 1
            return _text(mark("assignment"))
        return self.text(value)

    def detail(self, name: str, value: str) -> str:
        """As a member of `plain`, and remembered for `told`."""
        shown = self._member(name, value)
        if shown != value:
            self._remember(_bytes(value), "assignment")
        return shown

    def heard(self, data: bytes) -> bytes:
        """As `data`, of what a host said: its secrets are remembered for `told`."""
        found = _merged(self._find(data), data)
        for start, end, rule in found:
            self._remember(data[start:end], rule)
        return self._without(data, found)

    def _remember(self, secret: bytes, rule: str) -> None:
        for form in {secret, secret.replace(b'\\"', b'"'), *re.split(rb"[\r\n]+|\\n", secret)}:
            for piece in _cut(form, min(_PIECE, len(form))):
                if len(self._pieces) >= _PIECES:
                    return
                odd = piece.lower() not in self._named
                if odd and _alnum(piece.decode("latin-1")) >= _FEWEST and piece not in self._pieces:
                    self._pieces[piece], self._clean = rule, (set(), set())

    def _quoted(self, data: bytes) -> Iterator[Found]:
        if not self._pieces:
            return
        pieces = self._pieces
        for size in {len(piece) for piece in pieces}:
            began, ends, rule = 0, 0, ""
            for at, piece in enumerate(_cut(data, size)):
                if piece in pieces:
                    if at > ends:
                        if rule:
                            yield began, ends, rule
                        began = at
                    ends, rule = at + size, pieces[piece]
            if rule:
                yield began, ends, rule

    def _find(self, data: bytes) -> list[Found]:
        return [*self._values(data), *self._shapes(data), *self._hidden(data, _DEPTH)]

    def _values(self, data: bytes) -> Iterator[Found]:
        if self._any_known is None:
            self._any_known = list(_patterns(self._known))
        for pattern in self._any_known:
            for match in pattern.finditer(data):
                yield match.start(), match.end(), self._known[match[0]]

    def _shapes(self, data: bytes) -> list[Found]:
        """Where something has the shape of a secret."""
        found, looked_at = [], 0
        for rule in _candidates(data):
            for span in rule.find(data):
                looked_at += 1
                if looked_at > _MANY:
                    return [(0, len(data), FLOOD)]
                if span and not MARK.match(data, span[0]):
                    found.append((*span, rule.name))
        return found

    def _hidden(self, data: bytes, depth: int) -> list[Found]:
        """The words of base64 in which a secret stands, found in all of them at one go."""
        words = [(*word.span(), decoded(word[0])) for word in WORD.finditer(data)]
        readable = [(start, end, content) for start, end, content in words if content]
        if not readable:
            return []
        begins, at = [], 0
        for _, _, content in readable:
            begins.append(at)
            at += len(content) + 1
        joined = b"\0".join(content for _, _, content in readable)
        inside = [*self._values(joined), *self._shapes(joined)]
        if depth > 1:
            inside += self._hidden(joined, depth - 1)
        found: dict[int, str] = {}
        for start, end, rule in inside:
            for number in range(bisect_right(begins, start) - 1, bisect_right(begins, end - 1)):
                found.setdefault(number, rule)
        return [(*readable[number][:2], rule) for number, rule in found.items()]

    def _is_odd(self, value: str) -> bool:
        """Whether enough is left of a value without the names and words that stand in it."""
        rest = value.lower()
        for word in self._ordinary:
            if len(rest) < _SHORTEST:
                break
            rest = rest.replace(word, " ")
        return len(value) >= _SHORTEST and (rest == value.lower() or _alnum(rest) >= _SHORTEST)

    def _without(self, data: bytes, found: list[Found]) -> bytes:
        parts, at = [], 0
        for start, end, rule in _merged(found, data):
            self.counts[rule] += 1
            parts += [data[at:start], mark(rule)]
            at = end
        return b"".join([*parts, data[at:]])


def _candidates(data: bytes) -> list[Rule]:
    """The rules that may find something in a text, told by the words that they need.

    One pass looks for all of them: asking for each rule's in turn took a quarter of a replay.
    """
    return [RULES[number] for number in sorted(_NEEDED.Match(data.lower()) or ())]


_NEEDED = any_of(b"|".join(map(re2.escape, rule.needs)) for rule in RULES)


def _merged(found: list[Found], data: bytes) -> list[Found]:
    """In order, without overlaps; of what lies in another the rule that found the whole is told."""
    merged: list[Found] = []
    for start, end, rule in sorted(found, key=lambda one: (one[0], -one[1])):
        if start >= end or MARK.fullmatch(data, start, end):
            continue
        if merged and start < merged[-1][1]:
            first = merged[-1]
            merged[-1] = (first[0], max(end, first[1]), first[2])
        else:
            merged.append((start, end, rule))
    return merged


def _patterns(known: Mapping[bytes, str]) -> Iterator[re2._Regexp]:
    """Patterns that find every known value, the longest first."""
    chunk: list[bytes] = []
    size = 0
    for value in sorted(known, key=len, reverse=True):
        chunk.append(re2.escape(value))
        size += len(value)
        if size > _CHUNK:
            yield compiled(b"|".join(chunk))
            chunk, size = [], 0
    if chunk:
        yield compiled(b"|".join(chunk))


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    """All pieces of one size, which overlap."""
    return (data[at : at + size] for at in range(len(data) - size + 1))


def _alnum(text: str) -> int:
    return sum(map(str.isalnum, text))


def _bytes(text: str) -> bytes:
    """Half surrogates stand for bytes that are not UTF-8 (PEP 383), or for themselves."""
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # a part of a character was replaced with what stood before it
        return data.decode("utf-8", "replace")


def _credentials(document: Any) -> Iterator[str]:
    """What the users of a kubeconfig hold, but for what is public: names and certificates."""
    users = document.get("users") if isinstance(document, dict) else None
    todo: list[tuple[str, Any]] = [("", users)]
    while todo:
        name, found = todo.pop()
        if isinstance(found, dict):
            if says_secret(str(found.get("name", ""))):  # a variable of an exec plugin
                todo.append((str(found["name"]), found.get("value")))
            todo += ((str(key), value) for key, value in found.items())
        elif isinstance(found, list):
            todo += (("", value) for value in found)
        elif found is not None and says_secret(name):
            yield str(found)


def _forms(value: str) -> Iterator[bytes]:
    in_url = _bytes(value)  # a variable of the environment need not be UTF-8
    texts = {value, quote(in_url, safe=""), quote_plus(in_url), value.replace("\n", "\r\n")}
    for once in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        texts |= {once, json.dumps(once)[1:-1]}
    yield from map(_bytes, texts)
    content = _bytes(value)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(content)
        for before in range(3):  # where it stands within other text, its edges depend on that
            word = encode(b"\0" * before + content)
            inner = word[(0, 2, 3)[before] :].rstrip(b"=")
            yield inner[: len(inner) - (1 if (before + len(content)) % 3 else 0)]

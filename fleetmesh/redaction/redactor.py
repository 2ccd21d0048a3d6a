"""Replaces secrets: those that are known by value, and those that show by their shape."""

import base64
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus

from fleetmesh import yaml12
from fleetmesh.record import Result
from fleetmesh.redaction import rules
from fleetmesh.transcript import Transcript

_SHORTEST = 6
"""Characters of a value that is looked for by itself: a shorter one stands in too many words."""
_SECRET_NAME = re.compile(rf"{rules.NAME}\Z", re.IGNORECASE)
_DEPTH = 3
"""How often base64 is looked into: a Secret in base64 in a Secret."""


class Redactor:
    """Replaces every secret by `[REDACTED:<rule>]`, and counts by rule.

    It may be used from several threads; a value learnt late is replaced from then on.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self.counts: Counter[str] = Counter()
        self._known: dict[str, str] = {}
        self._any_known: re.Pattern[str] | None = None
        for name, value in environment.items():
            if _SECRET_NAME.match(name) and not rules.is_harmless(value):
                self.learn("environment", value)

    def learn(self, rule: str, value: str) -> None:
        """From now on replace `value`, and its base64, URL-encoded and JSON-escaped forms."""
        value = value.strip()
        if len(value) < _SHORTEST or rules.is_harmless(value):
            return
        for form in _forms(value):
            self._known.setdefault(form, rule)
        longest_first = sorted(self._known, key=len, reverse=True)
        self._any_known = re.compile("|".join(map(re.escape, longest_first)))

    def learn_kubeconfig(self, text: str) -> None:
        """Learn the credentials of a kubeconfig; one that is no YAML has none that are known."""
        try:
            for user in (yaml12.load(text) or {}).get("users") or ():
                for value in _credentials(user.get("user") or {}):
                    self.learn("kubeconfig", value)
                    if decoded := rules.decode(value):
                        self.learn("kubeconfig", decoded)
        except (yaml12.Malformed, AttributeError, TypeError):
            return

    def learn_shapes(self, text: str) -> None:
        """Learn the secrets that show in `text`, so that they are found elsewhere without it."""
        for rule in rules.RULES:
            for match in rule.pattern.finditer(text):
                value = match[_group(match)]
                if rule.is_secret(value):
                    self.learn(rule.name, value)

    def text(self, text: str) -> str:
        """The text without its secrets."""
        return self._text(text, _DEPTH)

    def data(self, data: bytes) -> bytes:
        """Bytes without their secrets; what is not UTF-8 stays as it is."""
        text = data.decode("utf-8", "surrogateescape")
        return self.text(text).encode("utf-8", "surrogateescape")

    def plain(self, value: Any, name: str = "") -> Any:
        """Plain data, every string without its secrets; a member's name may tell that it is one."""
        if isinstance(value, str):
            if _SECRET_NAME.match(name) and value and not rules.is_harmless(value):
                return self._replaced("assignment")
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.plain(member, key) for key, member in value.items()}
        if isinstance(value, list | tuple):
            return [self.plain(member) for member in value]
        return value

    def transcript(self, transcript: Transcript) -> Transcript:
        """A transcript without its secrets."""
        return replace(
            transcript,
            command=self.text(transcript.command),
            stdout=self.data(transcript.stdout),
            stderr=self.data(transcript.stderr),
            lost=None if transcript.lost is None else self.text(transcript.lost),
            details=self.plain(transcript.details),
        )

    def result(self, result: Result) -> Result:
        """A result without secrets in what the check said; its transcripts are left as they are."""
        return replace(
            result,
            reason=self.text(result.reason),
            hint=self.text(result.hint),
            notes=tuple(self.text(note) for note in result.notes),
        )

    def _replaced(self, rule: str) -> str:
        self.counts[rule] += 1
        return f"[REDACTED:{rule}]"

    def _text(self, text: str, depth: int) -> str:
        if not text:
            return text
        if self._any_known:
            text = self._any_known.sub(lambda m: self._replaced(self._known[m[0]]), text)
        if rules.KIND_SECRET.search(text):
            text = self._secret_objects(text)
        low = text.lower()
        for rule in rules.RULES:
            if not rule.needs or any(needed in low for needed in rule.needs):
                text = rule.pattern.sub(lambda m, rule=rule: self._matched(m, rule), text)  # type: ignore[misc]
        if depth:
            text = rules.WORD.sub(lambda m: self._word(m, depth), text)
        return text

    def _matched(self, match: re.Match[str], rule: rules.Rule) -> str:
        group = _group(match)
        value = match[group]
        if rules.MARK.match(value) or not rule.is_secret(value):
            return match[0]
        return _spliced(match, group, self._replaced(rule.name))

    def _word(self, match: re.Match[str], depth: int) -> str:
        decoded = rules.decode(match[0])
        if decoded is None or (len(decoded) < _SHORTEST):
            return match[0]
        before = self.counts.copy()
        if self._text(decoded, depth - 1) == decoded:
            return match[0]
        found = next(iter(self.counts - before))
        self.counts = before
        return self._replaced(found)

    def _secret_objects(self, text: str) -> str:
        def members(match: re.Match[str], each: re.Pattern[str]) -> str:
            inside = each.sub(value, match["members"])
            return _spliced(match, "members", inside)

        def value(match: re.Match[str]) -> str:
            if not match["secret"].strip() or rules.MARK.match(match["secret"]):
                return match[0]
            return _spliced(match, "secret", self._replaced("kubernetes-secret"))

        def string(match: re.Match[str]) -> str:
            if "\\n" not in match[0] or not rules.KIND_SECRET.search(match[0]):
                return match[0]
            try:
                inner = json.loads(match[0])
            except ValueError:
                return match[0]
            return json.dumps(self._secret_objects(inner), ensure_ascii=False)

        text = rules.STRING.sub(string, text)
        text = rules.SECRET_JSON.sub(lambda m: members(m, rules.MEMBER), text)
        return rules.SECRET_YAML.sub(lambda m: members(m, rules.LINE), text)


def _group(match: re.Match[str]) -> str:
    """Where the secret stands: some patterns have one place for it in quotes, one without."""
    return "secret" if match["secret"] is not None else "bare"


def _spliced(match: re.Match[str], group: str, new: str) -> str:
    start, end = match.start(group) - match.start(), match.end(group) - match.start()
    return match[0][:start] + new + match[0][end:]


def _credentials(found: Any, name: str = "") -> Iterator[str]:
    """What a user of a kubeconfig holds, but for what is public: names, certificates, commands."""
    if isinstance(found, dict):
        for key, value in found.items():
            yield from _credentials(value, str(key))
    elif isinstance(found, list):
        for value in found:
            if isinstance(value, dict) and _SECRET_NAME.match(str(value.get("name", ""))):
                yield str(value.get("value", ""))
    elif isinstance(found, str) and _SECRET_NAME.match(name):
        yield found


def _forms(value: str) -> Iterator[str]:
    yield value
    yield quote(value, safe="")
    yield quote_plus(value)
    for once in (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]):
        yield once
        yield json.dumps(once)[1:-1]
    if "\n" in value:
        yield value.replace("\n", "\r\n")
    content = value.encode("utf-8", "surrogateescape")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(content).decode()
        for before in range(3):  # where it stands within other text, its edges depend on that
            word = encode(b"\0" * before + content).decode()
            inner = word[(0, 2, 3)[before] :].rstrip("=")
            yield inner[: len(inner) - (1 if (before + len(content)) % 3 else 0)]

"""Which secrets still stand in a folder; whoever seals it looks here first."""

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

from fleetmesh.redaction.redactor import Redactor

_TAG = re.compile(r"<[^>]*>")


def remaining(folder: Path, redactor: Redactor | None = None) -> list[tuple[Path, str]]:
    """Each file of `folder` with a secret, and the rule that found it. Raises OSError.

    JSON is read as such and HTML without its tags: a secret is looked for as it would be read.
    """
    found = []
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        judge = redactor or Redactor()
        before = judge.counts.copy()
        for value in _values(file):
            judge.plain(value)
        found += [(file, rule) for rule in sorted(judge.counts - before)]
    return found


def _values(file: Path) -> Iterator[Any]:
    content = file.read_bytes()
    if file.suffix in (".html", ".xml"):
        text = content.decode("utf-8", "replace")
        yield from (unescape(part) for part in _TAG.split(text) if part.strip())
        return
    try:
        if file.suffix == ".json":
            yield json.loads(content)
            return
        if file.suffix == ".jsonl":
            yield from [json.loads(line) for line in content.split(b"\n") if line]
            return
    except (ValueError, RecursionError):
        pass  # then as text
    yield content

"""An inventory's text, edited value by value; comments and order stay as they are."""

import difflib
import io
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from fleetmesh.discover.found import Place, Seen
from fleetmesh.inventory import Inventory, InventoryError, load
from fleetmesh.inventory.document import read

_OPEN = re.compile(r"[ \t]*# *OPEN\b.*$")
_COVERED_BY = {
    "ssh": "ssh",
    "transport": "ssh",
    "context": "kubeconfig",
    "container": "deployment",
    "with": "python",
}
"""Values that are open if another one of their entry is."""
_GUTTER = 2
_WORDS_OF_YAML_1_1 = {"yes", "no", "on", "off", "y", "n"}
"""Text for YAML 1.2, and so for the suite; a reader who knows 1.1 takes them for true and false."""


class Edit:
    """An inventory under edit. Every state of it loads; what would not load is refused."""

    def __init__(self, file: Path, text: str, before: str) -> None:
        """`text` as if it stood in `file`, which now holds `before`. Raises InventoryError."""
        self._file = file
        self._before = before
        self.text = text
        self.inventory: Inventory = load(file, text=text)
        self._opened: set[Place] = set()

    def open(self, place: Place) -> None:
        """Let a value change, whatever its line says."""
        self._opened.add(place)

    def is_open(self, place: Place) -> bool:
        """Whether a value may change: its line, or that of what covers it, is marked OPEN."""
        covering = (*place[:-1], _COVERED_BY.get(place[-1], place[-1]))
        if place in self._opened or covering in self._opened:
            return True
        lines = self.text.splitlines()
        # An entry's own line covers what does not stand in it yet.
        for at in (place, covering, *([place[:-1]] if self.value(place) is None else [])):
            line = self._line(at)
            if line is not None and _OPEN.search(lines[line - 1]):
                return True
        return False

    def value(self, place: Place) -> Any:
        """The value that stands there, as plain data; None if there is none."""
        found: Any = read(self._file, self.text).data
        for step in place:
            found = found.get(step) if isinstance(found, dict) else None
        return found

    def left_open(self) -> list[tuple[int, str]]:
        """Number and text of each line that is marked OPEN."""
        numbered = enumerate(self.text.splitlines(), 1)
        return [
            (number, line.strip())
            for number, line in numbered
            if _OPEN.search(line) and line.partition("#")[0].strip()
        ]

    def set(self, place: Place, value: Any, seen: Seen | None) -> None:
        """Write a value and where it was seen, in place of its mark. Raises InventoryError."""
        text = self.text if self.value(place) == value else self._with(place, value)
        inventory = load(self._file, text=text)
        self.text, self.inventory = text, inventory
        if seen:
            self._remark(place, f"# seen on {seen.host}, {seen.time}")

    def diff(self) -> str:
        """What is to be changed, as a unified diff; empty if nothing is."""
        before, after = (text.splitlines(keepends=True) for text in (self._before, self.text))
        name = str(self._file)
        old = name if self._before else "/dev/null"
        return "".join(difflib.unified_diff(before, after, old, name))

    def write(self) -> None:
        """Put the text into the file, at once or not at all. Raises OSError."""
        folder = self._file.resolve().parent
        descriptor, beside = tempfile.mkstemp(prefix=f".{self._file.name}.", dir=folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as writing:
                writing.write(self.text)
                writing.flush()
                os.fsync(writing.fileno())
            mode = self._file.stat().st_mode & 0o777 if self._file.exists() else 0o644
            Path(beside).chmod(mode)
            Path(beside).replace(self._file.resolve())
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise

    def _with(self, place: Place, value: Any) -> str:
        parser = YAML()
        parser.preserve_quotes = True
        parser.width = 10_000
        parser.indent(mapping=2, sequence=4, offset=2)
        document: Any = parser.load(self.text)
        entry = document
        for step in place[:-1]:
            entry = entry[step]
        if place[-1] in entry:
            entry[place[-1]] = _flow(value)
        else:  # before the last, behind which the next section's comments are kept
            entry.insert(max(0, len(entry) - 1), place[-1], _flow(value))
        written = io.StringIO()
        parser.dump(document, written)
        return written.getvalue()

    def _line(self, place: Place) -> int | None:
        return read(self._file, self.text).lines.get(place)

    def _remark(self, place: Place, remark: str) -> None:
        number = self._line(place)
        if number is None:
            return
        lines = self.text.splitlines()
        line = lines[number - 1]
        if not _OPEN.search(line) and "#" in line:
            return  # somebody's own remark
        bare = _OPEN.sub("", line).rstrip()
        if bare.endswith(":"):
            return  # a whole entry's line: what stands in it says where it was seen
        column = max(len(bare) + _GUTTER, line.find("#"))
        lines[number - 1] = f"{bare:{column}}{remark}"
        self.text = "\n".join(lines) + "\n"

    def settle(self, place: Place) -> None:
        """Take the mark off a line."""
        number = self._line(place)
        lines = self.text.splitlines()
        if number is not None:
            lines[number - 1] = _OPEN.sub("", lines[number - 1]).rstrip()
            self.text = "\n".join(lines) + "\n"


def _flow(value: Any) -> Any:
    """Plain data for ruamel: what is nested stays on one line."""
    if isinstance(value, dict):
        mapping = CommentedMap({key: _flow(held) for key, held in value.items()})
        mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, (list, tuple)):
        listed = CommentedSeq(map(_flow, value))
        listed.fa.set_flow_style()
        return listed
    if isinstance(value, str) and value.lower() in _WORDS_OF_YAML_1_1:
        return DoubleQuotedScalarString(value)
    return value


__all__ = ["Edit", "InventoryError"]

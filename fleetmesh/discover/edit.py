"""An inventory's text, edited value by value; every other character stays as it is."""

import difflib
import errno
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from fleetmesh.discover.found import Place, Seen
from fleetmesh.inventory import Inventory, InventoryError, Problem, load
from fleetmesh.inventory.document import BOUNDS
from fleetmesh.text import regular_file
from fleetmesh.text.yaml12 import Malformed
from fleetmesh.text.yaml_edit import Outline, Span, same

_OPEN = re.compile(r"# *OPEN\b.*$")
_COVERED_BY = {
    "ssh": "ssh",
    "transport": "ssh",
    "context": "kubeconfig",
    "container": "deployment",
    "with": "python",
}
"""Values that are open if another one of their entry is, and behind which they stand."""
_ASKED: tuple[Place, ...] = (
    *(("hosts", "*", "ssh"), ("hosts", "*", "hostname")),
    ("clusters", "*", "kubeconfig"),
    *(("services", "*", "namespace"), ("services", "*", "name")),
    *(("services", "*", "health", "json"), ("services", "*", "smoke", "path")),
    ("tunnels", "*"),
    *(("probe", "deployment"), ("probe", "python"), ("workstation", "bridge")),
    *(("certificate", "ca"), ("certificate", "principals")),
)
"""What a mark can stand for. It stays until all of these on its line are told."""
_GUTTER = 2


class Edit:
    """An inventory under edit. Every state of it loads; what would not load is refused."""

    def __init__(self, file: Path, text: str, before: str) -> None:
        """`text` as if it stood in `file`, which now holds `before`. Raises InventoryError."""
        self._file = file
        self._before = before
        self.inventory: Inventory = load(file, text=text)
        self._outline = Outline(text, BOUNDS)
        self._opened: set[Place] = set()
        self._settled: set[Place] = set()

    @property
    def text(self) -> str:
        """The inventory as it now is."""
        return self._outline.text

    def open(self, place: Place) -> None:
        """Let a value change, whatever its line says."""
        self._opened.add(place)

    def is_open(self, place: Place) -> bool:
        """Whether a value may change: its line, or that of what covers it, is marked OPEN.

        What has been told is open no more, even if its line is still marked for another value.
        """
        if place in self._settled:
            return False
        covering = (*place[:-1], _COVERED_BY.get(place[-1], place[-1]))
        # An entry's own line covers what does not stand in it yet.
        entry = [place[:-1]] if self._outline.find(place) is None else []
        return bool(self._opened & {place, covering}) or any(
            _mark(self._outline, at) for at in (place, covering, *entry)
        )

    def value(self, place: Place) -> Any:
        """The value that stands there, as plain data; None if there is none."""
        return self._outline.value(place)

    def left_open(self) -> list[tuple[int, str]]:
        """Number and text of each line that is marked OPEN."""
        found = []
        for start, end in self._outline.comments:
            line = slice(*self._outline.line(start))
            if self.text[line.start : start].strip() and _OPEN.search(self.text[start:end]):
                found.append((self._outline.number(start), self.text[line].strip()))
        return found

    def set(self, place: Place, value: Any, seen: Seen | None) -> None:
        """Write a value and where it was seen, in place of its mark. Raises InventoryError."""
        right = _exchanged(self._outline.root.plain, place, value)
        try:
            text = self._outline.put(place, value, _COVERED_BY.get(place[-1]))
            if seen:
                text = self._remarked(text, place, f"# seen on {seen.host}, {seen.time}")
        except Malformed as malformed:
            raise self._refused(place, str(malformed)) from None
        self._take(place, text, right)
        if seen:
            self._settled.add(place)

    def settle(self, place: Place) -> None:
        """Take the mark off a line, if it stands for nothing else. Raises InventoryError."""
        try:
            self._outline.own(place)
            text = self._remarked(self.text, place, "")
        except Malformed as malformed:
            raise self._refused(place, str(malformed)) from None
        self._take(place, text, self._outline.root.plain)
        self._settled.add(place)

    def diff(self) -> str:
        """What is to be changed, as a unified diff; empty if nothing is."""
        before, after = (text.splitlines() for text in (self._before, self.text))
        name = str(self._file)
        old = name if self._before else "/dev/null"
        return "\n".join(difflib.unified_diff(before, after, old, name, lineterm=""))

    def write(self) -> None:
        """Put the text into the file, at once or not at all.

        Raises OSError, also if the file no longer holds what it held before.
        """
        folder = self._file.resolve().parent
        descriptor, beside = tempfile.mkstemp(prefix=f".{self._file.name}.", dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as writing:
                writing.write(self.text.encode())
                writing.flush()
                os.fsync(writing.fileno())
            exists = os.path.lexists(self._file)
            mode = self._file.stat().st_mode & 0o777 if exists else 0o644
            Path(beside).chmod(mode)
            has = regular_file.read(self._file, BOUNDS.longest) if exists else b""
            if has != self._before.encode():
                why = "somebody has changed it meanwhile; it stays so: discover once more"
                raise OSError(errno.ESTALE, why)
            Path(beside).replace(self._file.resolve())
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise

    def _remarked(self, text: str, place: Place, remark: str) -> str:
        """A text with the remark in place of the mark on a place's line.

        The mark stays while it stands for other values, and so does somebody's own remark.
        """
        outline = Outline(text, BOUNDS)
        found, mark = outline.find(place), _mark(outline, place)
        asked = {at for at in outline.beside(place) if _is_asked(at)}
        if found is None or (asked - self._settled - {place} if mark else outline.comment(place)):
            return text
        start, end = outline.line(found[0].start)
        bare = text[start : mark[0] if mark else end].rstrip()
        if remark:
            column = max(len(bare) + _GUTTER, self._column(place))
            bare = f"{bare:{column}}{remark}"
        return text[:start] + bare + text[end:]

    def _column(self, place: Place) -> int:
        """Where the comment on a place's line begins, so that it stays there."""
        comment = self._outline.comment(place)
        return comment[0] - self._outline.line(comment[0])[0] if comment else 0

    def _take(self, place: Place, text: str, right: Any) -> None:
        """Let a text stand, if it loads and says what is right, remarks and all."""
        inventory = load(self._file, text=text)
        outline = Outline(text, BOUNDS)
        if not same(outline.root.plain, right):
            raise self._refused(place, "cannot change alone; write out what repeats it by an alias")
        self.inventory, self._outline = inventory, outline

    def _refused(self, place: Place, why: str) -> InventoryError:
        found = self._outline.find(place)
        return InventoryError([Problem(self._file, place, found[0].line if found else None, why)])


def _mark(outline: Outline, place: Place) -> Span | None:
    """Where the line of a place is marked OPEN."""
    start, end = outline.comment(place) or (0, 0)
    found = _OPEN.search(outline.text, start, end)
    return found.span() if found else None


def _is_asked(place: Place) -> bool:
    return any(
        len(place) == len(asked) and all(a in ("*", b) for a, b in zip(asked, place, strict=True))
        for asked in _ASKED
    )


def _exchanged(data: Any, place: Place, value: Any) -> Any:
    """Plain data with another value at a place."""
    if not place:
        return value
    entry = data if isinstance(data, dict) else {}
    return {**entry, place[0]: _exchanged(entry.get(place[0]), place[1:], value)}


__all__ = ["Edit", "InventoryError"]

"""`python -m rehearsal drill`: walk the runbook, and leave a page, data and every snapshot."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from rehearsal.drill import page
from rehearsal.drill.course import Course, walk
from rehearsal.drill.manager import OPS_BRIDGE, SYSTEMD
from rehearsal.drill.stages import STAGES, ops_bridge
from rehearsal.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.outfit import Outfit


def drill(made: Outfit | None, say: Callable[[str], None], *, manager: str, keep: bool) -> int:
    """Walk through all stages; 0 if each holds, else 1. Raises RehearsalError."""
    stages = {SYSTEMD.name: STAGES, OPS_BRIDGE.name: ops_bridge.STAGES}[manager]
    course = Course(manager, planned=len(stages))
    name = f"{course.started:%Y-%m-%dT%H%M%SZ}_drill_{secrets.token_hex(3)}"
    folder = PROJECT / "reports" / name

    def note() -> None:
        """Keep what was seen so far, so that it outlives whatever ends the drill."""
        if course.stages:
            folder.mkdir(parents=True, exist_ok=True)
            found = course.plain()
            text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
            for file, content in (("drill.json", text), ("drill.html", page.html(found))):
                writing = folder / f"{file}.new"
                writing.write_text(content, "utf-8")
                writing.replace(folder / file)

    try:
        walk(stages, made, course, folder, keep=keep, say=say, note=note)
    finally:
        if course.stages:
            print(f"report: {folder / 'drill.html'}", flush=True)
    print(course.conclusion())
    if course.broken:
        print(f"look at it again: pytest --replay={folder / course.broken.folder}")
    return 0 if course.holds else 1

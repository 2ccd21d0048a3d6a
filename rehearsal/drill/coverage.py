"""Which commands of the runbook the drill runs: `make docs` writes docs/runbook-coverage.md.

What is run is read from the stages' own code, and what there is to run from the runbook's text, so
that neither can change without the page.
"""

from __future__ import annotations

import inspect
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rehearsal.drill.commands import COMMANDS
from rehearsal.drill.stages import STAGES
from rehearsal.paths import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from rehearsal.drill.stage import Stage

RUNBOOK = PROJECT / "docs" / "runbook" / "fleet-mesh-dehub-runbook.md"
PAGE = PROJECT / "docs" / "runbook-coverage.md"
PICTURE = "►"
NOT_RUN = {
    PICTURE: "A picture of the path, no command. PROD-04.path follows the path hop by hop.",
}
"""Why what stands in a block is not run, by words that it contains."""

_HEAD = """\
# What the drill runs of the runbook

<!-- Written by `make docs`; a test keeps it true to the runbook and to the drill. Do not edit. -->

Every command that stands in a block of [the runbook](runbook/fleet-mesh-dehub-runbook.md), and the
commands of its text that the drill runs, too. They are run as they stand here, with the rehearsal
fleet's addresses in the place of production's.
"""


@dataclass(frozen=True)
class Found:
    """Something that the runbook has in a block: the heading above, and its text."""

    section: str
    text: str


def blocks(runbook: str) -> Iterator[tuple[str, list[str]]]:
    """The code blocks of a Markdown text, fenced or indented, each with the heading above it."""
    section, fence, after_blank = "", "", True
    block: list[str] = []
    for line in [*runbook.splitlines(), "end"]:
        mark = line.strip()[:3]
        if fence:
            if mark == fence:
                yield section, block
                block, fence = [], ""
            else:
                block.append(line)
        elif line.startswith("    ") and (block or after_blank):
            block.append(line[4:])
        elif not line.strip() and block:
            block.append("")
        else:
            if block:
                yield section, block
                block = []
            if mark in ("```", "~~~"):
                fence = mark
            elif line.startswith("#"):
                section = line.lstrip("#").strip()
        after_blank = not line.strip()
    if fence:
        yield section, block


def found(runbook: str) -> list[Found]:
    """Everything that stands in its blocks, comments left out; an open quote joins lines."""
    every = []
    for section, block in blocks(runbook):
        begun: list[str] = []
        for line in block:
            if not begun and (not line.strip() or line.lstrip().startswith("#")):
                continue
            begun.append(line)
            text = "\n".join(begun)
            if PICTURE in text or _whole(text):
                every.append(Found(section, text))
                begun = []
        if begun:
            every.append(Found(section, "\n".join(begun)))
    return every


def _whole(text: str) -> bool:
    try:
        shlex.split(text)
    except ValueError:  # a quote is open, or the line goes on
        return False
    return True


def stages_of(name: str) -> list[str]:
    """The titles of the stages whose code runs a command of the runbook, in their order."""
    return [stage.title() for stage in STAGES if name in _run_by(stage)]


def _run_by(stage: type[Stage]) -> set[str]:
    return _named(stage.act, set())


def _named(function: Callable[..., Any], seen: set[Any]) -> set[str]:
    """The commands that a function, or one of the stages' that it calls, hands to `runbook`."""
    code = function.__code__
    if code in seen:
        return set()
    seen.add(code)
    named: set[str] = set()
    if "runbook" in code.co_names:
        for constant in code.co_consts:
            named |= COMMANDS.keys() & set(_words(constant))
    for name in code.co_names:
        other = function.__globals__.get(name)
        if inspect.isfunction(other) and other.__module__.startswith("rehearsal.drill.stages"):
            named |= _named(other, seen)
    return named


def _words(constant: object) -> Iterator[str]:
    if isinstance(constant, str):
        yield constant
    elif isinstance(constant, tuple):
        for one in constant:
            yield from _words(one)


def reason(text: str) -> str | None:
    """Why something that stands in a block is not run; None where no reason is known."""
    return next((why for words, why in NOT_RUN.items() if words in text), None)


def problems(runbook: str) -> list[str]:
    """Everything for which the drill and this text of the runbook do not belong together."""
    texts = {command.text: name for name, command in COMMANDS.items()}
    wrong = []
    for one in found(runbook):
        name = texts.get(one.text)
        if name is None and reason(one.text) is None:
            wrong.append(f"neither run by the drill nor left out for a reason: {one.text}")
        elif name is not None and COMMANDS[name].section != one.section:
            wrong.append(f"{name} stands under {one.section!r}, not {COMMANDS[name].section!r}")
    for name, command in COMMANDS.items():
        if command.text not in "\n".join("\n".join(b) for _, b in blocks(runbook)) + runbook:
            wrong.append(f"{name} does not stand in the runbook: {command.text}")
        if not stages_of(name):
            wrong.append(f"{name} is run by no stage of the drill")
        elif stages_of(name) != [s.title() for s in STAGES if s.title() in command.stages]:
            wrong.append(f"{name} is run by {stages_of(name)}, not by {list(command.stages)}")
        wrong += [
            f"{name} names the stage {stage}, which there is not"
            for stage in sorted(set(command.stages) - {stage.title() for stage in STAGES})
        ]
    return wrong


def page(runbook: str) -> str:
    """The whole page. What the drill and the runbook do not agree on is said in it."""
    texts = {command.text: name for name, command in COMMANDS.items()}
    inline = [Found(c.section, c.text) for c in COMMANDS.values()]
    every = found(runbook)
    every += [one for one in inline if one not in every]
    order = [line.lstrip("#").strip() for line in runbook.splitlines() if line.startswith("#")]
    parts = [_HEAD]
    for section in dict.fromkeys(order):
        here = [one for one in every if one.section == section]
        parts += [f"## {section}\n"] if here else []
        for one in here:
            parts.append("".join(f"    {line}\n" for line in one.text.splitlines()))
            parts.append(_told(texts.get(one.text), one.text) + "\n")
    return "\n".join(parts)


def _told(name: str | None, text: str) -> str:
    if name is None:
        return reason(text) or "**Neither run nor left out for a reason.**"
    command, stages = COMMANDS[name], stages_of(name)
    ways = ", ".join(f"`{stage}`" for stage in stages) or "**no stage**"
    meant = f", as `{command.meant}`" if command.meant else ""
    return f"On {command.host}{meant}; run by {ways}."


if __name__ == "__main__":
    text = RUNBOOK.read_text("utf-8")
    PAGE.write_text(page(text), "utf-8")
    if wrong := problems(text):
        sys.exit("\n".join(wrong))

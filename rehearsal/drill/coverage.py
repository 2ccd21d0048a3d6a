"""Which commands of the runbook the drill runs: `make docs` writes docs/runbook-coverage.md.

The commands come from the runbook's text, and who runs them from the code of the stages, so that
neither can change without the page. What the drill has shown about a command stands below it.
"""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from dataclasses import dataclass
from textwrap import fill, indent
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


@dataclass(frozen=True)
class Lesson:
    """A command of the runbook that does not do what it seems to: what happens, and what works."""

    happens: str
    works: str


LESSONS = {
    "which-bridge": Lesson(
        "it cannot fail. It finds iproute2's `/usr/sbin/bridge` and exits 0.",
        "`bridge --version`. ops-bridge gives its name; iproute2's `bridge` exits 255 "
        "(`PRE-02.bridge-tool`).",
    ),
    "fleet-login": Lesson(
        "before the installation it exits 255 with `Host key verification failed`. The installer "
        "brings the key and pins the host key, so the login cannot work earlier.",
        "the same line after the installation, with `-o BatchMode=yes -o IdentitiesOnly=yes` so "
        "that it cannot ask for anything. Also check which key was accepted. `PRE-03.login` does "
        "both with the tunnel's own arguments, and requests the tunnel's forward as well.",
    ),
    "install": Lesson(
        "it copies `~/.ssh/id_ops`, so the same private key lies on the workstation and on "
        "railiance01. A workstation that has been retired can still log in.",
        "a key made on railiance01, as in the migration below (`PROD-14.certificate`).",
    ),
    "start": Lesson(
        "it exits 0 even while the reverse tunnel still holds the port. The unit fails and systemd "
        "keeps restarting it (`activating auto-restart`).",
        "look at the unit, not at the exit status (`CUT-04.steady`, `CUT-05.port`).",
    ),
    "smoke": Lesson(
        "it is healthy in that case, too: the answer comes over the workstation.",
        "look at who holds the port, and at the path (`CUT-05.port`, `PROD-04.path`, "
        "`PROD-05.ports`).",
    ),
    "bridge-pods": Lesson(
        "it exits 0 even if a pod is `0/1`, because `grep` only looks for the name.",
        "read the column READY (`PROD-01.pods`).",
    ),
    "confirm-persistence": Lesson(
        "it exits 0 with `Linger=no`, and also if only one of the two units is enabled.",
        "demand the exact words `yes` and `enabled`, for each unit (`PROD-07.linger`, "
        "`PROD-08.enabled`).",
    ),
    "rollback-fleet": Lesson(
        'it exits 255 with `Object "down" is unknown`: this is iproute2\'s `bridge`. The tunnels '
        "run on. With ops-bridge it stops the tunnels, but only for now, because its unit stays "
        "enabled; and the installer enables systemd's units regardless.",
        "`systemctl --user disable --now fleet-…` (`CUT-08.stop`).",
    ),
    "rollback-workstation": Lesson(
        "after the line above it exits 1 with `remote port forwarding failed for listen port "
        "18000`, because the fleet's tunnels still hold the ports.",
        "the same line once the units are stopped.",
    ),
    "sign": Lesson(
        "`cert_command` is a setting of ops-bridge, so under systemd nothing runs it. The "
        "certificate expires, and the next time the tunnel reconnects, it is refused.",
        "a timer of the tunnels' user that runs `warden sign` well before the certificate expires. "
        "The rehearsal's migration installs one (`PROD-14.certificate`).",
    ),
}
"""By the name of the command in COMMANDS."""

_HEAD = """\
# What the drill runs of the runbook

<!-- Written by `make docs`; a test keeps it true to the runbook and to the drill. Do not edit. -->

Every command in a block of [the runbook](runbook/fleet-mesh-dehub-runbook.md), and every command in
its running text that the drill runs as well. The drill types them as they stand here, with the
rehearsal fleet's addresses in place of production's. Below a command that does not do what it seems
to, this page says what happens and what works instead.

What it says about ops-bridge is what the drill shows with a stand-in for it:
`sudo .venv/bin/python -m rehearsal drill --manager ops-bridge`.
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
    wrong += [
        f"a lesson is about {name}, which is no command" for name in LESSONS if name not in COMMANDS
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
            if lesson := LESSONS.get(texts.get(one.text, "")):
                told = (f"What happens: {lesson.happens}", f"What works: {lesson.works}")
                parts.append(">\n".join(map(_quoted, told)))
    return _ID.sub(_linked, "\n".join(parts))


_ID = re.compile(r"`?\b((?:PRE|CUT|PROD)-\d\d\.[a-z-]+[a-z])`?")


def _linked(found: re.Match[str]) -> str:
    """The id of a check, as a link to where it stands."""
    return f"[{found[1]}](checks.md#{found[1].lower().replace('.', '')})"


def _quoted(text: str) -> str:
    # Not as a list: an indented block below one would belong to its last item.
    return indent(fill(text, 98, break_on_hyphens=False), "> ") + "\n"


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

"""`python -m fleetmesh discover`: shows an edit of the inventory, and writes it if told so."""

import argparse
import os
import re
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fleetmesh.discover.edit import Edit
from fleetmesh.discover.found import Finding, Settled, Value, dotted
from fleetmesh.discover.rounds import Discovery, discover
from fleetmesh.inventory import InventoryError
from fleetmesh.inventory.document import BOUNDS
from fleetmesh.inventory.suite import SUITE, TEMPLATE
from fleetmesh.text import regular_file
from fleetmesh.text.legible import brief
from fleetmesh.text.terminal import say

_HERE = "local"


class CannotDiscover(Exception):
    """There is nothing to edit, or it cannot be written; the text says what to do."""


def add(commands: Any) -> None:
    """Add the command to those of `python -m fleetmesh`."""
    command = commands.add_parser(
        "discover",
        help="ask a fleet, read-only, for what its inventory leaves open",
        description="Shows an edit of the inventory, and what contradicts the runbook. Exits 0 if "
        "a run needs nothing else, 1 if there are findings, 2 if nothing could be done.",
    )
    command.add_argument(
        "--fleet",
        type=_file,
        required=True,
        metavar="NAME|FILE",
        help="the inventory, new or old: a file, or NAME for fleets/NAME.yaml where you are",
    )
    command.add_argument(
        "hosts",
        nargs="*",
        type=_named,
        metavar="HOST=NAME",
        help="the ssh name of a host of the inventory, or `local` for this machine",
    )
    command.add_argument("--write", action="store_true", help="write the edit into FILE")
    command.add_argument(
        "--template",
        type=Path,
        default=TEMPLATE,
        metavar="FILE",
        help="what a new inventory is made from (default: the runbook's)",
    )
    command.set_defaults(do=run)


def run(given: Namespace) -> int:
    """Ask, show, and write if told so; the exit status says whether anything is left to do."""
    edit = _edit(given.fleet, given.template)
    _name_hosts(edit, given.hosts)
    done = discover(edit)
    _show(done)
    if given.write:
        try:
            given.fleet.parent.mkdir(exist_ok=True)
            edit.write()
        except OSError as error:
            raise CannotDiscover(f"{given.fleet} cannot be written: {error.strerror}") from None
        say(f"written: {given.fleet}")
    elif edit.diff():
        say("nothing is written yet: --write does that")
    left = edit.left_open()
    say(_concluded(done, len(left)))
    return 1 if any(each.matters for each in done.findings) else 0


def _file(text: str) -> Path:
    """Where `fleetmesh check` looks for it first."""
    if text.endswith((".yaml", ".yml")) or "/" in text:
        return Path(text)
    return Path("fleets", f"{text}.yaml")


def _named(text: str) -> tuple[str, str]:
    host, equals, name = text.partition("=")
    if not (host and equals and name):
        raise argparse.ArgumentTypeError(f"write {text!r} as HOST=NAME, such as railiance01=NAME")
    return host, name


def _edit(file: Path, template: Path) -> Edit:
    """The inventory in `file`, or a new one as the template has it."""
    try:
        if os.path.lexists(file):
            before = _text(file)
            return Edit(file, before, before)
        return Edit(file, at(file, template, _text(template)), "")
    except InventoryError as error:
        raise CannotDiscover(str(error)) from None


def _text(file: Path) -> str:
    """All of a file, its line ends as they are."""
    try:
        return regular_file.read(file, BOUNDS.longest).decode("utf-8")
    except OSError as error:
        why = f"{file} cannot be read: {error.strerror}"
        raise CannotDiscover(f"{why}; give a readable --template or --fleet") from None
    except UnicodeDecodeError as error:
        raise CannotDiscover(f"{file}: {error}; write it in UTF-8") from None


def at(file: Path, template: Path, text: str) -> str:
    """A template's text, its name and relative paths meant from where `file` is.

    The runbook's own stands as if among the suite's inventories. Raises InventoryError.
    """
    here = file.resolve().parent
    there = SUITE / "fleets" if template == TEMPLATE else template.resolve().parent
    under = Edit(template, text, text)
    for key in ("reference", "ssh_config"):
        path = under.value((key,))
        if path is not None and not path.startswith(("/", "~")):
            path = os.path.normpath(there / path)
            under.set((key,), os.path.relpath(path, here) if _near(here, there) else path, None)
    name = re.sub(r"[^a-z0-9.-]+", "-", file.stem.lower())[:63].strip("-.") or "fleet"
    under.set(("name",), name, None)
    return under.text


def _near(here: Path, there: Path) -> bool:
    return here.parent == there.parent


def _name_hosts(edit: Edit, named: Iterable[tuple[str, str]]) -> None:
    """Write the ssh names that the command line gives, and let these hosts say theirs."""
    for host, name in named:
        if host not in edit.inventory.hosts:
            known = ", ".join(edit.inventory.hosts)
            raise CannotDiscover(
                f"{brief(host)} is no host of the inventory; write one of: {known}"
            )
        place = ("hosts", host)
        transport = _HERE if name == _HERE else "ssh"
        try:
            # What is there would decide otherwise whether the name is asked at all.
            if edit.inventory.hosts[host].transport != transport:
                edit.set((*place, "transport"), transport, None)
            edit.set((*place, "ssh"), host if name == _HERE else name, None)
            for key in ("transport", "ssh"):
                edit.settle((*place, key))
        except InventoryError as error:
            raise CannotDiscover(f"{host}={brief(name)}: {error.problems[0].message}") from None
        edit.open((*place, "hostname"))


def _show(done: Discovery) -> None:
    for value in done.values:
        _value("found", value)
    for known in done.confirmed:
        _value("confirmed", known)
    for finding in done.findings:
        _finding(finding)
    for number, line in done.edit.left_open():
        say(f"left open: line {number}: {brief(line, 120)}")
    say("")
    for line in done.edit.diff().splitlines():
        say(line)


def _value(title: str, each: Value | Settled) -> None:
    what = brief(str(each.value), 160) if isinstance(each, Value) else "as the runbook has it"
    say(f"{title}: {dotted(each.place)}: {what}")
    say(f"    seen: {each.seen}")


def _finding(each: Finding) -> None:
    title = "finding" if each.matters else "open"
    say(f"{title}: {dotted(each.place)}: {each.what}")
    if each.seen:
        say(f"    seen: {each.seen}")
    if each.advice:
        say(f"    try: {each.advice}")


def _concluded(done: Discovery, left: int) -> str:
    return (
        f"{len(done.values)} values found, {len(done.confirmed)} confirmed, "
        f"{sum(each.matters for each in done.findings)} findings, {left} lines left open"
    )

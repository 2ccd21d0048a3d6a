"""What the machines are made of: a generation of Debian each, a log-in shell, and names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.errors import RehearsalError
from rehearsal.image import BARE, DEFAULT, GENERATIONS, SHELLS
from rehearsal.variant import OWN

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Iterable, Mapping


@dataclass(frozen=True)
class Outfit:
    """The generation of each machine, the log-in shell of the fleet's user, and whose names."""

    generations: Mapping[str, str]
    shell: str
    variant: str = OWN

    @classmethod
    def chosen(
        cls, machines: Collection[str], images: Iterable[str], shell: str, variant: str = OWN
    ) -> Outfit:
        """As the command line says: GENERATION for all machines, MACHINE=GENERATION for one.

        Raises RehearsalError for what there is none of.
        """
        of_all, of_one = DEFAULT, {}
        for choice in images:
            name, is_one, generation = choice.rpartition("=")
            if generation not in (*GENERATIONS, BARE):
                known = ", ".join((*GENERATIONS, BARE))
                raise RehearsalError(f"no image is called {generation!r}; known are: {known}")
            if generation == BARE and name != "workstation":
                raise RehearsalError(f"only the workstation can be {BARE}: workstation={BARE}")
            if is_one and name not in machines:
                known = ", ".join(machines)
                raise RehearsalError(f"no machine is called {name!r}; known are: {known}")
            if is_one:
                of_one[name] = generation
            else:
                of_all = generation
        return cls({name: of_one.get(name, of_all) for name in machines}, shell, variant)

    @classmethod
    def recorded(cls, record: Mapping[str, Any]) -> Outfit:
        """That of the fleet that is up."""
        return cls(record["generations"], record["shell"], record["variant"])

    def __str__(self) -> str:
        kinds = set(self.generations.values())
        each = ", ".join(f"{name} {kind}" for name, kind in self.generations.items())
        names = "" if self.variant == OWN else f", with {self.variant} names"
        return f"{each if len(kinds) > 1 else kinds.pop()}, log-in shell {self.shell}{names}"


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose an outfit."""
    parser.add_argument(
        "--image",
        action="append",
        metavar="[MACHINE=]GENERATION",
        help=f"what they run: {', '.join(GENERATIONS)} (default: {DEFAULT}), "
        f"or workstation={BARE}; can be repeated",
    )
    parser.add_argument(
        "--shell", choices=SHELLS, help="the log-in shell of the fleet's user (default: bash)"
    )

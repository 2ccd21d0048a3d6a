"""What of a fact is state: a function from its value to what is there, in words that last."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from fleetmesh.facts import Fact, Observed
from fleetmesh.facts.machines import MACHINES
from fleetmesh.facts.sockets import SESSIONS, LoginSession
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.inventory import Inventory
from fleetmesh.tunnels.attribution import Places

T = TypeVar("T")

State = Mapping[str, str]
"""What is there, by what it is called: the same words as long as it is the same."""


@dataclass(frozen=True)
class Around:
    """What else was seen at that moment, by which a value is put into words that last."""

    inventory: Inventory
    snapshot: Snapshot
    host: str = ""
    """The host that gave the value."""

    def observed(self, fact: Fact[T]) -> Observed[T]:
        """Another fact of the same moment."""
        transcripts = self.snapshot.of(fact.name)
        return Observed(fact, transcripts, lambda _: None, recorded=self.snapshot.recorded)

    @property
    def sessions(self) -> dict[str, LoginSession]:
        """The log-in sessions of the host. Raises Inconclusive."""
        return self.observed(SESSIONS)[self.host]

    @cached_property
    def places(self) -> Places:
        """Which host an address belongs to."""
        found = Places(self.inventory)
        for host, machine in self.observed(MACHINES).known().items():
            found.learn(host, machine.addresses)
        return found


@dataclass(frozen=True)
class Kind(Generic[T]):
    """The state in a fact's value; `volatile` names what is left out, as it changes by itself."""

    fact: Fact[T]
    describe: Callable[[T, Around], State]
    volatile: str = ""


@dataclass(frozen=True)
class NoState:
    """A fact that holds no state of the fleet, and why."""

    fact: Fact[Any]
    why: str


def present(found: Iterable[str], word: str = "there") -> State:
    """Things that are there or not, and are nothing besides."""
    return dict.fromkeys(found, word)


def members(value: object, *names: str) -> str:
    """Some attributes of a value, each under its name; what is empty is left out."""
    told = ((name.replace("_", " "), getattr(value, name)) for name in names)
    return ", ".join(f"{name} {words(each)}" for name, each in told if each not in (None, "", ()))


def words(value: object) -> str:
    """A value in one line, in an order of its own where it has none."""
    if isinstance(value, frozenset | set):
        return " ".join(sorted(map(words, value))) or "none"
    if isinstance(value, Mapping):
        return " ".join(f"{key}={words(each)}" for key, each in sorted(value.items())) or "none"
    if isinstance(value, tuple | list):
        return " ".join(map(words, value)) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


_MADE = re.compile(r"-[bcdf-hj-np-tv-xz2-9]{5}$")
"""What Kubernetes makes up for a name: it has no vowels in it, and no 0, 1 or 3."""


def unnumbered(name: str) -> str:
    """A name without the end that Kubernetes made up for it, which what takes its place has not.

    The hash of a pod's template stays: it changes with the template alone.
    """
    return _MADE.sub("-…", name)

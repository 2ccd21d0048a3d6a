"""What is wanted, what is there, and the steps from one to the other: no effects in here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from fleetmesh.timer.places import ACCOUNT, ENVIRONMENTS, TIMER, UNITS, CannotInstall


@dataclass(frozen=True)
class File:
    """A file as it is to be, or as it is."""

    content: bytes
    mode: int = 0o644
    owner: str = "root"

    @property
    def digest(self) -> str:
        """SHA-256 of what is in it."""
        return sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Wanted:
    """A machine that verifies a fleet."""

    files: Mapping[Path, File]
    environment: str
    """Its digest, by which its folder is called."""


@dataclass(frozen=True)
class Found:
    """The machine as it is, as far as it matters here."""

    files: Mapping[Path, File | None] = field(default_factory=dict)
    """By path, for whatever is wanted or was written; None for what is no plain file."""
    written: Mapping[Path, frozenset[str]] = field(default_factory=dict)
    """By path, the digests of what an earlier installation wrote, or was about to."""
    account: bool = False
    environments: frozenset[str] = frozenset()
    """Those that are whole."""
    current: str | None = None
    """What the service runs in."""
    timer: bool = False
    """Whether it waits for its time, now and after a boot, and systemd has read its file."""


@dataclass(frozen=True)
class Step:
    """One change. `what` says it to the operator."""

    what: str


@dataclass(frozen=True)
class MakeAccount(Step):
    """Add the user that the service runs as."""


@dataclass(frozen=True)
class MakeEnvironment(Step):
    """Copy the suite to a place of its own."""

    digest: str


@dataclass(frozen=True)
class UseEnvironment(Step):
    """Have the service run in it from its next start on; what is in neither is removed."""

    digest: str
    kept: str | None


@dataclass(frozen=True)
class Write(Step):
    """Make a file what it is to be."""

    path: Path
    file: File


@dataclass(frozen=True)
class Remove(Step):
    """Take away a file that was written earlier."""

    path: Path


@dataclass(frozen=True)
class StartTimer(Step):
    """Have systemd read the units, and the timer wait, now and after each boot."""


def to_install(wanted: Wanted, found: Found) -> list[Step]:
    """The steps that are left. Raises CannotInstall if a file of somebody else is in the way."""
    no_foreign(wanted.files, found)
    steps: list[Step] = []
    if not found.account:
        steps.append(MakeAccount(f"the account {ACCOUNT}"))
    if wanted.environment not in found.environments:
        folder = ENVIRONMENTS / wanted.environment
        steps.append(MakeEnvironment(f"the environment {folder}", wanted.environment))
    for path, file in wanted.files.items():
        if found.files.get(path) != file:
            steps.append(Write(f"{path}", path, file))
    stale = sorted((found.written.keys() - wanted.files.keys()) & found.files.keys())
    steps += [Remove(f"{path} is removed: nothing needs it any more", path) for path in stale]
    if found.current != wanted.environment:
        what = f"{TIMER} runs the suite in {wanted.environment}"
        steps.append(UseEnvironment(what, wanted.environment, found.current))
    if not found.timer or any(
        isinstance(step, Write | Remove) and step.path.is_relative_to(UNITS) for step in steps
    ):
        steps.append(StartTimer(f"{TIMER} is started"))
    return steps


def no_foreign(wanted: Mapping[Path, File], found: Found) -> None:
    """Raise CannotInstall for files that hold what no installation wrote, by all their names."""
    foreign = sorted(
        str(path)
        for path, there in found.files.items()
        if there is None
        or (
            there.digest not in found.written.get(path, ())
            and there.content != (wanted[path].content if path in wanted else None)
        )
    )
    if foreign:
        raise CannotInstall(
            f"{', '.join(foreign)}: not as `install-timer` wrote it; move it away if it may be "
            "replaced (a change of a unit lasts as a drop-in: systemctl edit)"
        )

"""What a stage of the drill is, and what was seen of it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from fleetmesh.evidence.run import ROLLBACK
from rehearsal import access, assets, fleet, host, migration
from rehearsal.drill.commands import COMMANDS
from rehearsal.drill.manager import SYSTEMD, ManagerCommands
from rehearsal.errors import RehearsalError
from rehearsal.faults.fault import Expectation, Turn, fail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.drill.footing import Footing
    from rehearsal.drill.prober import Outage
    from rehearsal.matrix.compare import Cell

OUTAGE = 3.0
"""Seconds that a planned hand-over may leave a service unreachable."""

POD_RESTART_WINDOW = 1
"""Seconds without a restart after which the drill's inventory calls a pod steady."""

UNIT_RESTART_WINDOW = 0.1
"""Seconds after a restart of its own after which it calls a unit steady."""


FLEET_SERVES: dict[str, Turn] = {
    "ROLL-01.up": fail("does not say that"),
    "ROLL-01.path": fail("the path is railiance01 → coulombcore → "),
    "ROLL-02.stopped": fail(".service is active (running)"),
    "ROLL-02.boot": fail(".service is enabled, not disabled"),
    "ROLL-03.ports": fail("is held by the unit"),
}
"""What the checks of a rollback must say while the fleet serves."""


class DoesNotHold(RehearsalError):
    """A stage did not do what it must; the text says what, and where to look."""


class Stage(Expectation):
    """What happens, in one line.

    Every check that the expectation does not name must pass, or be deferred where the inventory
    defers it: those of a rollback, too, which is why a stage on the fleet names some of them.
    `unsettled` names those whose end depends on the moment, with words that stand in the reason
    where they fail.
    """

    turns = FLEET_SERVES
    manager: ClassVar[ManagerCommands] = SYSTEMD
    proves: ClassVar[str] = ""
    """The row of the check catalogue that this stage is."""
    writes: ClassVar[bool] = False
    migrated: ClassVar[bool] = False
    patience: ClassVar[float | None] = None
    """Seconds within which the checks' questions must be done with, where that is in doubt."""
    unsettled: ClassVar[Mapping[str, str]] = {}
    state: ClassVar[str] = ""
    """The state of all that does not hold of the runbook, if it is one: that of what is not yet."""
    expects: ClassVar[str] = "nothing"
    """What it changes on the fleet: an expectation of `fleetmesh diff`, or of `drill/expected`."""
    against: ClassVar[str] = ""
    """The title of the stage that it is compared with, if that is not the one before it."""

    @classmethod
    def inventory(cls, document: dict[str, Any]) -> None:
        """Change the inventory, as plain data, to what is true at this stage."""
        # A reboot restarts pods and units, too, and the drill does not wait ten minutes after it.
        document["limits"]["pod_restart_window"] = POD_RESTART_WINDOW
        document["limits"]["unit_restart_window"] = UNIT_RESTART_WINDOW
        cls.manager.managed(document)
        if cls.migrated:
            migration.migrated(document)

    def act(self, seen: Seen) -> None:
        """Make it happen. Raises RehearsalError."""
        raise NotImplementedError

    @classmethod
    def deferred(cls) -> frozenset[str]:
        """The ids of the checks that the inventory defers here."""
        done = {"PRE-09.certificate", "PROD-14.certificate"} if cls.migrated else set()
        if cls.writes:
            done |= {"PROD-11.event", "PROD-12.run"}
        return frozenset(fleet.inventory().deferrals.keys() - done - cls.manager.settles)

    @classmethod
    def title(cls) -> str:
        """The stage's name: RebootRailiance01 → reboot-railiance01."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower()

    @classmethod
    def what(cls) -> str:
        """What happens, in one line."""
        return " ".join((cls.__doc__ or "").split())


@dataclass(frozen=True)
class Ran:
    """A command of the runbook as it was run."""

    text: str
    host: str
    exit_status: int
    output: str
    seconds: float


@dataclass(frozen=True)
class Measured:
    """A time that was measured, what of, and how long it may be where that is bounded."""

    what: str
    seconds: float
    bound: float | None = None

    @property
    def holds(self) -> bool:
        """Whether it keeps within its bound."""
        return self.bound is None or self.seconds < self.bound


@dataclass
class Seen:
    """A stage, and everything that was seen of it."""

    stage: Stage
    folder: str
    at_first: Footing = field(default_factory=dict, repr=False)
    """What the machines stood on when the drill began."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    begin: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    ran: list[Ran] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    trouble: str = ""
    changed: int = 0
    """How much has changed since the stage before, as it was expected to."""
    unexpected: list[str] = field(default_factory=list)
    """What of the fleet is otherwise than expected."""
    verdict: str = ""
    """What a run of all checks amounts to here: READY, NOT READY, INCONCLUSIVE."""
    rollback: str = ""
    """The same of those that hold after a rollback."""

    @property
    def problems(self) -> list[str]:
        """Everything for which the stage does not hold."""
        wrong = [f"{cell.check}: {cell.problem}" for cell in self.cells if cell.problem]
        late = [
            f"{one.what}: {one.seconds:.2f} s, not under {one.bound:g} s"
            for one in self.measured
            if not one.holds
        ]
        wrong += [
            f"{cell.check}: its state is {cell.judged.state}, not {self.stage.state}"
            for cell in self.cells
            if self.stage.state and cell.judged.phase != ROLLBACK
            if cell.judged.state not in ("", self.stage.state)
        ]
        return [*([self.trouble] if self.trouble else []), *late, *wrong, *self.unexpected]

    @property
    def judged(self) -> bool:
        """Whether the checks have looked at it."""
        return bool(self.cells)

    def runbook(self, name: str, *, check: bool = True, deadline: float = 60) -> Ran:
        """Run a command of the runbook, or the manager's in its place, where it is to be typed.

        Raises DoesNotHold where it fails, unless `check` is off.
        """
        command = COMMANDS[name]
        text = self.stage.manager.instead.get(name) or command.meant or command.text
        ours = assets.exchange(text, fleet.inventory())
        return self.run(command.host, ours, check=check, deadline=deadline)

    def run(self, where: str, text: str, *, check: bool = True, deadline: float = 60) -> Ran:
        """Run a command by ssh as the operator does. Raises DoesNotHold where it fails."""
        begin = time.monotonic()
        typed = f"cd ~/the-custodian && {text}" if "infra/fleet-mesh/" in text else text
        done = host.run([*access.command(where, "-T"), typed], deadline=deadline, check=False)
        output = (done.stdout + done.stderr).strip()
        ran = Ran(text, where, done.returncode, output, time.monotonic() - begin)
        self.ran.append(ran)
        if check and done.returncode != 0:
            raise DoesNotHold(f"on {where}: {text}: exit status {done.returncode}: {output}")
        return ran

    def expect(self, condition: object, otherwise: str) -> None:
        """Raise DoesNotHold, with these words, unless the condition holds."""
        if not condition:
            raise DoesNotHold(otherwise)

    def interrupted(self, outages: list[Outage], bound: float | None = OUTAGE) -> None:
        """Note how long each service was unreachable, and how long it may be."""
        self.outages += outages
        if bound is not None:
            self.measured += [
                Measured(f"outage of {outage.service}", outage.seconds, bound) for outage in outages
            ]

    def plain(self, since: float) -> dict[str, Any]:
        """All of it, for programs; its place in time from `since`, of the monotonic clock."""
        return {
            "stage": self.stage.title(),
            "what": self.stage.what(),
            "proves": self.stage.proves,
            "folder": self.folder,
            "started": self.started.isoformat(timespec="milliseconds"),
            "begin": round(self.begin - since, 3),
            "seconds": round(self.seconds, 3),
            "holds": self.judged and not self.problems,
            "verdict": self.verdict,
            "rollback": self.rollback,
            "problems": self.problems,
            "expects": self.stage.expects,
            "changed": self.changed,
            "unexpected": self.unexpected,
            "commands": [vars(ran) | {"seconds": round(ran.seconds, 3)} for ran in self.ran],
            "outages": [
                vars(one)
                | {"begin": round(one.begin - self.begin, 3), "seconds": round(one.seconds, 3)}
                for one in self.outages
            ],
            "measured": [
                vars(one) | {"seconds": round(one.seconds, 3), "holds": one.holds}
                for one in self.measured
            ],
            "findings": self.findings,
            "checks": [
                {
                    "check": cell.check,
                    "id": cell.judged.id,
                    "phase": cell.judged.phase,
                    "outcome": cell.judged.outcome,
                    "reason": cell.judged.reason,
                    "state": cell.judged.state,
                    "expected": cell.expected.outcome,
                    "problem": cell.problem,
                }
                for cell in self.cells
            ],
        }

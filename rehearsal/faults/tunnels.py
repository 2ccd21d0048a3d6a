"""What becomes of the fleet's tunnels while they run."""

from __future__ import annotations

from rehearsal.faults.fault import Fault, fail, inconclusive, warn
from rehearsal.faults.identity import pinned
from rehearsal.faults.keys import logs_in
from rehearsal.faults.means import HUB, RAILIANCE, UNITS, restore_unit, units, user
from rehearsal.faults.rewritten import (
    DOWN,
    STAYS_DEAD,
    Rewritten,
    next_start,
    rewrite,
    until_listening,
    until_unready,
)

INSTALLED = "CUT-01.installed"
STEADY = f"CUT-04.steady[{HUB}]"
SHOW = f"systemctl --user show {HUB} --value -p"


class UnitStopped(Fault):
    """Somebody stopped a fleet unit and forgot it."""

    turns = DOWN | {STEADY: fail("is inactive (dead), result success, after 0 restarts")}

    def inject(self) -> None:
        units("stop", HUB)
        until_unready()

    def heal(self) -> None:
        units("start", HUB)


class UnitFailed(Rewritten):
    """A fleet unit that nothing restarts has lost its ssh."""

    turns = DOWN | {
        INSTALLED: fail("-Restart=always; +Restart=no"),
        STEADY: fail("is failed (failed), result signal"),
        STAYS_DEAD: fail("stays dead: Restart=no"),
    }
    change = "s/^Restart=always/Restart=no/"

    def inject(self) -> None:
        super().inject()
        units("kill -s KILL", HUB)
        until_unready()


class UnitCrashLoops(Fault):
    """A fleet unit ends as soon as it is started, and is tried again after ever longer pauses."""

    turns = DOWN | {
        INSTALLED: fail("-o NoSuchOption=yes"),
        STEADY: fail("is activating (auto-restart), result exit-code, after"),
        f"PROD-13.restarts[{HUB}]": warn("times, more than 3"),
        **next_start(fail("it would not start: command-line: line 0: Bad configuration"), HUB),
        **logs_in(fail("Bad configuration option: nosuchoption")),
        **pinned(inconclusive("Bad configuration option: nosuchoption")),
    }

    def inject(self) -> None:
        pause = "s/^RestartSec=.*/RestartSec={}/"
        rewrite(HUB, f"s/-o BatchMode=yes/-o NoSuchOption=yes &/; {pause.format('20ms')}")
        until_unready()
        wait = f"until [ $({SHOW} NRestarts) -gt 3 ]; do sleep 0.1; done"
        user(RAILIANCE, f"timeout 8 sh -c '{wait}'; "
                        f"sed -i '{pause.format('60s')}' {UNITS}/{HUB}.service; "
                        "systemctl --user daemon-reload; sleep 0.5")  # fmt: skip

    def heal(self) -> None:
        restore_unit(HUB)


class UnitFlaps(Fault):
    """A fleet unit is up, but has lost its ssh again and again."""

    turns = {
        INSTALLED: fail("-RestartSec=2; +RestartSec=20ms"),
        STEADY: fail("s ago, restarts so far: 4; it is steady after 30 s"),
        f"PROD-13.restarts[{HUB}]": warn("restarted 4 times, more than 3"),
    }

    def inject(self) -> None:
        rewrite(HUB, "s/^RestartSec=2/RestartSec=20ms/")
        for count in range(1, 5):
            units("kill -s KILL", HUB)
            wait = f"until [ $({SHOW} NRestarts) -ge {count} ]; do sleep 0.02; done"
            user(RAILIANCE, f"timeout 5 sh -c '{wait}'")
        until_listening(HUB)

    def heal(self) -> None:
        restore_unit(HUB)


class UnitCaughtBetweenTwoEnds(Fault):
    """A fleet unit has lost its ssh a moment ago, and is up again for now."""

    turns = {STEADY: fail("s ago, restarts so far: 1; it is steady after 30 s")}

    def inject(self) -> None:
        units("kill -s KILL", HUB)
        wait = f"until [ $({SHOW} NRestarts) -ge 1 ]; do sleep 0.02; done"
        user(RAILIANCE, f"timeout 5 sh -c '{wait}'")
        until_listening(HUB)

    def heal(self) -> None:
        units("restart", HUB)

"""The fleet's units: down, unsteady, or not holding their ports."""

from __future__ import annotations

from rehearsal import fleet
from rehearsal.faults.bases import Managed, Rewritten, Rogue
from rehearsal.faults.clusters import until_unready
from rehearsal.faults.fault import Fault, Turn, fail, inconclusive, warn
from rehearsal.faults.machines import (
    HUB,
    HUB_BRIDGE,
    HUB_FILE,
    HUB_RETIRED,
    RAILIANCE,
    SHOW,
    restore_unit,
    rewrite,
    root,
    units,
    until_listening,
    user,
)
from rehearsal.faults.production.workstation import ListenerOfSystemService
from rehearsal.faults.symptoms import (
    DOWN,
    HELD,
    INSTALLED,
    PATH,
    RUNNING,
    STAYS_DEAD,
    STEADY,
    logs_in,
    next_start,
    pinned,
    unanswered,
)


class UnitStopped(Fault):
    """Somebody stopped a fleet unit and forgot it."""

    shows = ("Active: inactive (dead)",)
    turns = DOWN | {STEADY: fail("is inactive (dead), result success, after 0 restarts")}

    def inject(self) -> None:
        units("stop", HUB)
        until_unready()

    def heal(self) -> None:
        units("start", HUB)


class UnitFailed(Rewritten):
    """A fleet unit that nothing restarts has lost its ssh."""

    shows = ("Main process exited, code=killed",)
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

    shows = ("Bad configuration option: nosuchoption",)
    turns = DOWN | {
        INSTALLED: fail("-o NoSuchOption=yes"),
        STEADY: fail("is activating (auto-restart), result exit-code, after"),
        f"PROD-13.restarts[{HUB}]": warn("times, more than 3"),
        **next_start(fail("it would not start: command-line: line 0: Bad configuration"), HUB),
        **logs_in(fail("Bad configuration option: nosuchoption")),
        **pinned(inconclusive("Bad configuration option: nosuchoption")),
        **unanswered(RAILIANCE, "Bad configuration option: nosuchoption"),
    }

    def inject(self) -> None:
        pause = "s/^RestartSec=.*/RestartSec={}/"
        rewrite(HUB, f"s/-o BatchMode=yes/-o NoSuchOption=yes &/; {pause.format('20ms')}")
        until_unready()
        wait = f"until [ $({SHOW} NRestarts) -gt 3 ]; do sleep 0.1; done"
        user(RAILIANCE, f"timeout 8 sh -c '{wait}'; "
                        f"sed -i '{pause.format('60s')}' {HUB_FILE}; "
                        "systemctl --user daemon-reload; sleep 0.5")  # fmt: skip

    def heal(self) -> None:
        restore_unit(HUB)


class UnitCaughtBetweenTwoEnds(Fault):
    """A fleet unit has lost its ssh a moment ago, and is up again for now."""

    shows = ("Main process exited, code=killed",)
    turns = {STEADY: fail("Z, restarts so far: 1; steady from ")}

    def inject(self) -> None:
        units("kill -s KILL", HUB)
        wait = f"until [ $({SHOW} NRestarts) -ge 1 ]; do sleep 0.02; done"
        user(RAILIANCE, f"timeout 5 sh -c '{wait}'")
        until_listening(HUB)

    def heal(self) -> None:
        units("restart", HUB)


class UnitNotInstalled(Fault):
    """A fleet unit was removed from railiance01."""

    shows = ("Unit fleet-state-hub-coulombcore.service could not be found",)
    turns = DOWN | {
        "CUT-01.installed": fail(f"{HUB}.service is not installed"),
        f"CUT-02.loaded[{HUB}]": fail(f"{HUB}.service is not-found"),
        f"CUT-04.steady[{HUB}]": fail(f"{HUB}.service is not installed"),
        f"CUT-08.stop[{HUB}]": warn(f"{HUB}.service is not-found"),
        f"PROD-08.enabled[{HUB}]": fail("is not-found, and only `enabled` survives"),
        f"PROD-13.restarts[{HUB}]": warn(f"{HUB}.service is not-found"),
        STAYS_DEAD: fail("stays dead: Restart=no"),
    }

    def inject(self) -> None:
        units("--quiet disable --now", HUB)
        user(RAILIANCE, f"mv {HUB_FILE} ~/{HUB}.kept; systemctl --user daemon-reload")
        until_unready()

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/{HUB}.kept {HUB_FILE}; systemctl --user daemon-reload")
        units("--quiet enable --now", HUB)


class _OnProductionPort(Rogue):
    """The fleet unit is stopped, and its port held from the workstation by something else."""

    port = 18000

    def inject(self) -> None:
        units("stop", HUB)
        super().inject()

    def heal(self) -> None:
        super().heal()
        units("start", HUB)


def _held(origin: str) -> dict[str, Turn]:
    return {
        f"CUT-04.steady[{HUB}]": fail("is inactive (dead)"),
        f"CUT-05.port[{HUB}]": fail(f"from {origin}"),
        f"CUT-07.forwards[{HUB}]": fail("runs no ssh"),
        f"PROD-04.path[{HUB}]": fail(f"from {origin}"),
        f"PROD-04.from-pod[{HUB_BRIDGE}]": fail(f"from {origin}"),
        f"PROD-09.same-after-reboot[{HUB}]": fail("runs no ssh"),
        "PROD-05.ports[railiance01]": fail(f"from {origin}"),
        f"CUT-03.down[{HUB_RETIRED}]": fail("carries it: ssh -N"),
        "PROD-06.interactive": fail("a reverse tunnel runs, process"),
    }


class ReverseTunnelWithoutBridge(_OnProductionPort):
    """A plain ssh -R holds a production port, and `bridge` says that all is down."""

    shows = ("/session-", "Active: inactive (dead)")
    ssh = "-R 127.0.0.1:18000:127.0.0.1:8000 railiance01"
    turns = {
        **_held("workstation"),
        f"CUT-03.no-connection[{HUB_RETIRED}]": fail("from workstation"),
        "PROD-06.listeners[railiance01]": fail("127.0.0.1:18000 is held by"),
    }


class ReverseTunnelThroughJumpHost(_OnProductionPort):
    """A reverse tunnel from the workstation jumps over coulombcore, from where it seems to come."""

    shows = ("/session-", "Active: inactive (dead)")
    ssh = "-J coulombcore -R 127.0.0.1:18000:127.0.0.1:8000 railiance01"
    turns = {
        **_held("coulombcore"),
        f"PRE-11.listen-address[{HUB}]": fail("from coulombcore"),
        f"CUT-03.no-connection[{HUB_RETIRED}]": fail("from coulombcore"),
    }


class ProductionPortOfNobodyKnown(ListenerOfSystemService):
    """Such a service holds State Hub's port while its fleet unit is stopped."""

    shows = ("/system.slice/odd.service", "Active: inactive (dead)")
    port = 18000
    turns = DOWN | {
        f"PRE-11.listen-address[{HUB}]": inconclusive("a log-in's or not, nothing tells"),
        f"CUT-03.no-connection[{HUB_RETIRED}]": inconclusive("a log-in's or not"),
        "PROD-05.ports[railiance01]": inconclusive(
            "127.0.0.1:18000 is held by the system's unit odd.service as uid 1000: a log-in's"
        ),
        "PROD-06.listeners[railiance01]": inconclusive("a log-in's or not"),
        STEADY: fail("is inactive (dead)"),
        HELD: fail("is held by the system's unit odd.service"),
        RUNNING: fail("runs no ssh"),
        f"CUT-06.healthy[{HUB}]": fail("no complete answer within"),
        PATH: fail("no complete answer within"),
    }
    deadlines = {"http": 1}

    def inject(self) -> None:
        units("stop", HUB)
        super().inject()
        until_unready()

    def heal(self) -> None:
        super().heal()
        units("start", HUB)


class BridgeTunnelDown(Managed):
    """Somebody has taken one tunnel down; the unit of ops-bridge runs on."""

    turns = DOWN | {f"CUT-04.steady[{HUB}]": fail(f"says that {HUB} is down")}

    def inject(self) -> None:
        user(RAILIANCE, f"bridge down {HUB}")
        until_unready()


class StrangerForgesAnswers(Fault):
    """Another local user of railiance01 reads whatever /proc shows him, for the suite's nonce.

    Where he finds it, his own arguments, which the suite lists as those of an ssh, say in its name
    that nothing listens and nothing runs.
    """

    harmless_to = "CUT-05.port"
    file = "/run/forger.py"
    program = r"""
import glob, os, re, sys
while True:
    for file in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
        try:
            found = re.search(rb"fleetmesh-[0-9a-f]{16}", open(file, "rb").read())
        except OSError:
            continue
        if found:
            n = found[0].decode()
            lines = "".join(f"\n{n} begin {i} 1.0\n\n{n} end {i} 1.0 0\n" for i in range(40))
            named = "import time; open('/proc/self/comm', 'w').write('ssh'); time.sleep(600)"
            os.execv(sys.executable, ["ssh", "-c", named, lines])
"""

    def inject(self) -> None:
        fleet.machine(RAILIANCE).run(["tee", self.file], stdin=self.program)
        root(RAILIANCE, f"chmod 755 {self.file}; systemd-run -q --unit=forger --uid=nobody "
                        f"/usr/bin/python3 {self.file}")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, f"systemctl stop forger; rm {self.file}")

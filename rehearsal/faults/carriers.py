"""State Hub's production port answers, but another than its own unit carries it, or elsewhere."""

from __future__ import annotations

from rehearsal import keys, states
from rehearsal.faults.cluster import HUB_BRIDGE
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.identity import pinned
from rehearsal.faults.means import HUB, RAILIANCE, WORKSTATION, restore_unit, root, units, user
from rehearsal.faults.rewritten import (
    DOWN,
    next_start,
    restart,
    rewrite,
    until_listening,
    until_unready,
)

INSTALLED = "CUT-01.installed"
STEADY, HELD = f"CUT-04.steady[{HUB}]", f"CUT-05.port[{HUB}]"
RUNNING = f"CUT-07.forwards[{HUB}]"
PATH = f"PROD-04.path[{HUB}]"
FROM_POD = f"PROD-04.from-pod[{HUB_BRIDGE}]"
RETIRED = "state-hub-railiance01"
BY_HAND = (
    "ssh -N -T -o BatchMode=yes -o IdentitiesOnly=yes -i ~/.ssh/id_ops "
    "-L 127.0.0.1:18000:198.19.43.94:8000 tegwick@198.18.77.12"
)
IDENTITY = "Host 198.18.77.13\n  IdentityFile ~/.ssh/id_ops"
JUMP = f"Host 198.18.77.12\n  ProxyJump tegwick@198.18.77.13\n{IDENTITY}"


class PortTakenByAnotherProgram(Fault):
    """While a fleet unit was stopped, another program took its port."""

    turns = {
        f"PRE-11.listen-address[{HUB}]": fail("is held by the unit squatter.service"),
        **DOWN,
        STEADY: fail("is inactive (dead)"),
        HELD: fail("127.0.0.1:18000 is held by the unit squatter.service"),
        f"CUT-06.healthy[{HUB}]": fail("answered 404, not 200"),
        PATH: inconclusive("seen 0 times, not once"),  # it closes before anybody can look
    }

    def inject(self) -> None:
        units("stop", HUB)
        user(RAILIANCE, "systemd-run --quiet --user --collect --unit=squatter "
                        "python3 -m http.server --bind 127.0.0.1 18000")  # fmt: skip
        until_unready()

    def heal(self) -> None:
        user(RAILIANCE, "systemctl --user stop squatter")
        units("start", HUB)


class SilentHub(Fault):
    """The retired tunnel is up again and holds the port; the unit stays up without it."""

    turns = {
        PATH: fail("railiance01 → workstation ✕ 127.0.0.1:18000 is held by login session"),
        INSTALLED: fail("ExitOnForwardFailure=no"),
        **next_start(fail("it would have exitonforwardfailure no"), HUB),
        f"CUT-03.down[{RETIRED}]": fail(f"says that {RETIRED} is up"),
        f"CUT-03.no-connection[{RETIRED}]": fail("from workstation"),
        HELD: fail("127.0.0.1:18000 is held by login session"),
        RUNNING: fail("ExitOnForwardFailure=no, not yes"),
        FROM_POD: fail("railiance01 → workstation ✕ 127.0.0.1:18000 is held by login session"),
        "PROD-05.ports[railiance01]": fail("from workstation"),
        "PROD-06.listeners[railiance01]": fail("from workstation"),
        f"PROD-06.retired[{RETIRED}]": fail(f"that {RETIRED} is up"),
        "PROD-06.interactive": fail(f"runs {RETIRED}, which is not on the interactive"),
    }

    def inject(self) -> None:
        units("stop", HUB)
        user(WORKSTATION, f"bridge up {RETIRED}")
        rewrite(HUB, "s/ExitOnForwardFailure=yes/ExitOnForwardFailure=no/")

    def heal(self) -> None:
        user(WORKSTATION, f"bridge down {RETIRED}")
        restore_unit(HUB)


class TunnelStartedByHand(Fault):
    """Somebody logged in and carries a tunnel by hand, beside its unit."""

    turns = {
        PATH: fail("127.0.0.1:18000 is held by login session"),
        f"PRE-11.listen-address[{HUB}]": fail("is held by login session"),
        f"CUT-03.no-connection[{RETIRED}]": fail("still held by login session"),
        STEADY: fail("is inactive (dead)"),
        HELD: fail("127.0.0.1:18000 is held by login session"),
        RUNNING: fail("runs no ssh"),
        FROM_POD: fail("127.0.0.1:18000 is held by login session"),
        "PROD-05.ports[railiance01]": fail("login session"),
        "PROD-06.listeners[railiance01]": inconclusive("no host of the inventory"),
        f"PROD-09.same-after-reboot[{HUB}]": fail("runs no ssh"),
    }

    def inject(self) -> None:
        units("stop", HUB)
        states.on(RAILIANCE, f"nohup {BY_HAND} >/dev/null 2>&1 </dev/null & echo $! >~/by-hand.pid")
        until_listening(HUB)

    def heal(self) -> None:
        user(RAILIANCE, "kill $(cat ~/by-hand.pid); rm ~/by-hand.pid")
        units("start", HUB)


class TunnelInAnotherUnit(Fault):
    """A unit that nobody declared carries State Hub's tunnel instead of its own."""

    turns = {
        PATH: fail("on railiance01 it is carried by the unit mine.service"),
        f"PRE-11.listen-address[{HUB}]": fail("is held by the unit mine.service"),
        STEADY: fail("is inactive (dead)"),
        HELD: fail("127.0.0.1:18000 is held by the unit mine.service"),
        RUNNING: fail("runs no ssh"),
        FROM_POD: fail("on railiance01 it is carried by the unit mine.service"),
        f"PROD-09.same-after-reboot[{HUB}]": fail("runs no ssh"),
    }

    def inject(self) -> None:
        units("stop", HUB)
        user(RAILIANCE, f"systemd-run --quiet --user --collect --unit=mine {BY_HAND}")
        until_listening(HUB)

    def heal(self) -> None:
        user(RAILIANCE, "systemctl --user stop mine")
        units("start", HUB)


class TunnelInSystemUnit(Fault):
    """Somebody installed the unit, under the same name, for the whole system."""

    turns = {
        PATH: fail(f"127.0.0.1:18000 is held by the system's unit {HUB}.service"),
        f"PRE-11.listen-address[{HUB}]": fail(f"held by the system's unit {HUB}.service"),
        STEADY: fail("is inactive (dead)"),
        HELD: fail(f"127.0.0.1:18000 is held by the system's unit {HUB}.service"),
        RUNNING: fail("runs no ssh"),
        FROM_POD: fail(f"127.0.0.1:18000 is held by the system's unit {HUB}.service"),
        f"PROD-09.same-after-reboot[{HUB}]": fail("runs no ssh"),
    }

    def inject(self) -> None:
        units("stop", HUB)
        unit = f"/run/systemd/system/{HUB}.service"
        root(RAILIANCE, f"sed 's|%h|/home/tegwick|; s|^ExecStart=|User=tegwick\\n&|' "
                        f"/home/tegwick/.config/systemd/user/{HUB}.service >{unit} && "
                        f"systemctl daemon-reload && systemctl start {HUB}")  # fmt: skip
        until_listening(HUB)

    def heal(self) -> None:
        root(RAILIANCE, f"systemctl stop {HUB}; rm /run/systemd/system/{HUB}.service; "
                        "systemctl daemon-reload")  # fmt: skip
        units("start", HUB)


class _WorkstationLetsFleetIn(Fault):
    """The fleet identity is authorised on the workstation, and its host key pinned."""

    def inject(self) -> None:
        user(WORKSTATION, "cp -p ~/.ssh/authorized_keys ~/kept; "
                          f"echo '{keys.public(keys.FLEET)}' >>~/.ssh/authorized_keys")  # fmt: skip
        pinned = f"198.18.77.13 {keys.public(keys.host_key(WORKSTATION))}"
        user(RAILIANCE, f"cp -p ~/.ssh/known_hosts ~/kept; echo '{pinned}' >>~/.ssh/known_hosts")

    def heal(self) -> None:
        user(WORKSTATION, "mv ~/kept ~/.ssh/authorized_keys")
        user(RAILIANCE, "mv ~/kept ~/.ssh/known_hosts")


class UnitLeadsToTheWorkstation(_WorkstationLetsFleetIn):
    """A fleet unit goes to the workstation, whose own tunnel leads on: the hub is back."""

    turns = {
        PATH: fail("railiance01 → workstation ✕ workstation is not looked at"),
        INSTALLED: fail("127.0.0.1:18000:127.0.0.1:8000 tegwick@198.18.77.13"),
        **next_start(fail("it would go to 198.18.77.13, not to 198.18.77.12"), HUB),
        **pinned(fail("has another key of coulombcore pinned than the one it offers")),
        RUNNING: fail("127.0.0.1:8000"),
        FROM_POD: fail("railiance01 → workstation ✕ workstation is not looked at"),
    }

    def inject(self) -> None:
        super().inject()
        rewrite(HUB, "s/198.19.43.94:8000 .*/127.0.0.1:8000 tegwick@198.18.77.13/")
        until_listening(HUB)

    def heal(self) -> None:
        restore_unit(HUB)
        super().heal()


class SshConfigJumpsThroughTheWorkstation(_WorkstationLetsFleetIn):
    """Railiance01's ~/.ssh/config sends every ssh to coulombcore over the workstation."""

    turns = {
        PATH: fail("railiance01 → workstation ✕ workstation is not looked at"),
        **next_start(fail("it would go through tegwick@[198.18.77.13]")),
        FROM_POD: fail("railiance01 → workstation ✕ workstation is not looked at"),
    }

    def inject(self) -> None:
        super().inject()
        user(RAILIANCE, f"echo '{JUMP}' >~/.ssh/config")
        restart(HUB)

    def heal(self) -> None:
        user(RAILIANCE, "rm ~/.ssh/config")
        restart(HUB)
        super().heal()


class UnitJumpsThroughTheWorkstation(SshConfigJumpsThroughTheWorkstation):
    """A fleet unit's ssh was told to reach coulombcore over the workstation."""

    turns = {
        PATH: fail("railiance01 → workstation ✕ workstation is not looked at"),
        INSTALLED: fail("-J tegwick@198.18.77.13"),
        **next_start(fail("it would go through tegwick@[198.18.77.13]"), HUB),
        RUNNING: fail("goes through tegwick@198.18.77.13"),
        FROM_POD: fail("railiance01 → workstation ✕ workstation is not looked at"),
    }

    def inject(self) -> None:
        _WorkstationLetsFleetIn.inject(self)
        user(RAILIANCE, f"echo '{IDENTITY}' >~/.ssh/config")
        rewrite(HUB, "s/-L 127/-J tegwick@198.18.77.13 &/")
        until_listening(HUB)

    def heal(self) -> None:
        restore_unit(HUB)
        super().heal()

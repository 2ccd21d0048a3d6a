"""A fleet unit that was rewritten, and what follows where it no longer carries its tunnel."""

from __future__ import annotations

from typing import ClassVar

from rehearsal.faults.cluster import BRIDGES, HUB_BRIDGE, kubectl
from rehearsal.faults.fault import Fault, Turn, fail
from rehearsal.faults.means import (
    HUB,
    ISSUES,
    RAILIANCE,
    edit_unit,
    edited_before,
    restore_unit,
    units,
    user,
)

PORTS = {HUB: 18000, ISSUES: 18765}

UNANSWERED = {
    f"CUT-06.healthy[{HUB}]": fail("not connected"),
    f"PROD-01.pods[{HUB_BRIDGE}]": fail("is 0/1 ready"),
    f"PROD-03.inside[{HUB_BRIDGE}]": fail("does not answer"),
    f"PROD-04.from-pod[{HUB_BRIDGE}]": fail("does not answer"),
    f"PROD-04.path[{HUB}]": fail("not connected"),
}
DOWN = UNANSWERED | {
    f"CUT-05.port[{HUB}]": fail("nobody listens on 127.0.0.1:18000"),
    f"CUT-07.forwards[{HUB}]": fail("runs no ssh"),
    f"PROD-09.same-after-reboot[{HUB}]": fail("runs no ssh"),
}
"""State Hub's tunnel is down, for whatever reason."""


STAYS_DEAD = f"PROD-18.restart[{HUB}]"


def next_start(turn: Turn, name: str | None = None) -> dict[str, Turn]:
    """The checks of what a tunnel's ssh would do, of one tunnel or of all."""
    case = f"[{name}]" if name else ""
    checks = ("CUT-07.settings", "PROD-17.settings")
    return {f"{check}{case}": turn for check in checks}


def doors(where: str) -> dict[str, Turn]:
    """The checks of what else State Hub's unit listens on."""
    turn = fail(f"also listens on {where}")
    return {f"CUT-07.listeners[{HUB}]": turn, f"PROD-17.listeners[{HUB}]": turn}


def restart(*names: str) -> None:
    """Restart fleet units and wait until each has its port."""
    units("restart", *names)
    until_listening(*names)


def until_listening(*names: str) -> None:
    """Wait until somebody listens on the port of each fleet unit of these names."""
    for name in names:
        wait = f'until ss -Htln "sport = :{PORTS[name]}" | grep -q .; do sleep 0.02; done'
        user(RAILIANCE, f"timeout 8 sh -c '{wait}'")


def until_unready(*bridges: str) -> None:
    """Wait until the kubelet has noticed that bridge pods (State Hub's) answer nothing."""
    for bridge in bridges or (HUB_BRIDGE,):
        pods = f"pod -l app.kubernetes.io/name={bridge} --for=condition=Ready=false"
        kubectl(BRIDGES, f"wait --timeout=8s {pods}")


def rewrite(name: str, change: str) -> None:
    """Edit a fleet unit with sed, reload and restart; whether it comes up is another matter."""
    edit_unit(name, change)
    edited_before(name)
    user(RAILIANCE, "systemctl --user daemon-reload")
    units("restart", name)


class Rewritten(Fault):
    """State Hub's unit was edited, reloaded and restarted."""

    change: ClassVar[str]

    def inject(self) -> None:
        rewrite(HUB, self.change)
        until_listening(HUB)

    def heal(self) -> None:
        restore_unit(HUB)

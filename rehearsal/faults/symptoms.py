"""The checks by which several faults show, and what these make of them."""

from __future__ import annotations

from rehearsal.faults.fault import Turn, fail, inconclusive, passes
from rehearsal.faults.machines import HUB, HUB_BRIDGE, RAILIANCE

INSTALLED = "CUT-01.installed"
STEADY, HELD = f"CUT-04.steady[{HUB}]", f"CUT-05.port[{HUB}]"
RUNNING = f"CUT-07.forwards[{HUB}]"
PATH = f"PROD-04.path[{HUB}]"
FROM_POD = f"PROD-04.from-pod[{HUB_BRIDGE}]"
INSIDE = f"PROD-03.inside[{HUB_BRIDGE}]"
AT_ITS_ADDRESS = "PRE-07.healthy[state-hub]"
THROUGH_THE_TUNNEL = f"CUT-06.healthy[{HUB}]"
READY = f"PROD-01.pods[{HUB_BRIDGE}]"
LEADS = f"PROD-02.upstream[{HUB_BRIDGE}]"
LED = f"PROD-02.service[{HUB_BRIDGE}]"
UNNAMED = "PROD-16.workstation-unnamed"
NO_ANSWER = fail("asked from inside, actcore-state-hub-bridge does not answer")
OWN = "PROD-15.endpoints[state-hub]"
STAYS_DEAD = f"PROD-18.restart[{HUB}]"
ENABLED = f"PROD-08.enabled[{HUB}]"
ONLY = "PROD-06.interactive"
UNANSWERED = {
    f"CUT-06.healthy[{HUB}]": fail("not connected"),
    f"PROD-01.pods[{HUB_BRIDGE}]": fail("is 0/1 ready"),
    f"PROD-03.inside[{HUB_BRIDGE}]": fail("does not answer"),
    f"PROD-04.from-pod[{HUB_BRIDGE}]": fail("does not answer"),
    f"PROD-04.path[{HUB}]": fail("not connected"),
}
DOWN = {
    f"CUT-05.port[{HUB}]": fail("nobody listens on 127.0.0.1:18000"),
    f"CUT-07.forwards[{HUB}]": fail("runs no ssh"),
    f"PROD-09.same-after-reboot[{HUB}]": fail("runs no ssh"),
    **UNANSWERED,
}
"""State Hub's tunnel is down, for whatever reason."""


def next_start(turn: Turn, name: str | None = None) -> dict[str, Turn]:
    """The checks of what a tunnel's ssh would do, of one tunnel or of all."""
    case = f"[{name}]" if name else ""
    checks = ("CUT-07.settings", "PROD-17.settings")
    return {f"{check}{case}": turn for check in checks}


def unanswered(host: str, words: str) -> dict[str, Turn]:
    """The check that a host answers every question, of one that does not answer some."""
    return {f"PRE-14.answerable[{host}]": fail(words)}


def doors(where: str) -> dict[str, Turn]:
    """The checks of what else State Hub's unit listens on."""
    turn = fail(f"also listens on {where}")
    return {f"CUT-07.listeners[{HUB}]": turn, f"PROD-17.listeners[{HUB}]": turn}


def logs_in(turn: Turn) -> dict[str, Turn]:
    """The checks that log in as the tunnels do, before and after the cutover."""
    return {"PRE-03.login": turn, "PROD-17.login": turn}


def private(words: str) -> dict[str, Turn]:
    """The checks of the key's file, before and after the cutover."""
    turn = fail(words)
    return {"PRE-04.private-key": turn, "PROD-17.key": turn}


def pinned(turn: Turn) -> dict[str, Turn]:
    """The checks of the pinned host key, before and after the cutover."""
    return {"PRE-05.host-key": turn, "PROD-17.host-key": turn}


NOT_VERIFIED = logs_in(fail("Host key verification failed"))


def everywhere(turn: Turn) -> dict[str, Turn]:
    """The turns of a cluster from whose inside nothing can be asked."""
    return {
        "PROD-03.inside": turn,
        "PROD-04.from-pod": turn,
    }


def blind(words: str, kubectl: str) -> dict[str, Turn]:
    """The turns of a cluster of the bridges that cannot be asked."""
    return {
        "PRE-10.kubectl": fail(kubectl),
        "PROD-01.pods": inconclusive(words),
        "PROD-02.upstream": inconclusive(words),
        "PROD-02.service": inconclusive(words),
        "PROD-03.inside": inconclusive(words),
        "PROD-04.from-pod": inconclusive(words),
        "PRE-13.cluster": inconclusive(words),
        "PROD-16.workstation-unnamed": inconclusive(words),
        **unanswered(RAILIANCE, words),
    }


# What cannot be known without the user's systemd, and without sockets and log-ins.
OF_UNITS = (
    "PROD-10.few-units",
    "CUT-08.stop",
    "PROD-09.same-after-reboot",
    "CUT-07.forwards",
    "CUT-02.loaded",
    "PROD-08.enabled",
    "CUT-04.steady",
    "PROD-13.restarts",
    "PROD-18.order",
    "PROD-18.restart",
    "PROD-18.undisturbed",
    "PROD-18.user-manager",
    *next_start(passes()),
    *pinned(passes()),
)
OF_SESSIONS = (
    "PRE-11.listen-address",
    "CUT-03.no-connection",
    "CUT-05.port",
    "PROD-04.path",
    "PROD-04.from-pod",
    "PROD-05.ports[railiance01]",
    "PROD-06.listeners[railiance01]",
    "CUT-07.listeners",
    "PROD-17.listeners",
)

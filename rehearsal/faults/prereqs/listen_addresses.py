"""The address on which a tunnel is to listen is taken."""

from __future__ import annotations

from rehearsal.faults.clusters import until_unready
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import HUB, RAILIANCE, units, user
from rehearsal.faults.symptoms import DOWN, HELD, PATH, STEADY


class PortTakenByAnotherProgram(Fault):
    """While a fleet unit was stopped, another program took its port."""

    shows = ('(("python3",', "Active: inactive (dead)")
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

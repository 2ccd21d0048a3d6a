"""Two services that say the same, so that only the way of a request tells them apart."""

from __future__ import annotations

from rehearsal.faults.bases import Says
from rehearsal.faults.fault import fail
from rehearsal.faults.machines import HUB, ISSUES, restore_unit, rewrite, until_listening
from rehearsal.faults.symptoms import INSTALLED


class ServicesAlike(Says):
    """Both services say the same, and the inventory expects no more."""

    harmless_to = "CUT-06.healthy"
    services = ("state-hub", "issue-core")
    health = {"text": "well"}


class ServicesAlikeAndSwapped(ServicesAlike):
    """Both services say the same, and each tunnel leads to the other's."""

    harmless_to = ""
    turns = {
        "CUT-06.healthy": fail("answers, not "),
        INSTALLED: fail("differs from"),
        "CUT-07.forwards": fail("forwards"),
        "CUT-07.settings": fail("it would forward"),
        "PROD-17.settings": fail("it would forward"),
        "PROD-03.inside": fail("answers, not "),
        "PROD-04.path": fail("the path is railiance01 → coulombcore → 198.19.43."),
        "PROD-04.from-pod": fail("→ 198.19.43."),
    }

    def inject(self) -> None:
        super().inject()
        rewrite(HUB, "s/198.19.43.94:8000/198.19.43.154:8765/")
        rewrite(ISSUES, "s/198.19.43.154:8765/198.19.43.94:8000/")
        until_listening(HUB, ISSUES)

    def heal(self) -> None:
        restore_unit(HUB)
        restore_unit(ISSUES)
        super().heal()

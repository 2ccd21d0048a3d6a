"""Applications whose pods have no Python: something else in them asks."""

from __future__ import annotations

from rehearsal.faults.bases import AskedBy
from rehearsal.faults.fault import inconclusive
from rehearsal.faults.machines import RAILIANCE


class AskedByCurl(AskedBy):
    """curl asks in the application's pod."""

    harmless_to = "PROD-04.from-pod"
    program = "curl"
    since = {RAILIANCE: "bookworm"}  # Debian 11's closes its connection too soon to be seen


class AskedByNc(AskedBy):
    """nc asks in the application's pod."""

    harmless_to = "PROD-04.from-pod"
    program = "nc"


class AskedByWget(AskedBy):
    """wget asks in the application's pod, and tells nothing of its connection."""

    program = "wget"
    since = {RAILIANCE: "trixie"}  # BusyBox's crashes on Debian 11 and 12
    turns = {"PROD-04.from-pod": inconclusive("tells neither its socket nor its bytes")}

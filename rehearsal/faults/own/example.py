"""What the example of a check of your own notices."""

from __future__ import annotations

from rehearsal.faults.bases import FilesAdded, Own
from rehearsal.faults.fault import warn
from rehearsal.faults.machines import COULOMB


class RebootPending(FilesAdded):
    """An upgrade of coulombcore's kernel waits for a reboot."""

    ground = Own
    turns = {"OWN-01.no-reboot-pending[coulombcore]": warn("coulombcore asks for a reboot")}
    host = COULOMB
    files = {
        "/run/reboot-required": "*** System restart required ***\n",
        "/run/reboot-required.pkgs": "linux-image-amd64\n",
    }

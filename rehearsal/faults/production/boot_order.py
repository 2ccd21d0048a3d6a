"""Other units that a boot starts before a tunnel, against it, or on its port."""

from __future__ import annotations

from rehearsal.faults.bases import FilesAdded, Rewritten
from rehearsal.faults.fault import fail
from rehearsal.faults.machines import HUB, RAILIANCE, UNITS, WANTED, user

ORDER = f"PROD-18.order[{HUB}]"


class AnotherUnitBeforeTheTunnel(FilesAdded):
    """Another unit of the user must be done before a fleet unit starts, and may never be."""

    turns = {ORDER: fail(f"{HUB}.service waits until greet.service is done")}
    host, enabled = RAILIANCE, "greet"
    service = "[Service]\nType=oneshot\nExecStart=/usr/bin/ping -c 1 workstation\n"
    files = {f"{UNITS}/greet.service": f"[Unit]\nBefore={HUB}.service\n{service}{WANTED}"}


class AnotherUnitAgainstTheTunnel(FilesAdded):
    """Another unit of the user conflicts with a fleet unit: the later one stops the other."""

    turns = {ORDER: fail("and rival.service stop each other")}
    host, enabled = RAILIANCE, "rival"
    service = "[Service]\nExecStart=/usr/bin/sleep 1d\n"
    files = {f"{UNITS}/rival.service": f"[Unit]\nConflicts={HUB}.service\n{service}{WANTED}"}


def _second(command: str) -> dict[str, str]:
    """A unit of the user that starts another program."""
    return {f"{UNITS}/second.service": f"[Service]\nExecStart={command}\n{WANTED}"}


class AnotherUnitTakesThePort(FilesAdded):
    """Another enabled unit, which does not run now, would listen where a fleet unit does."""

    turns = {ORDER: fail("second.service would take 127.0.0.1:18000 at boot")}
    host, enabled = RAILIANCE, "second"
    files = _second("/usr/bin/ssh -N -L 127.0.0.1:18000:127.0.0.1:8000 workstation")


class AnotherUnitTakesThePortEverywhere(AnotherUnitTakesThePort):
    """Another enabled unit would listen on the port of a fleet unit, on every address."""

    files = _second("/usr/bin/ssh -N -L *:18000:127.0.0.1:8000 workstation")


class AnotherUnitTakesThePortByShell(AnotherUnitTakesThePort):
    """Another enabled unit has a shell start an ssh that would listen where a fleet unit does."""

    ssh = "ssh -N -L 127.0.0.1:18000:127.0.0.1:8000 workstation"
    files = _second(f'/bin/sh -c "exec {ssh}"')


class AnotherUnitRelaysThePort(FilesAdded):
    """A unit without [Install], which a target pulls in, would relay the port of a fleet unit."""

    turns = AnotherUnitTakesThePort.turns
    host = RAILIANCE
    socat = "/usr/bin/socat TCP-LISTEN:18000,fork TCP:workstation:8000"
    files = {f"{UNITS}/second.service": f"[Service]\nExecStart={socat}\n"}

    def inject(self) -> None:
        super().inject()
        user(RAILIANCE, "systemctl --user add-wants default.target second")

    def heal(self) -> None:
        user(RAILIANCE, f"rm {UNITS}/default.target.wants/second.service")
        super().heal()


class AnotherUnitAsksThroughThePort(FilesAdded):
    """Another enabled unit asks through a fleet unit's port and sends on what it hears."""

    harmless_to = "PROD-18.order"
    host, enabled = RAILIANCE, "watch"
    files = {
        f"{UNITS}/watch.service": "[Service]\nType=oneshot\n"
        "ExecStart=/usr/bin/curl http://127.0.0.1:18000/state/health\n"
        f"ExecStart=/usr/bin/socat TCP:127.0.0.1:18000 TCP-LISTEN:18001\n{WANTED}"
    }


class SocketUnitTakesThePort(FilesAdded):
    """A socket unit of railiance01's system is enabled and takes a tunnel's port at boot."""

    turns = {ORDER: fail("early.socket would take 127.0.0.1:18000 at boot")}
    host, enabled = RAILIANCE, "early.socket"
    socket = "[Socket]\nListenStream=127.0.0.1:18000\nAccept=yes\n"
    files = {
        "/etc/systemd/system/early.socket": f"{socket}[Install]\nWantedBy=sockets.target\n",
        "/etc/systemd/system/early@.service": "[Service]\nExecStart=/usr/bin/cat\n",
    }


class TunnelNeedsAnotherUnit(Rewritten):
    """A fleet unit does not start where another unit of the user cannot."""

    turns = {
        ORDER: fail("does not start without dbus.service"),
        "CUT-01.installed[railiance01]": fail("differs from"),
    }
    change = "s/^\\[Unit\\]/&\\nRequires=dbus.service/"

"""Other units that a boot starts before a tunnel, against it, or on its port."""

from __future__ import annotations

from rehearsal.faults.fault import Fault, fail
from rehearsal.faults.machines import (
    HUB,
    RAILIANCE,
    RELOAD,
    UNITS,
    edit_unit,
    restore_unit,
    root,
    user,
)


class _AnotherUnit(Fault):
    """Another unit of the user is enabled; it does not run."""

    name, text = "", ""
    wanted = "[Install]\\nWantedBy=default.target\\n"

    def inject(self) -> None:
        user(RAILIANCE, f"printf '{self.text}{self.wanted}' >{UNITS}/{self.name}.service; "
                        f"systemctl --user enable {self.name}")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, f"systemctl --user disable {self.name}; rm {UNITS}/{self.name}.service; "
                        "systemctl --user daemon-reload")  # fmt: skip


class AnotherUnitBeforeTheTunnel(_AnotherUnit):
    """Another unit of the user must be done before a fleet unit starts, and may never be."""

    turns = {f"PROD-18.order[{HUB}]": fail(f"{HUB}.service waits until greet.service is done")}
    name = "greet"
    text = (
        f"[Unit]\\nBefore={HUB}.service\\n[Service]\\nType=oneshot\\n"
        "ExecStart=/usr/bin/ping -c 1 workstation\\n"
    )


class AnotherUnitAgainstTheTunnel(_AnotherUnit):
    """Another unit of the user conflicts with a fleet unit: the later one stops the other."""

    turns = {f"PROD-18.order[{HUB}]": fail("and rival.service stop each other")}
    name = "rival"
    text = f"[Unit]\\nConflicts={HUB}.service\\n[Service]\\nExecStart=/usr/bin/sleep 1d\\n"


class AnotherUnitTakesThePort(_AnotherUnit):
    """Another enabled unit, which does not run now, would listen where a fleet unit does."""

    turns = {f"PROD-18.order[{HUB}]": fail("second.service would take 127.0.0.1:18000 at boot")}
    name = "second"
    text = "[Service]\\nExecStart=/usr/bin/ssh -N -L 127.0.0.1:18000:127.0.0.1:8000 workstation\\n"


class AnotherUnitTakesThePortEverywhere(_AnotherUnit):
    """Another enabled unit would listen on the port of a fleet unit, on every address."""

    turns = AnotherUnitTakesThePort.turns
    name = "second"
    text = "[Service]\\nExecStart=/usr/bin/ssh -N -L *:18000:127.0.0.1:8000 workstation\\n"


class AnotherUnitTakesThePortByShell(_AnotherUnit):
    """Another enabled unit has a shell start an ssh that would listen where a fleet unit does."""

    turns = AnotherUnitTakesThePort.turns
    name = "second"
    text = (
        "[Service]\\nExecStart=/bin/sh -c "
        '"exec ssh -N -L 127.0.0.1:18000:127.0.0.1:8000 workstation"\\n'
    )


class AnotherUnitRelaysThePort(Fault):
    """A unit without [Install], which a target pulls in, would relay the port of a fleet unit."""

    turns = AnotherUnitTakesThePort.turns
    text = "[Service]\\nExecStart=/usr/bin/socat TCP-LISTEN:18000,fork TCP:workstation:8000\\n"

    def inject(self) -> None:
        user(RAILIANCE, f"printf '{self.text}' >{UNITS}/second.service; "
                        "systemctl --user add-wants default.target second")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, f"rm {UNITS}/second.service {UNITS}/default.target.wants/second.service; "
                        "systemctl --user daemon-reload")  # fmt: skip


class AnotherUnitAsksThroughThePort(_AnotherUnit):
    """Another enabled unit asks through a fleet unit's port and sends on what it hears."""

    harmless_to = "PROD-18.order"
    name = "watch"
    text = (
        "[Service]\\nExecStart=/usr/bin/curl http://127.0.0.1:18000/state/health\\n"
        "ExecStart=/usr/bin/socat TCP:127.0.0.1:18000 TCP-LISTEN:18001\\nType=oneshot\\n"
    )


class _UnitEdited(Fault):
    """A fleet unit's file is edited, systemd is told, and the unit starts afresh."""

    expression = ""

    def inject(self) -> None:
        edit_unit(HUB, self.expression)
        user(RAILIANCE, f"systemctl --user daemon-reload; systemctl --user restart {HUB}")

    def heal(self) -> None:
        restore_unit(HUB)


class TunnelNeedsAnotherUnit(_UnitEdited):
    """A fleet unit does not start where another unit of the user cannot."""

    turns = {
        f"PROD-18.order[{HUB}]": fail("does not start without dbus.service"),
        "CUT-01.installed[railiance01]": fail("differs from"),
    }
    expression = "s/^\\[Unit\\]/&\\nRequires=dbus.service/"


class SocketUnitTakesThePort(Fault):
    """A socket unit of railiance01's system is enabled and takes a tunnel's port at boot."""

    turns = {f"PROD-18.order[{HUB}]": fail("early.socket would take 127.0.0.1:18000 at boot")}

    def inject(self) -> None:
        units = "/etc/systemd/system"
        root(RAILIANCE, f"printf '[Socket]\\nListenStream=127.0.0.1:18000\\nAccept=yes\\n"
                        f"[Install]\\nWantedBy=sockets.target\\n' >{units}/early.socket; "
                        f"printf '[Service]\\nExecStart=/usr/bin/cat\\n' "
                        f">{units}/early@.service; systemctl enable early.socket")  # fmt: skip

    def heal(self) -> None:
        units = "/etc/systemd/system"
        root(RAILIANCE, "systemctl disable early.socket; "
                        f"rm {units}/early.socket {units}/early@.service; {RELOAD}")  # fmt: skip

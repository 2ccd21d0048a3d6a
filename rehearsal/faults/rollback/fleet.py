"""After a rollback, something of the fleet's tunnels runs still, or would come back."""

from __future__ import annotations

from rehearsal.faults.bases import FilesAdded, RolledBack
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import (
    ADDRESS,
    COULOMB,
    HUB,
    KEY,
    RAILIANCE,
    WANTED,
    units,
    user,
    wait_for,
)

_STOPPED, _BOOT = f"ROLL-02.stopped[{HUB}]", f"ROLL-02.boot[{HUB}]"
_RIVAL, _PORT = f"ROLL-02.no-rival[{HUB}]", f"ROLL-03.ports[{HUB}]"
_SSH = (
    f"/usr/bin/ssh -N -T -o BatchMode=yes -i {KEY} "
    f"-L 127.0.0.1:18000:198.19.43.94:8000 tegwick@{ADDRESS[COULOMB]}"
)


class FleetUnitTriesAgain(Fault):
    """A fleet unit was only disabled, not stopped: it waits for the port, every two seconds."""

    ground = RolledBack
    turns = {_STOPPED: fail(f"{HUB}.service is activating (auto-restart)")}

    def inject(self) -> None:
        # The pause is longer here, so that it is looked at between two attempts.
        user(RAILIANCE, f"mkdir -p ~/.config/systemd/user/{HUB}.service.d; "
                        f"printf '[Service]\\nRestartSec=60\\n' "
                        f">~/.config/systemd/user/{HUB}.service.d/pause.conf; "
                        "systemctl --user daemon-reload")  # fmt: skip
        units("start", HUB)
        state = f"systemctl --user show -p SubState {HUB}"
        wait_for(RAILIANCE, f'[ "$({state})" = SubState=auto-restart ]')

    def heal(self) -> None:
        units("stop", HUB)
        user(RAILIANCE, f"rm -r ~/.config/systemd/user/{HUB}.service.d; "
                        "systemctl --user daemon-reload")  # fmt: skip
        user(RAILIANCE, f"systemctl --user reset-failed {HUB}", check=False)


class FleetTunnelLeftByHand(Fault):
    """An ssh that somebody typed carries a fleet tunnel, without its port as long as it is held."""

    ground = RolledBack
    turns = {_STOPPED: fail("on railiance01 carries it: /usr/bin/ssh -N -T")}

    def inject(self) -> None:
        user(RAILIANCE, f"systemd-run --quiet --user --collect --unit=mine sh -c 'exec {_SSH}'")
        wait_for(RAILIANCE, "pgrep -u $(id -u) -f 18000:198.19.43.94:8000")

    def heal(self) -> None:
        user(RAILIANCE, "systemctl --user stop mine")


class FleetUnitStillEnabled(Fault):
    """The fleet's units were stopped, and one of them not disabled."""

    ground = RolledBack
    turns = {_BOOT: fail(f"{HUB}.service is enabled, not disabled")}

    def inject(self) -> None:
        units("enable", HUB)

    def heal(self) -> None:
        units("disable", HUB)


class FleetUnitPulledIn(FilesAdded):
    """A fleet unit is disabled, and a drop-in of default.target wants it all the same."""

    ground = RolledBack
    turns = {_BOOT: fail(f"default.target pulls {HUB}.service in")}
    host = RAILIANCE
    files = {
        "~/.config/systemd/user/default.target.d/fleet.conf": f"[Unit]\nWants={HUB}.service\n",
    }


class RivalWaitsForTheBoot(FilesAdded):
    """A unit of another name would carry State Hub's tunnel from the next boot on."""

    ground = RolledBack
    turns = {_RIVAL: fail("127.0.0.1:18000 would be taken by mine.service")}
    host = RAILIANCE
    files = {"~/.config/systemd/user/mine.service": f"[Service]\nExecStart={_SSH}\n{WANTED}"}
    enabled = "mine.service"


class ProfileStartsFleetUnit(FilesAdded):
    """A line in the user's profile starts a fleet unit at each log-in."""

    ground = RolledBack
    turns = {_RIVAL: fail(f"systemctl --user start {HUB}")}
    host = RAILIANCE
    files = {"~/.bash_profile": f"systemctl --user start {HUB}\n"}


class ProfileLooksAtFleetUnit(FilesAdded):
    """A line in the user's profile says at each log-in how a fleet unit is."""

    ground = RolledBack
    harmless_to = "ROLL-02.no-rival"
    host = RAILIANCE
    files = {"~/.bash_profile": f"systemctl --user is-active {HUB}\n"}


class ProfileUnreadable(FilesAdded):
    """Nobody but root may read the user's own profile."""

    ground = RolledBack
    turns = {"ROLL-02.no-rival": inconclusive("what starts by itself is not all known: ")}
    host = RAILIANCE
    files = {"~/.bash_profile": f"systemctl --user start {HUB}\n"}

    def inject(self) -> None:
        super().inject()
        user(RAILIANCE, "chmod 0 ~/.bash_profile")


class FleetHoldsAnotherAddress(Fault):
    """Something in the user's units holds the port on another address than the workstation does."""

    ground = RolledBack
    turns = {_PORT: fail("[::1]:18000 is held by the unit left-over.service")}

    def inject(self) -> None:
        serve = "python3 -m http.server --bind ::1 18000"
        user(RAILIANCE, f"systemd-run --quiet --user --collect --unit=left-over {serve}")
        wait_for(RAILIANCE, "ss -Htln | grep -qF '[::1]:18000'")

    def heal(self) -> None:
        user(RAILIANCE, "systemctl --user stop left-over")

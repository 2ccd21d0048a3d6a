"""The fleet's unit files: what is installed, loaded, enabled, and what runs of it."""

from __future__ import annotations

from rehearsal.faults.fault import Fault, fail, warn
from rehearsal.faults.means import HUB, RAILIANCE, UNITS, edit_unit, restore_unit, units, user
from rehearsal.faults.rewritten import (
    DOWN,
    STAYS_DEAD,
    Rewritten,
    next_start,
    restart,
    until_unready,
)

FILE = f"{UNITS}/{HUB}.service"


class UnitDisabled(Fault):
    """A fleet unit runs, but was disabled: the next reboot ends it."""

    turns = {f"PROD-08.enabled[{HUB}]": fail("is disabled, and only `enabled` survives")}

    def inject(self) -> None:
        units("disable", HUB)

    def heal(self) -> None:
        units("enable", HUB)


class UnitEnabledUntilReboot(Fault):
    """A fleet unit was enabled with --runtime: the next reboot forgets that."""

    turns = {f"PROD-08.enabled[{HUB}]": fail("is enabled-runtime, and only `enabled` survives")}

    def inject(self) -> None:
        units("disable", HUB)
        units("enable --runtime", HUB)

    def heal(self) -> None:
        units("disable --runtime", HUB)
        units("enable", HUB)


class UnitWantedByAnotherTarget(Rewritten):
    """A fleet unit is enabled under a target that never starts on a node without a desktop."""

    turns = {
        "CUT-01.installed": fail("+WantedBy=graphical-session.target"),
        f"PROD-08.enabled[{HUB}]": fail("is enabled, but default.target does not pull it in"),
    }
    change = "s/^WantedBy=.*/WantedBy=graphical-session.target/"

    def inject(self) -> None:
        super().inject()
        units("--quiet reenable", HUB)

    def heal(self) -> None:
        super().heal()
        units("--quiet reenable", HUB)


class UnitMasked(Fault):
    """A fleet unit still runs, but was masked: nothing can start it again."""

    turns = {
        "CUT-01.installed": fail("-[Unit]"),
        f"CUT-02.loaded[{HUB}]": fail(f"{HUB}.service is masked"),
        f"CUT-08.stop[{HUB}]": warn(f"{HUB}.service is masked"),
        f"PROD-08.enabled[{HUB}]": fail("is masked, and only `enabled` survives"),
        f"PROD-09.same-after-reboot[{HUB}]": fail("is masked: it runs, but would start nothing"),
        f"PROD-13.restarts[{HUB}]": warn(f"{HUB}.service is masked"),
        STAYS_DEAD: fail("stays dead: Restart=no"),
    }

    def inject(self) -> None:
        user(RAILIANCE, f"mv {FILE} ~/{HUB}.kept")
        units("--quiet mask", HUB)

    def heal(self) -> None:
        units("--quiet unmask", HUB)
        user(RAILIANCE, f"mv ~/{HUB}.kept {FILE}; systemctl --user daemon-reload")
        units("--quiet enable", HUB)  # unmask has also removed it from default.target
        units("restart", HUB)


class UnitNotInstalled(Fault):
    """A fleet unit was removed from railiance01."""

    turns = DOWN | {
        "CUT-01.installed": fail(f"{HUB}.service is not installed"),
        f"CUT-02.loaded[{HUB}]": fail(f"{HUB}.service is not-found"),
        f"CUT-04.steady[{HUB}]": fail(f"{HUB}.service is not installed"),
        f"CUT-08.stop[{HUB}]": warn(f"{HUB}.service is not-found"),
        f"PROD-08.enabled[{HUB}]": fail("is not-found, and only `enabled` survives"),
        f"PROD-13.restarts[{HUB}]": warn(f"{HUB}.service is not-found"),
        STAYS_DEAD: fail("stays dead: Restart=no"),
    }

    def inject(self) -> None:
        units("--quiet disable --now", HUB)
        user(RAILIANCE, f"mv {FILE} ~/{HUB}.kept; systemctl --user daemon-reload")
        until_unready()

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/{HUB}.kept {FILE}; systemctl --user daemon-reload")
        units("--quiet enable --now", HUB)


class UnitEditedWithoutReload(Fault):
    """An installed unit file was edited, and neither systemd nor the process knows."""

    turns = {
        "CUT-01.installed": fail("ServerAliveInterval=7"),
        f"CUT-02.loaded[{HUB}]": fail("has changed since systemd read it"),
        f"PROD-09.same-after-reboot[{HUB}]": fail("has changed: systemd runs what it was"),
    }

    def inject(self) -> None:
        edit_unit(HUB, "s/ServerAliveInterval=5/ServerAliveInterval=7/")

    def heal(self) -> None:
        restore_unit(HUB)


class UnitEditedWithoutRestart(Fault):
    """An installed unit file was edited and systemd told; the process runs on as it was."""

    turns = {
        "CUT-01.installed": fail("ServerAliveInterval=7"),
        f"PROD-09.same-after-reboot[{HUB}]": fail("but would start `/usr/bin/ssh"),
    }

    def inject(self) -> None:
        edit_unit(HUB, "s/ServerAliveInterval=5/ServerAliveInterval=7/")
        user(RAILIANCE, "systemctl --user daemon-reload")

    def heal(self) -> None:
        restore_unit(HUB)


class UnitInstalledAgain(Fault):
    """A unit file was installed anew and systemd told; the process is older than what it is of."""

    turns = {f"PROD-09.same-after-reboot[{HUB}]": fail("is newer than the process that runs")}

    def inject(self) -> None:
        user(RAILIANCE, f"sleep 1; touch {FILE}; systemctl --user daemon-reload")

    def heal(self) -> None:
        units("restart", HUB)


class UnitShadowed(Fault):
    """A copy of a fleet unit lies where systemd looks first; what is installed counts no more."""

    turns = {f"CUT-02.loaded[{HUB}]": fail("user.control/fleet-state-hub-coulombcore")}
    copy = f"~/.config/systemd/user.control/{HUB}.service"

    def inject(self) -> None:
        user(RAILIANCE, f"mkdir -p ~/.config/systemd/user.control; cp -p {FILE} {self.copy}; "
                        "systemctl --user daemon-reload")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, f"rm {self.copy}; systemctl --user daemon-reload")


class ProcessOfAnOlderUnit(Rewritten):
    """The unit file is the reference again, but what runs was started by an older one."""

    turns = {f"PROD-09.same-after-reboot[{HUB}]": fail("-o ServerAliveCountMax=9 ")}
    change = "s/ServerAliveCountMax=3/ServerAliveCountMax=9/"

    def inject(self) -> None:
        super().inject()
        user(RAILIANCE, f"cp -p ~/{HUB}.kept {FILE}; systemctl --user daemon-reload")


class DropInLeadsElsewhere(Fault):
    """A drop-in that nobody declared leads State Hub's tunnel to issue-core."""

    turns = {
        f"CUT-02.loaded[{HUB}]": fail("is changed by /home/tegwick/.config/systemd/user/"),
        f"PROD-18.order[{HUB}]": fail("is changed by /home/tegwick/.config/systemd/user/"),
        f"CUT-06.healthy[{HUB}]": fail("/state/health answered 404, not 200"),
        f"CUT-07.forwards[{HUB}]": fail("198.19.43.154:8765"),
        "PROD-01.pods[actcore-state-hub-bridge]": fail("is 0/1 ready"),
        "PROD-03.inside[actcore-state-hub-bridge]": fail("does not answer"),
        "PROD-04.from-pod[actcore-state-hub-bridge]": fail("does not answer"),
        f"PROD-04.path[{HUB}]": fail("→ coulombcore → 198.19.43.154:8765, not"),
        **next_start(fail("it would forward [('127.0.0.1:18000', '198.19.43.154:8765')]"), HUB),
    }

    def inject(self) -> None:
        user(RAILIANCE, f"mkdir {FILE}.d; "
                        f"{{ echo '[Service]'; echo 'ExecStart='; "
                        f"sed -n '/^ExecStart=/,/[^\\\\]$/p' {FILE} | "
                        f"sed 's/198.19.43.94:8000/198.19.43.154:8765/'; }} >{FILE}.d/local.conf; "
                        "systemctl --user daemon-reload")  # fmt: skip
        restart(HUB)
        until_unready()

    def heal(self) -> None:
        user(RAILIANCE, f"rm -r {FILE}.d; systemctl --user daemon-reload")
        units("restart", HUB)


class DropInWithCondition(Fault):
    """A drop-in has a fleet unit start only where a file exists that a boot does not make."""

    turns = {
        f"CUT-02.loaded[{HUB}]": fail("is changed by /home/tegwick/.config/systemd/user/"),
        f"PROD-18.order[{HUB}]": fail("is changed by /home/tegwick/.config/systemd/user/"),
    }

    def inject(self) -> None:
        text = "[Unit]\\nConditionPathExists=/run/ready\\n"
        user(RAILIANCE, f"mkdir {FILE}.d; printf '{text}' >{FILE}.d/local.conf; "
                        "systemctl --user daemon-reload")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, f"rm -r {FILE}.d; systemctl --user daemon-reload")

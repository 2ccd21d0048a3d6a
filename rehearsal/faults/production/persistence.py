"""What does not outlive a log-out, a restart or a reboot; waivers and thresholds."""

from __future__ import annotations

from typing import Any

from rehearsal.faults.bases import FilesAdded, Managed, Rewritten
from rehearsal.faults.clusters import until_unready
from rehearsal.faults.fault import Fault, Turn, fail, inconclusive, warn
from rehearsal.faults.machines import (
    HUB,
    HUB_BRIDGE,
    HUB_FILE,
    ISSUES,
    ISSUES_BRIDGE,
    RAILIANCE,
    UNITS,
    configure_sshd,
    restart,
    restore_sshd,
    restore_unit,
    root,
    units,
    user,
)
from rehearsal.faults.symptoms import ENABLED, OF_SESSIONS, OF_UNITS, unanswered
from rehearsal.states import on


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


class UnitInstalledAgain(Fault):
    """A unit file was installed anew and systemd told; the process is older than what it is of."""

    turns = {f"PROD-09.same-after-reboot[{HUB}]": fail("is newer than the process that runs")}

    def inject(self) -> None:
        user(RAILIANCE, f"sleep 1; touch {HUB_FILE}; systemctl --user daemon-reload")

    def heal(self) -> None:
        units("restart", HUB)


class ProcessOfAnOlderUnit(Rewritten):
    """The unit file is the reference again, but what runs was started by an older one."""

    turns = {f"PROD-09.same-after-reboot[{HUB}]": fail("-o ServerAliveCountMax=9 ")}
    change = "s/ServerAliveCountMax=3/ServerAliveCountMax=9/"

    def inject(self) -> None:
        super().inject()
        user(RAILIANCE, f"cp -p ~/{HUB}.kept {HUB_FILE}; systemctl --user daemon-reload")


class SshdWithoutPam(Fault):
    """railiance01's sshd does without PAM: its log-ins open no sessions, nor find their systemd.

    Who holds the ports is told by the units' own control groups all the same.
    """

    shows = ("XDG_RUNTIME_DIR not defined",)
    turns = dict.fromkeys(
        (*OF_UNITS, "PRE-10.user-manager"), inconclusive("XDG_RUNTIME_DIR not def")
    ) | unanswered(RAILIANCE, "XDG_RUNTIME_DIR not def")

    def inject(self) -> None:
        # Without PAM an account whose password is locked may not log in at all; see sshd(8).
        root(RAILIANCE, "usermod -p '*' tegwick")
        configure_sshd(RAILIANCE, "UsePAM no")

    def heal(self) -> None:
        restore_sshd(RAILIANCE)
        root(RAILIANCE, "usermod -p '!' tegwick")


class UserManagerDead(Fault):
    """The systemd instance of the tunnels' user is gone, and the tunnels with it."""

    shows = ("user@1000.service is masked", "Failed to connect to")
    turns = {
        **dict.fromkeys(OF_UNITS, inconclusive("Failed to connect to")),
        "PRE-10.user-manager": fail("the user manager is dead: Failed to connect to"),
        "CUT-05.port": fail("nobody listens on"),
        "CUT-06.healthy": fail("Connection refused"),
        "PROD-04.path": fail("Connection refused"),
        "PROD-01.pods": fail("is 0/1 ready"),
        "PROD-03.inside": fail("does not answer"),
        "PROD-04.from-pod": fail("does not answer"),
        **unanswered(RAILIANCE, "Failed to connect to"),
    }

    def inject(self) -> None:
        root(RAILIANCE, "systemctl mask --runtime user@1000; systemctl stop user@1000")
        until_unready(HUB_BRIDGE, ISSUES_BRIDGE)

    def heal(self) -> None:
        root(RAILIANCE, "systemctl unmask --runtime user@1000; systemctl start user@1000")


class UserManagerHangs(Fault):
    """The systemd instance of the tunnels' user no longer answers; the tunnels run on."""

    deadlines = {"command": 2}
    turns = {
        **dict.fromkeys((*OF_UNITS, "PRE-10.user-manager"), inconclusive("did not end within")),
        **unanswered(RAILIANCE, "did not end within"),
    }

    def inject(self) -> None:
        root(RAILIANCE, "kill -STOP $(systemctl show -p MainPID --value user@1000)")

    def heal(self) -> None:
        root(RAILIANCE, "kill -CONT $(systemctl show -p MainPID --value user@1000)")


class SystemdTellsWholeSeconds(FilesAdded):
    """railiance01's systemd is an old one, which knows no times to the microsecond."""

    harmless_to = "PROD-09.same-after-reboot"
    host = RAILIANCE
    script = (
        'case " $* " in *" --timestamp="*) echo "unrecognized option" >&2; exit 1;; esac; '
        'exec /usr/bin/systemctl "$@"'
    )
    files = {"/usr/local/bin/systemctl": f"#!/bin/sh\n{script}\n"}


class UnitEditedInTheSecondOfItsStart(SystemdTellsWholeSeconds):
    """And a fleet unit's file was changed in the second in which the unit started."""

    harmless_to = ""
    turns = {
        f"PROD-09.same-after-reboot[{HUB}]": inconclusive(
            f"{HUB}.service started in the second in which"
        )
    }

    def inject(self) -> None:
        unit = f"{UNITS}/{HUB}.service"
        start = f"TZ=UTC systemctl --user show -p ExecMainStartTimestamp --value {HUB}"
        second = f'$(date -d "$({start} | cut -d " " -f 2-)" +%s)'
        user(RAILIANCE, f"cp -p {unit} ~/{HUB}.kept; touch -d @{second}.9 {unit}; "
                        "systemctl --user daemon-reload")  # fmt: skip
        super().inject()

    def heal(self) -> None:
        super().heal()
        restore_unit(HUB)


class LingerOff(Fault):
    """Linger is off: the tunnels end with the last log-in, and do not survive a reboot."""

    turns = {"PROD-07.linger": fail("Linger=no on railiance01")}

    def inject(self) -> None:
        on(RAILIANCE, "sudo loginctl disable-linger tegwick")

    def heal(self) -> None:
        on(RAILIANCE, "sudo loginctl enable-linger tegwick")


class LogindDead(Fault):
    """logind is gone from railiance01: nobody can say where a log-in came from.

    What logs in now is told neither where its systemd is nor that it is a session.
    """

    shows = ("XDG_RUNTIME_DIR not defined",)
    turns = {
        **dict.fromkeys(
            (*OF_UNITS, "PRE-10.user-manager"), inconclusive("XDG_RUNTIME_DIR not def")
        ),
        **dict.fromkeys(OF_SESSIONS, inconclusive("login1.service")),
        "PROD-07.linger": inconclusive("login1.service"),
        **unanswered(RAILIANCE, "login1.service"),
    }

    def inject(self) -> None:
        root(RAILIANCE, "systemctl mask --runtime systemd-logind; systemctl stop systemd-logind")

    def heal(self) -> None:
        # A new logind counts sessions from c1 again, and refuses a log-in where systemd still has a
        # scope of that name from before: those that it does not know are ended.
        listed = "systemctl list-units --plain --no-legend --no-pager 'session-*.scope'"
        root(RAILIANCE, "systemctl unmask --runtime systemd-logind; "
                        "systemctl start systemd-logind; "
                        f"{listed} | while read -r scope _; do id=${{scope#session-}}; "
                        "loginctl show-session ${id%.scope} >/dev/null 2>&1 </dev/null || "
                        "systemctl stop $scope </dev/null; done")  # fmt: skip


class SshUpgraded(Fault):
    """An upgrade has put another ssh on railiance01; the tunnels run on with the former one."""

    turns = {"PROD-09.not-replaced": warn("still runs what was /usr/bin/ssh")}

    def inject(self) -> None:
        root(RAILIANCE, "cp -p /usr/bin/ssh /usr/bin/ssh.new; mv /usr/bin/ssh.new /usr/bin/ssh")

    def heal(self) -> None:
        restart(HUB, ISSUES)


class TooManyUnits(Fault):
    """Four more persistent tunnels, and six are more than the WireGuard threshold."""

    turns = {"PROD-10.few-units": warn("6 units, more than 5")}
    names = [f"extra-{number}" for number in range(4)]

    def inject(self) -> None:
        for port, name in enumerate(self.names, 28001):
            user(RAILIANCE, f"sed s/127.0.0.1:18000/127.0.0.1:{port}/ {UNITS}/{HUB}.service "
                            f">{UNITS}/{name}.service")  # fmt: skip
        units("enable --now", *self.names)

    def heal(self) -> None:
        units("disable --now", *self.names)
        files = " ".join(f"{UNITS}/{name}.service" for name in self.names)
        user(RAILIANCE, f"rm {files}; systemctl --user daemon-reload")


class _UnitDisabled(Fault):
    """A fleet unit is disabled, and the inventory says something to that."""

    def inject(self) -> None:
        units("disable", HUB)

    def heal(self) -> None:
        units("enable", HUB)


WAIVER = {"check": "PROD-08.enabled", "owner": "rehearsal", "reason": "the unit is being rebuilt"}


class WaiverExpired(_UnitDisabled):
    """A disabled unit was accepted until a date that has passed."""

    turns = {f"PROD-08.enabled[{HUB}]": fail("the waiver has expired: the unit is being rebuilt")}

    def inventory(self, document: dict[str, Any]) -> None:
        document["waivers"] = [{**WAIVER, "expires": "2020-01-01T00:00:00Z"}]


class WaiverValid(_UnitDisabled):
    """A disabled unit is accepted until a date to come."""

    turns = {f"PROD-08.enabled[{HUB}]": Turn("waived", "accepted: the unit is being rebuilt")}

    def inventory(self, document: dict[str, Any]) -> None:
        document["waivers"] = [{**WAIVER, "expires": "2999-01-01T00:00:00Z"}]


class WaiverOfAnotherUnit(_UnitDisabled):
    """Another unit's being disabled is accepted, and not this one's."""

    turns = {f"PROD-08.enabled[{HUB}]": fail("is disabled")}

    def inventory(self, document: dict[str, Any]) -> None:
        only = "fleet-issue-core-coulombcore"
        document["waivers"] = [{**WAIVER, "expires": "2999-01-01T00:00:00Z", "only": only}]


class UnitBesideOpsBridge(Managed):
    """A tunnel's own unit is enabled still, and would take the port at the next start."""

    turns = {
        ENABLED: fail(f"{HUB}.service would start as well"),
        f"PROD-18.order[{HUB}]": fail(f"{HUB}.service would take 127.0.0.1:18000 at boot"),
    }

    def inject(self) -> None:
        units("enable --quiet", HUB)

    def heal(self) -> None:
        units("disable --quiet", HUB)


class OpsBridgeNotEnabled(Managed):
    """The unit of ops-bridge runs, but does not start by itself."""

    turns = {"PROD-08.enabled": fail("ops-bridge.service is disabled")}

    def inject(self) -> None:
        units("disable --quiet", "ops-bridge")

    def heal(self) -> None:
        units("enable --quiet", "ops-bridge")

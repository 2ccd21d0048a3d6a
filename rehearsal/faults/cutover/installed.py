"""What is installed on railiance01 differs from the reference, or is not what counts."""

from __future__ import annotations

from rehearsal.faults.bases import FileChanged, FilesAdded, Managed, Rewritten
from rehearsal.faults.clusters import until_unready
from rehearsal.faults.fault import Fault, fail, warn
from rehearsal.faults.machines import (
    HUB,
    HUB_BRIDGE,
    HUB_FILE,
    RAILIANCE,
    SHOW,
    TUNNELS_YAML,
    edit_unit,
    restart,
    restore_unit,
    rewrite,
    units,
    until_listening,
    user,
)
from rehearsal.faults.symptoms import ENABLED, INSTALLED, RUNNING, STAYS_DEAD, STEADY, next_start


class UnitFlaps(Fault):
    """A fleet unit is up, but has lost its ssh again and again."""

    shows = ("Main process exited, code=killed",)
    turns = {
        INSTALLED: fail("-RestartSec=2; +RestartSec=20ms"),
        STEADY: fail("Z, restarts so far: 4; steady from "),
        f"PROD-13.restarts[{HUB}]": warn("restarted 4 times, more than 3"),
    }

    def inject(self) -> None:
        rewrite(HUB, "s/^RestartSec=2/RestartSec=20ms/")
        for count in range(1, 5):
            units("kill -s KILL", HUB)
            wait = f"until [ $({SHOW} NRestarts) -ge {count} ]; do sleep 0.02; done"
            user(RAILIANCE, f"timeout 5 sh -c '{wait}'")
        until_listening(HUB)

    def heal(self) -> None:
        restore_unit(HUB)


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

    shows = ("Loaded: masked",)
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
        user(RAILIANCE, f"mv {HUB_FILE} ~/{HUB}.kept")
        units("--quiet mask", HUB)

    def heal(self) -> None:
        units("--quiet unmask", HUB)
        user(RAILIANCE, f"mv ~/{HUB}.kept {HUB_FILE}; systemctl --user daemon-reload")
        units("--quiet enable", HUB)  # unmask has also removed it from default.target
        units("restart", HUB)


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


class UnitShadowed(Fault):
    """A copy of a fleet unit lies where systemd looks first; what is installed counts no more."""

    turns = {f"CUT-02.loaded[{HUB}]": fail("user.control/fleet-state-hub-coulombcore")}
    copy = f"~/.config/systemd/user.control/{HUB}.service"

    def inject(self) -> None:
        user(RAILIANCE, f"mkdir -p ~/.config/systemd/user.control; cp -p {HUB_FILE} {self.copy}; "
                        "systemctl --user daemon-reload")  # fmt: skip

    def heal(self) -> None:
        user(RAILIANCE, f"rm {self.copy}; systemctl --user daemon-reload")


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
        user(RAILIANCE, f"mkdir -p {HUB_FILE}.d; "
                        f"{{ echo '[Service]'; echo 'ExecStart='; "
                        f"sed -n '/^ExecStart=/,/[^\\\\]$/p' {HUB_FILE} | "
                        f"sed 's/198.19.43.94:8000/198.19.43.154:8765/'; }} "
                        f">{HUB_FILE}.d/local.conf; systemctl --user daemon-reload")  # fmt: skip
        restart(HUB)
        until_unready()

    def heal(self) -> None:
        user(RAILIANCE, f"rm -r {HUB_FILE}.d; systemctl --user daemon-reload")
        units("restart", HUB)


class DropInWithCondition(FilesAdded):
    """A drop-in has a fleet unit start only where a file exists that a boot does not make."""

    turns = {
        f"CUT-02.loaded[{HUB}]": fail("is changed by /home/tegwick/.config/systemd/user/"),
        f"PROD-18.order[{HUB}]": fail("is changed by /home/tegwick/.config/systemd/user/"),
    }
    host = RAILIANCE
    files = {f"{HUB_FILE}.d/local.conf": "[Unit]\nConditionPathExists=/run/ready\n"}


class UnitWithoutKeepalives(Rewritten):
    """A fleet unit's ssh does not notice a link that is dead."""

    turns = {INSTALLED: fail("ServerAlive"), RUNNING: fail("ServerAliveInterval=(not set)")}
    change = "s/-o ServerAlive[A-Za-z]*=[0-9]* //g"


class UnitWithKeepalivesOff(Rewritten):
    """A fleet unit's ssh was told not to look whether its link is dead."""

    turns = {
        INSTALLED: fail("ServerAliveInterval=0"),
        RUNNING: fail("ServerAliveInterval=0, which turns it off"),
    }
    change = "s/ServerAliveInterval=5/ServerAliveInterval=0/"


class UnitCarriesSecondSsh(Rewritten):
    """A fleet unit starts a second ssh beside its own."""

    turns = {
        INSTALLED: fail("+ExecStartPost=/usr/bin/ssh -f -N"),
        f"PROD-04.path[{HUB}]": fail("holds 2 SSH connections"),
        f"PROD-04.from-pod[{HUB_BRIDGE}]": fail("holds 2 SSH connections"),
    }
    change = (
        "s|^Restart=|ExecStartPost=/usr/bin/ssh -f -N -o BatchMode=yes -i %h/.ssh/id_ops "
        "-R 2222:127.0.0.1:22 tegwick@198.18.77.12\\n&|"
    )


class TunnelsYamlEdited(FileChanged):
    """Somebody edited the installed tunnels.yaml."""

    turns = {INSTALLED: fail("-    autostart: true; +    autostart: false")}
    file = TUNNELS_YAML
    command = f"sed -i 's/autostart: true/autostart: false/' {file}"


class TunnelsYamlMissing(FileChanged):
    """The tunnels.yaml was never installed."""

    turns = {INSTALLED: fail("~/.config/bridge/tunnels.yaml is not installed on railiance01")}
    file = TUNNELS_YAML
    command = f"rm {file}"


class BridgeTunnelNotStarted(Managed):
    """In the configuration of ops-bridge, one tunnel does not start by itself any more."""

    turns = {
        "CUT-01.installed": fail("+    autostart: false"),
        ENABLED: fail(f"does not start {HUB} by itself"),
        "PROD-09.same-after-reboot": fail("tunnels.yaml is newer than the process that runs"),
    }

    def inject(self) -> None:
        edit = f"/{HUB}/,/autostart/s/autostart: true/autostart: false/"
        user(RAILIANCE, f"cp -p {TUNNELS_YAML} ~/kept; sed -i '{edit}' {TUNNELS_YAML}")

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/kept {TUNNELS_YAML}")
        super().heal()


class BridgeForgetsTunnel(Managed):
    """The configuration of ops-bridge has lost a tunnel, which still runs."""

    turns = {
        "CUT-01.installed": fail("differs from"),
        f"CUT-08.stop[{HUB}]": warn(f"does not know {HUB}"),
        f"CUT-04.steady[{HUB}]": fail(f"does not know {HUB}"),
        f"CUT-07.forwards[{HUB}]": fail(f"does not know {HUB}"),
        ENABLED: fail(f"does not know {HUB}"),
        f"PROD-09.same-after-reboot[{HUB}]": fail(f"does not know {HUB}"),
        "PROD-09.same-after-reboot": fail("tunnels.yaml is newer than the process that runs"),
    }

    def inject(self) -> None:
        user(RAILIANCE, f"cp -p {TUNNELS_YAML} ~/kept; sed -i 's/{HUB}/another/' {TUNNELS_YAML}")

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/kept {TUNNELS_YAML}")
        super().heal()

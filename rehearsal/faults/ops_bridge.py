"""ops-bridge as the manager of the tunnels, and what may go wrong with it there."""

from __future__ import annotations

from typing import Any

from rehearsal import fleet, ops_bridge
from rehearsal.faults.fault import Fault, Ground, fail, warn
from rehearsal.faults.means import HUB, RAILIANCE, units, user
from rehearsal.faults.rewritten import DOWN, until_unready

CONFIG = "~/.config/bridge/tunnels.yaml"
ENABLED = f"unit_is_enabled[{HUB}]"


class OpsBridge(Ground):
    """On railiance01 ops-bridge runs the tunnels; its one unit holds them all."""

    name = "ops-bridge"

    def enter(self) -> None:
        ops_bridge.install()

    def leave(self) -> None:
        ops_bridge.undo()

    def inventory(self, document: dict[str, Any]) -> None:
        ops_bridge.managed(document)


class _Managed(Fault):
    """Something happens to a fleet that ops-bridge manages."""

    ground = OpsBridge

    def heal(self) -> None:
        units("restart", "ops-bridge")
        fleet.wait_until_ready()


class BridgeTunnelDown(_Managed):
    """Somebody has taken one tunnel down; the unit of ops-bridge runs on."""

    turns = DOWN | {f"unit_is_running_and_steady[{HUB}]": fail(f"says that {HUB} is down")}

    def inject(self) -> None:
        user(RAILIANCE, f"bridge down {HUB}")
        until_unready()


class BridgeTunnelNotStarted(_Managed):
    """In the configuration of ops-bridge, one tunnel does not start by itself any more."""

    turns = {
        "installed_files_equal_the_reference": fail("+    autostart: false"),
        ENABLED: fail(f"does not start {HUB} by itself"),
        "running_is_what_would_start": fail("tunnels.yaml is newer than the process that runs"),
    }

    def inject(self) -> None:
        edit = f"/{HUB}/,/autostart/s/autostart: true/autostart: false/"
        user(RAILIANCE, f"cp -p {CONFIG} ~/kept; sed -i '{edit}' {CONFIG}")

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/kept {CONFIG}")
        super().heal()


class BridgeForgetsTunnel(_Managed):
    """The configuration of ops-bridge has lost a tunnel, which still runs."""

    turns = {
        "installed_files_equal_the_reference": fail("differs from"),
        f"fleet_tunnel_can_be_stopped[{HUB}]": warn(f"does not know {HUB}"),
        f"unit_is_running_and_steady[{HUB}]": fail(f"does not know {HUB}"),
        f"running_ssh_forwards_what_it_should[{HUB}]": fail(f"does not know {HUB}"),
        ENABLED: fail(f"does not know {HUB}"),
        f"running_is_what_would_start[{HUB}]": fail(f"does not know {HUB}"),
        "running_is_what_would_start": fail("tunnels.yaml is newer than the process that runs"),
    }

    def inject(self) -> None:
        user(RAILIANCE, f"cp -p {CONFIG} ~/kept; sed -i 's/{HUB}/another/' {CONFIG}")

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/kept {CONFIG}")
        super().heal()


class UnitBesideOpsBridge(_Managed):
    """A tunnel's own unit is enabled still, and would take the port at the next start."""

    turns = {ENABLED: fail(f"{HUB}.service would start as well")}

    def inject(self) -> None:
        units("enable --quiet", HUB)

    def heal(self) -> None:
        units("disable --quiet", HUB)


class OpsBridgeNotEnabled(_Managed):
    """The unit of ops-bridge runs, but does not start by itself."""

    turns = {"unit_is_enabled": fail("ops-bridge.service is disabled")}

    def inject(self) -> None:
        units("disable --quiet", "ops-bridge")

    def heal(self) -> None:
        units("enable --quiet", "ops-bridge")

"""ops-bridge as the manager of the tunnels, and what may go wrong with it there."""

from __future__ import annotations

from typing import Any

from rehearsal import fleet, ops_bridge
from rehearsal.faults.fault import Fault, Ground, fail, warn
from rehearsal.faults.means import HUB, RAILIANCE, units, user
from rehearsal.faults.rewritten import DOWN, until_unready

CONFIG = "~/.config/bridge/tunnels.yaml"
ENABLED = f"PROD-08.enabled[{HUB}]"


class ManagedByOpsBridge(Ground):
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

    ground = ManagedByOpsBridge

    def heal(self) -> None:
        units("restart", "ops-bridge")
        fleet.wait_until_ready()


class BridgeTunnelDown(_Managed):
    """Somebody has taken one tunnel down; the unit of ops-bridge runs on."""

    turns = DOWN | {f"CUT-04.steady[{HUB}]": fail(f"says that {HUB} is down")}

    def inject(self) -> None:
        user(RAILIANCE, f"bridge down {HUB}")
        until_unready()


class BridgeTunnelNotStarted(_Managed):
    """In the configuration of ops-bridge, one tunnel does not start by itself any more."""

    turns = {
        "CUT-01.installed": fail("+    autostart: false"),
        ENABLED: fail(f"does not start {HUB} by itself"),
        "PROD-09.same-after-reboot": fail("tunnels.yaml is newer than the process that runs"),
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
        "CUT-01.installed": fail("differs from"),
        f"CUT-08.stop[{HUB}]": warn(f"does not know {HUB}"),
        f"CUT-04.steady[{HUB}]": fail(f"does not know {HUB}"),
        f"CUT-07.forwards[{HUB}]": fail(f"does not know {HUB}"),
        ENABLED: fail(f"does not know {HUB}"),
        f"PROD-09.same-after-reboot[{HUB}]": fail(f"does not know {HUB}"),
        "PROD-09.same-after-reboot": fail("tunnels.yaml is newer than the process that runs"),
    }

    def inject(self) -> None:
        user(RAILIANCE, f"cp -p {CONFIG} ~/kept; sed -i 's/{HUB}/another/' {CONFIG}")

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/kept {CONFIG}")
        super().heal()


class UnitBesideOpsBridge(_Managed):
    """A tunnel's own unit is enabled still, and would take the port at the next start."""

    turns = {
        ENABLED: fail(f"{HUB}.service would start as well"),
        f"PROD-18.order[{HUB}]": fail(f"{HUB}.service would take 127.0.0.1:18000 at boot"),
    }

    def inject(self) -> None:
        units("enable --quiet", HUB)

    def heal(self) -> None:
        units("disable --quiet", HUB)


class OpsBridgeNotEnabled(_Managed):
    """The unit of ops-bridge runs, but does not start by itself."""

    turns = {"PROD-08.enabled": fail("ops-bridge.service is disabled")}

    def inject(self) -> None:
        units("disable --quiet", "ops-bridge")

    def heal(self) -> None:
        units("enable --quiet", "ops-bridge")

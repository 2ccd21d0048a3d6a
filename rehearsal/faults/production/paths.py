"""The production port answers, but another than its own unit carries it, or elsewhere."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from rehearsal import cgroup, connect_redirect, states
from rehearsal.faults.bases import BridgeChanged, WorkstationLetsFleetIn
from rehearsal.faults.clusters import BRIDGES, CONTAINER, SERVICES, add, kubectl, replace
from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.machines import (
    COULOMB,
    FOR_WORKSTATION,
    HUB,
    HUB_BRIDGE,
    ISSUES,
    JUMP,
    RAILIANCE,
    WORKSTATION,
    configure_sshd,
    restart,
    restore_sshd,
    restore_unit,
    rewrite,
    root,
    units,
    until_listening,
    user,
)
from rehearsal.faults.symptoms import (
    FROM_POD,
    HELD,
    INSTALLED,
    PATH,
    RUNNING,
    STEADY,
    next_start,
    pinned,
)

RETIRED = "state-hub-railiance01"


class SilentHub(Fault):
    """The retired tunnel is up again and holds the port; the unit stays up without it."""

    shows = ("bind [127.0.0.1]:18000: Address already in use", "/session-")
    turns = {
        PATH: fail("railiance01 → workstation ✕ 127.0.0.1:18000 is held by login session"),
        INSTALLED: fail("ExitOnForwardFailure=no"),
        **next_start(fail("it would have exitonforwardfailure no"), HUB),
        f"CUT-03.down[{RETIRED}]": fail(f"says that {RETIRED} is up"),
        f"CUT-03.no-connection[{RETIRED}]": fail("from workstation"),
        HELD: fail("127.0.0.1:18000 is held by login session"),
        RUNNING: fail("ExitOnForwardFailure=no, not yes"),
        FROM_POD: fail("railiance01 → workstation ✕ 127.0.0.1:18000 is held by login session"),
        "PROD-05.ports[railiance01]": fail("from workstation"),
        "PROD-06.listeners[railiance01]": fail("from workstation"),
        f"PROD-06.retired[{RETIRED}]": fail(f"that {RETIRED} is up"),
        "PROD-06.interactive": fail(f"runs {RETIRED}, which is not on the interactive"),
    }

    def inject(self) -> None:
        units("stop", HUB)
        user(WORKSTATION, f"bridge up {RETIRED}")
        rewrite(HUB, "s/ExitOnForwardFailure=yes/ExitOnForwardFailure=no/")

    def heal(self) -> None:
        user(WORKSTATION, f"bridge down {RETIRED}")
        restore_unit(HUB)


BY_HAND = (
    "ssh -N -T -o BatchMode=yes -o IdentitiesOnly=yes -i ~/.ssh/id_ops "
    "-L 127.0.0.1:18000:198.19.43.94:8000 tegwick@198.18.77.12"
)


class TunnelStartedByHand(Fault):
    """Somebody logged in and carries a tunnel by hand, beside its unit."""

    shows = ("/session-", "Active: inactive (dead)")
    turns = {
        PATH: fail("127.0.0.1:18000 is held by login session"),
        f"PRE-11.listen-address[{HUB}]": fail("is held by login session"),
        f"CUT-03.no-connection[{RETIRED}]": fail("still held by login session"),
        STEADY: fail("is inactive (dead)"),
        HELD: fail("127.0.0.1:18000 is held by login session"),
        RUNNING: fail("runs no ssh"),
        FROM_POD: fail("127.0.0.1:18000 is held by login session"),
        "PROD-05.ports[railiance01]": fail("login session"),
        "PROD-06.listeners[railiance01]": inconclusive("no host of the inventory"),
        f"PROD-09.same-after-reboot[{HUB}]": fail("runs no ssh"),
    }

    def inject(self) -> None:
        units("stop", HUB)
        states.on(RAILIANCE, f"nohup {BY_HAND} >/dev/null 2>&1 </dev/null & echo $! >~/by-hand.pid")
        until_listening(HUB)

    def heal(self) -> None:
        user(RAILIANCE, "kill $(cat ~/by-hand.pid); rm ~/by-hand.pid")
        units("start", HUB)


class TunnelInAnotherUnit(Fault):
    """A unit that nobody declared carries State Hub's tunnel instead of its own."""

    shows = ("/app.slice/mine.service", "Active: inactive (dead)")
    turns = {
        PATH: fail("on railiance01 it is carried by the unit mine.service"),
        f"PRE-11.listen-address[{HUB}]": fail("is held by the unit mine.service"),
        STEADY: fail("is inactive (dead)"),
        HELD: fail("127.0.0.1:18000 is held by the unit mine.service"),
        RUNNING: fail("runs no ssh"),
        FROM_POD: fail("on railiance01 it is carried by the unit mine.service"),
        f"PROD-09.same-after-reboot[{HUB}]": fail("runs no ssh"),
    }

    def inject(self) -> None:
        units("stop", HUB)
        user(RAILIANCE, f"systemd-run --quiet --user --collect --unit=mine {BY_HAND}")
        until_listening(HUB)

    def heal(self) -> None:
        user(RAILIANCE, "systemctl --user stop mine")
        units("start", HUB)


class TunnelInSystemUnit(Fault):
    """Somebody installed the unit, under the same name, for the whole system."""

    shows = ("Active: inactive (dead)",)
    turns = {
        PATH: fail(f"127.0.0.1:18000 is held by the system's unit {HUB}.service"),
        f"PRE-11.listen-address[{HUB}]": fail(f"held by the system's unit {HUB}.service"),
        STEADY: fail("is inactive (dead)"),
        HELD: fail(f"127.0.0.1:18000 is held by the system's unit {HUB}.service"),
        RUNNING: fail("runs no ssh"),
        FROM_POD: fail(f"127.0.0.1:18000 is held by the system's unit {HUB}.service"),
        f"PROD-09.same-after-reboot[{HUB}]": fail("runs no ssh"),
    }

    def inject(self) -> None:
        units("stop", HUB)
        unit = f"/run/systemd/system/{HUB}.service"
        root(RAILIANCE, f"sed 's|%h|/home/tegwick|; s|^ExecStart=|User=tegwick\\n&|' "
                        f"/home/tegwick/.config/systemd/user/{HUB}.service >{unit} && "
                        f"systemctl daemon-reload && systemctl start {HUB}")  # fmt: skip
        until_listening(HUB)

    def heal(self) -> None:
        root(RAILIANCE, f"systemctl stop {HUB}; rm /run/systemd/system/{HUB}.service; "
                        "systemctl daemon-reload")  # fmt: skip
        units("start", HUB)


class UnitLeadsToTheWorkstation(WorkstationLetsFleetIn):
    """A fleet unit goes to the workstation, whose own tunnel leads on: the hub is back."""

    turns = {
        PATH: fail("railiance01 → workstation ✕ workstation is not looked at"),
        INSTALLED: fail("127.0.0.1:18000:127.0.0.1:8000 tegwick@198.18.77.13"),
        **next_start(fail("it would go to 198.18.77.13, not to 198.18.77.12"), HUB),
        **pinned(fail("has another key of coulombcore pinned than the one it offers")),
        RUNNING: fail("127.0.0.1:8000"),
        FROM_POD: fail("railiance01 → workstation ✕ workstation is not looked at"),
    }

    def inject(self) -> None:
        super().inject()
        rewrite(HUB, "s/198.19.43.94:8000 .*/127.0.0.1:8000 tegwick@198.18.77.13/")
        until_listening(HUB)

    def heal(self) -> None:
        restore_unit(HUB)
        super().heal()


class SshConfigJumpsThroughTheWorkstation(WorkstationLetsFleetIn):
    """Railiance01's ~/.ssh/config sends every ssh to coulombcore over the workstation."""

    turns = {
        PATH: fail("railiance01 → workstation ✕ workstation is not looked at"),
        **next_start(fail("it would go through tegwick@[198.18.77.13]")),
        FROM_POD: fail("railiance01 → workstation ✕ workstation is not looked at"),
    }

    def inject(self) -> None:
        super().inject()
        user(RAILIANCE, f"echo '{JUMP}' >~/.ssh/config")
        restart(HUB)

    def heal(self) -> None:
        user(RAILIANCE, "rm ~/.ssh/config")
        restart(HUB)
        super().heal()


class UnitJumpsThroughTheWorkstation(SshConfigJumpsThroughTheWorkstation):
    """A fleet unit's ssh was told to reach coulombcore over the workstation."""

    turns = {
        PATH: fail("railiance01 → workstation ✕ workstation is not looked at"),
        INSTALLED: fail("-J tegwick@198.18.77.13"),
        **next_start(fail("it would go through tegwick@[198.18.77.13]"), HUB),
        RUNNING: fail("goes through tegwick@198.18.77.13"),
        FROM_POD: fail("railiance01 → workstation ✕ workstation is not looked at"),
    }

    def inject(self) -> None:
        WorkstationLetsFleetIn.inject(self)
        user(RAILIANCE, f"echo '{FOR_WORKSTATION}' >~/.ssh/config")
        rewrite(HUB, "s/-L 127/-J tegwick@198.18.77.13 &/")
        until_listening(HUB)

    def heal(self) -> None:
        restore_unit(HUB)
        super().heal()


RELAY = (
    "systemd-run --quiet --collect --unit=relay "
    "socat TCP-LISTEN:28000,fork,reuseaddr TCP:127.0.0.1:8000"
)


class BridgeLeadsOverTheWorkstation(BridgeChanged):
    """The bridge's upstream, given by variables, is a relay on the workstation; all is healthy."""

    operations = (
        replace(f"{CONTAINER}/command/2", "TCP:$(UPSTREAM)"),
        add(f"{CONTAINER}/env/-", {"name": "UPSTREAM", "value": "workstation:28000"}),
        add(f"{CONTAINER}/env/-", {"name": "FALLBACK", "value": "127.0.0.1:18000"}),
    )
    ready = 1
    turns = {
        FROM_POD: fail("leads to workstation (198.18.77.13:28000), not 127.0.0.1:18000"),
        f"PROD-02.upstream[{HUB_BRIDGE}]": fail("proxies to ['workstation:28000'], not to 127.0"),
        "PROD-16.workstation-unnamed": fail("env[UPSTREAM].value is 'workstation:28000'"),
    }

    def inject(self) -> None:
        root(WORKSTATION, RELAY)
        super().inject()

    def heal(self) -> None:
        super().heal()
        root(WORKSTATION, "systemctl stop relay")


class NodeLeadsToTheWorkstation(Fault):
    """A rule on the node leads the bridge's ClusterIP to the workstation; all is healthy."""

    turns = {FROM_POD: fail("did not pass the pod of actcore-state-hub-bridge: workstation has it")}

    def inject(self) -> None:
        root(WORKSTATION, RELAY)
        address = kubectl(BRIDGES, f"get svc {HUB_BRIDGE} -o jsonpath={{.spec.clusterIP}}")
        hook = "type nat hook prerouting priority -110;"
        rule = f"ip daddr {address} tcp dport 8000 dnat to 198.18.77.13:28000"
        root(RAILIANCE, f"nft 'table ip detour {{ chain detour {{ {hook} {rule}; }}; }}'")

    def heal(self) -> None:
        root(RAILIANCE, "nft delete table ip detour")
        root(WORKSTATION, "systemctl stop relay")


class _OfTheTunnels(Fault):
    """The tunnels are started afresh, so that what has changed is so for them."""

    harmless_to: ClassVar[str] = "PROD-04.path"

    def inject(self) -> None:
        self.change()
        restart(HUB, ISSUES)

    def heal(self) -> None:
        self.undo()
        restart(HUB, ISSUES)

    def change(self) -> None:
        """Do it."""
        raise NotImplementedError

    def undo(self) -> None:
        """Undo it."""
        raise NotImplementedError


_ROUTER = "198.18.77.99"


class AddressTranslatedBetweenTheHosts(_OfTheTunnels):
    """railiance01 arrives on coulombcore under another address, which nobody declared."""

    behind: ClassVar[tuple[str, ...]] = ("198.18.77.11",)
    declared: ClassVar[tuple[str, ...]] = ()

    def inventory(self, document: dict[str, Any]) -> None:
        for host in self.declared:
            document["hosts"][host]["nat"] = [_ROUTER]

    def change(self) -> None:
        hook = "type nat hook input priority 100;"
        hosts = ", ".join(self.behind)
        rule = f"ip saddr {{ {hosts} }} tcp dport 22 snat to {_ROUTER}"
        root(COULOMB, f"nft 'table ip translated {{ chain input {{ {hook} {rule}; }}; }}'")

    def undo(self) -> None:
        root(COULOMB, "nft delete table ip translated")


class AddressTranslatedAndDeclared(AddressTranslatedBetweenTheHosts):
    """The inventory names the router behind which railiance01 is."""

    declared = ("railiance01",)


class HostsBehindOneRouter(AddressTranslatedBetweenTheHosts):
    """railiance01 and the workstation are behind one router, as the inventory says."""

    behind = ("198.18.77.11", "198.18.77.13")
    declared = ("railiance01", "workstation")


class RouterOfTheWorkstation(AddressTranslatedBetweenTheHosts):
    """The tunnels arrive from a router behind which only the workstation is."""

    harmless_to = ""
    declared = ("workstation",)
    turns = {
        "PROD-04.path": fail("on coulombcore railiance01 arrives from workstation"),
        "PROD-04.from-pod": fail("on coulombcore railiance01 arrives from workstation"),
    }


class SshdNamesItsClients(_OfTheTunnels):
    """The sshd of both fleet hosts tells logind names instead of addresses (UseDNS yes)."""

    def change(self) -> None:
        for host in (RAILIANCE, COULOMB):
            configure_sshd(host, "UseDNS yes")

    def undo(self) -> None:
        for host in (RAILIANCE, COULOMB):
            restore_sshd(host)


class ProxyConnectsToTheEndpoint(Fault):
    """coulombcore's kube-proxy works by eBPF: a socket to the ClusterIP is one to the pod."""

    harmless_to = "PROD-04.path"

    def inject(self) -> None:
        found = json.loads(kubectl(SERVICES, "get ep state-hub -o json"))
        address = found["subsets"][0]["addresses"][0]["ip"]
        connect_redirect.redirect(cgroup.machine(COULOMB), "198.19.43.94", address)

    def heal(self) -> None:
        connect_redirect.restore(cgroup.machine(COULOMB))

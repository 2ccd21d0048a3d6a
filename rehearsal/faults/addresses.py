"""Addresses that are not what they seem, between the hosts and in the cluster: nothing is wrong."""

from __future__ import annotations

import json

from rehearsal import cgroup, connect_redirect
from rehearsal.faults.cluster import SERVICES, kubectl
from rehearsal.faults.fault import Fault
from rehearsal.faults.hosts import configure_sshd, restore_sshd
from rehearsal.faults.means import COULOMB, HUB, ISSUES, RAILIANCE, root
from rehearsal.faults.rewritten import restart


class _OfTheTunnels(Fault):
    """The tunnels are started afresh, so that what has changed is so for them."""

    harmless = True

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


class AddressTranslatedBetweenTheHosts(_OfTheTunnels):
    """railiance01 arrives on coulombcore under another address, which nobody declared."""

    def change(self) -> None:
        hook = "type nat hook input priority 100;"
        rule = "ip saddr 198.18.77.11 tcp dport 22 snat to 198.18.77.99"
        root(COULOMB, f"nft 'table ip translated {{ chain input {{ {hook} {rule}; }}; }}'")

    def undo(self) -> None:
        root(COULOMB, "nft delete table ip translated")


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

    harmless = True

    def inject(self) -> None:
        found = json.loads(kubectl(SERVICES, "get ep state-hub -o json"))
        address = found["subsets"][0]["addresses"][0]["ip"]
        connect_redirect.redirect(cgroup.machine(COULOMB), "198.19.43.94", address)

    def heal(self) -> None:
        connect_redirect.restore(cgroup.machine(COULOMB))

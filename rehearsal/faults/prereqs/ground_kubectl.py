"""Clusters without a kubeconfig that the suite may read: the host's kubectl asks."""

from __future__ import annotations

from typing import Any

from rehearsal.cluster import ADMIN_KUBECONFIG
from rehearsal.faults.clusters import KUBECONFIG
from rehearsal.faults.fault import Fault
from rehearsal.faults.machines import COULOMB, RAILIANCE, user
from rehearsal.faults.symptoms import blind


class AskedByKubectl(Fault):
    """There is no kubeconfig that the suite may read; kubectl asks as root."""

    harmless_to = "PRE-10.kubectl"

    def inject(self) -> None:
        for host in (RAILIANCE, COULOMB):
            user(host, f"mv {KUBECONFIG} ~/kubeconfig.kept")

    def heal(self) -> None:
        for host in (RAILIANCE, COULOMB):
            user(host, f"mv ~/kubeconfig.kept {KUBECONFIG}")

    def inventory(self, document: dict[str, Any]) -> None:
        for cluster in document["clusters"].values():
            del cluster["kubeconfig"]
            cluster["kubectl"] = f"sudo -n env KUBECONFIG={ADMIN_KUBECONFIG} kubectl"


class KubectlNotAllowed(AskedByKubectl):
    """kubectl asks with a kubeconfig that may not be read, and without sudo."""

    harmless_to = ""
    turns = blind("kubectl: error: ", "permission denied")

    def inventory(self, document: dict[str, Any]) -> None:
        super().inventory(document)
        cluster = document["clusters"]["railiance01"]
        cluster["kubectl"] = f"kubectl --kubeconfig={ADMIN_KUBECONFIG}"

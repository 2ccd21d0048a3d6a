"""The clusters' APIs, and the kubeconfigs with which they are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rehearsal.faults.fault import Fault, fail, inconclusive
from rehearsal.faults.means import COULOMB, RAILIANCE, root, user

if TYPE_CHECKING:
    from rehearsal.faults.fault import Turn

KUBECONFIG = "~/.kube/config"
STANDIN = "PYTHONPATH=/usr/local/lib/fleet-standins python3 -m standins.kubernetes"


def blind(words: str, kubectl: str) -> dict[str, Turn]:
    """The turns of a cluster of the bridges that cannot be asked."""
    return {
        "PRE-10.kubectl": fail(kubectl),
        "PROD-01.pods": inconclusive(words),
        "PROD-02.upstream": inconclusive(words),
        "PROD-02.service": inconclusive(words),
        "PROD-03.inside": inconclusive(words),
        "PROD-04.from-pod": inconclusive(words),
        "PRE-13.cluster": inconclusive(words),
        "PROD-16.workstation-unnamed": inconclusive(words),
    }


class _Kubeconfig(Fault):
    """Something becomes of the kubeconfig on railiance01."""

    harm: ClassVar[str]

    def inject(self) -> None:
        user(RAILIANCE, f"cp -p {KUBECONFIG} ~/kubeconfig.kept; {self.harm}")

    def heal(self) -> None:
        user(RAILIANCE, f"mv ~/kubeconfig.kept {KUBECONFIG}")


class KubeconfigMissing(_Kubeconfig):
    """There is no kubeconfig on railiance01."""

    harm = f"rm {KUBECONFIG}"
    turns = blind("no kubeconfig: cat: ", "no such file")


class KubeconfigEmpty(_Kubeconfig):
    """The kubeconfig on railiance01 is empty, as a full disk leaves it."""

    harm = f": >{KUBECONFIG}"
    turns = blind("is empty or no kubeconfig", "refused")


class KubeconfigMalformed(_Kubeconfig):
    """The kubeconfig on railiance01 was cut in the middle."""

    harm = f"head -c 300 ~/kubeconfig.kept >{KUBECONFIG}"
    turns = blind("the kubeconfig on railiance01", "error loading config file")


class KubeconfigMultiplies(_Kubeconfig):
    """The kubeconfig on railiance01 repeats itself by aliases of aliases, a million times over."""

    harm = (
        "{ sed '$d' ~/kubeconfig.kept; echo ', a0: &a0 [x, x]'; "
        "for n in 1 2 3 4 5 6 7; do m=$((n - 1)); "
        'echo ", a$n: &a$n [*a$m, *a$m, *a$m, *a$m, *a$m, *a$m, *a$m, *a$m, *a$m]"; done; '
        'echo "}"; } '
        f">{KUBECONFIG}"
    )
    turns = blind("holds more than 10000 values; write less", "error loading config file")


class KubeconfigRemarks(_Kubeconfig):
    """In railiance01's kubeconfig stand remarks of somebody's, which no program reads."""

    harmless = True
    harm = (
        "{ sed '$d' ~/kubeconfig.kept; echo ', \"note\": 2026-99-99, port: 8_0_0_0, on: no }'; } "
        f">{KUBECONFIG}"
    )


class TokenExpired(_Kubeconfig):
    """The token in railiance01's kubeconfig is not accepted any more."""

    harm = rf'sed -i "s/\"token\": \"[^\"]*/\"token\": \"expired/" {KUBECONFIG}'
    turns = blind("the API answered 401: Unauthorized", "You must be logged in to the server")


class ExecForbidden(_Kubeconfig):
    """The kubeconfig is another account's, which may look and not exec."""

    harm = f"sudo {STANDIN} kubeconfig --config /etc/fleet-standins/cluster.json --user onlooker " \
        f"--out {KUBECONFIG}; sudo chown tegwick: {KUBECONFIG}"  # fmt: skip
    turns = {
        "PROD-03.inside": inconclusive("the account lacks `get pods/exec` or `create pods/exec`"),
        "PROD-04.from-pod": inconclusive("the account lacks `get pods/exec` or `create pods/exec`"),
    }


class ApiOfAnotherServer(_Kubeconfig):
    """Another server answers at the API's address: its certificate is not of this cluster's CA."""

    harm = rf"sed -i s/127.0.0.1:6443/198.18.77.12:6443/ {KUBECONFIG}"
    turns = blind("its certificate is not accepted: ", "certificate signed by unknown authority")


class ApiDown(Fault):
    """Nobody listens at the API's port on railiance01."""

    turns = blind("the API did not answer", "refused")

    def inject(self) -> None:
        rules = (
            "add table inet fault",
            "add chain inet fault input { type filter hook input priority 0; }",
            "add rule inet fault input tcp dport 6443 reject with tcp reset",
        )
        root(RAILIANCE, f"nft '{'; '.join(rules)}'")

    def heal(self) -> None:
        root(RAILIANCE, "nft delete table inet fault")


class EtcdDead(Fault):
    """The store of railiance01's API server is down; the server still tells its version."""

    turns = blind("HTTP 500: rpc error", "[-]etcd failed: reason withheld") | {
        "PROD-03.inside": inconclusive("the API answered 500"),
        "PROD-04.from-pod": inconclusive("500"),
    }

    def inject(self) -> None:
        root(RAILIANCE, "touch /var/lib/fleet-standins/etcd-down")

    def heal(self) -> None:
        root(RAILIANCE, "rm /var/lib/fleet-standins/etcd-down")


class SlicesForbidden(_Kubeconfig):
    """The kubeconfig is another account's, as before EndpointSlices were asked for."""

    harm = f"sudo {STANDIN} kubeconfig --config /etc/fleet-standins/cluster.json --user former " \
        f"--out {KUBECONFIG}; sudo chown tegwick: {KUBECONFIG}"  # fmt: skip
    turns = {
        "PROD-02.service": inconclusive(
            "the account lacks `list endpointslices.discovery.k8s.io in activity-core`"
        ),
        "PROD-16.workstation-unnamed": inconclusive(
            "the account lacks `list endpointslices.discovery.k8s.io in activity-core`"
        ),
    }


class ApiHangs(Fault):
    """The API server on railiance01 takes connections and says nothing."""

    host: ClassVar[str] = RAILIANCE
    deadlines = {"command": 1, "http": 1}
    turns = {
        **blind("the API did not answer", ""),
        "PRE-10.kubectl": inconclusive("`kubectl` did not end within 1 s"),
    }

    def inject(self) -> None:
        root(self.host, "kill -STOP $(systemctl show -P MainPID k3s)")

    def heal(self) -> None:
        root(self.host, "kill -CONT $(systemctl show -P MainPID k3s)")


class ApiOfTheServicesHangs(ApiHangs):
    """The API server on coulombcore takes connections and says nothing; its pods run on."""

    host = COULOMB
    turns = {
        "PRE-06.cluster-ip": inconclusive("the API did not answer"),
        "PROD-15.endpoints": inconclusive("the API did not answer"),
        "PRE-13.cluster": inconclusive("the API did not answer"),
    }


class KubeconfigOfAnotherCluster(Fault):
    """On coulombcore lies the kubeconfig of railiance01's cluster, and it works."""

    turns = {
        "PRE-06.cluster-ip": inconclusive("the account lacks `get services in state-hub`"),
        "PROD-15.endpoints": inconclusive("lacks `get services in state-hub`"),
        "PRE-13.cluster": fail("are one cluster"),
    }

    def inject(self) -> None:
        content = user(RAILIANCE, f"base64 -w0 {KUBECONFIG}")
        user(COULOMB, f"cp -p {KUBECONFIG} ~/kubeconfig.kept; echo {content} | base64 -d | "
                      f"sed s/127.0.0.1:6443/198.18.77.11:6443/ >{KUBECONFIG}")  # fmt: skip

    def heal(self) -> None:
        user(COULOMB, f"mv ~/kubeconfig.kept {KUBECONFIG}")

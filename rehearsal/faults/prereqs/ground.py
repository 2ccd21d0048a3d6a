"""What checks and tunnels stand on: programs, kubeconfigs, the user's systemd, disk."""

from __future__ import annotations

from typing import Any, ClassVar

from rehearsal import fleet
from rehearsal.faults.bases import FileChanged, FilesAdded
from rehearsal.faults.clusters import KUBECONFIG, edited
from rehearsal.faults.fault import Fault, fail, inconclusive, warn
from rehearsal.faults.machines import (
    COULOMB,
    HUB,
    ISSUES,
    RAILIANCE,
    UNITS,
    root,
    units,
    until_listening,
    user,
)
from rehearsal.faults.symptoms import OF_SESSIONS, blind, logs_in, next_start, pinned, unanswered


class KubeconfigMissing(FileChanged):
    """There is no kubeconfig on railiance01."""

    file = KUBECONFIG
    command = f"rm {KUBECONFIG}"
    turns = blind("no kubeconfig: cat: ", "no such file")


class KubeconfigEmpty(FileChanged):
    """The kubeconfig on railiance01 is empty, as a full disk leaves it."""

    file = KUBECONFIG
    command = f": >{KUBECONFIG}"
    turns = blind("is empty or no kubeconfig", "refused")


class KubeconfigMalformed(FileChanged):
    """The kubeconfig on railiance01 was cut in the middle."""

    file = KUBECONFIG
    command = f"head -c 300 {KUBECONFIG}.kept >{KUBECONFIG}"
    turns = blind("the kubeconfig on railiance01", "error loading config file")


class KubeconfigMultiplies(FileChanged):
    """The kubeconfig on railiance01 repeats itself by aliases of aliases, a million times over."""

    file = KUBECONFIG
    command = (
        f"{{ sed '$d' {KUBECONFIG}.kept; echo ', a0: &a0 [x, x]'; "
        "for n in 1 2 3 4 5 6 7; do m=$((n - 1)); "
        'echo ", a$n: &a$n [*a$m, *a$m, *a$m, *a$m, *a$m, *a$m, *a$m, *a$m, *a$m]"; done; '
        'echo "}"; } '
        f">{KUBECONFIG}"
    )
    turns = blind("holds more than 10000 values; write less", "error loading config file")


class KubeconfigRemarks(FileChanged):
    """In railiance01's kubeconfig stand remarks of somebody's, which no program reads."""

    harmless_to = "PRE-10.kubectl"
    file = KUBECONFIG
    command = (
        f"{{ sed '$d' {KUBECONFIG}.kept; "
        f"echo ', \"note\": 2026-99-99, port: 8_0_0_0, on: no }}'; }} >{KUBECONFIG}"
    )


class KubeconfigImpersonates(FileChanged):
    """By the kubeconfig on railiance01, kubectl asks as somebody else than its account."""

    file = KUBECONFIG
    command = edited("user['as'] = 'system:admin'")
    turns = blind("as of its user is not supported; embed the token", "cannot impersonate")


class KubeconfigBehindAProxy(FileChanged):
    """By the kubeconfig on railiance01, kubectl asks through a proxy, which is down."""

    file = KUBECONFIG
    command = edited("cluster['proxy-url'] = 'http://127.0.0.1:3128'")
    turns = blind("proxy-url of its cluster is not supported; write a server", "refused")


class TokenExpired(FileChanged):
    """The token in railiance01's kubeconfig is not accepted any more."""

    file = KUBECONFIG
    command = rf'sed -i "s/\"token\": \"[^\"]*/\"token\": \"expired/" {KUBECONFIG}'
    turns = blind("the API answered 401: Unauthorized", "You must be logged in to the server")


class ApiOfAnotherServer(FileChanged):
    """Another server answers at the API's address: its certificate is not of this cluster's CA."""

    file = KUBECONFIG
    command = rf"sed -i s/127.0.0.1:6443/198.18.77.12:6443/ {KUBECONFIG}"
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


class _ProgramMissing(Fault):
    """Somebody removed a package."""

    path: str

    def inject(self) -> None:
        root(RAILIANCE, f"mv {self.path} {self.path}.kept")

    def heal(self) -> None:
        root(RAILIANCE, f"mv {self.path}.kept {self.path}")


class SsMissing(_ProgramMissing):
    """railiance01 has no `ss`: nobody can say who holds which port."""

    path = "/usr/bin/ss"
    turns = {
        "PRE-10.tools": fail("railiance01 lacks ss"),
        "PRE-10.versions[railiance01]": fail("ss of iproute2 5.9 or later: there is none"),
        **dict.fromkeys(OF_SESSIONS, inconclusive("ss: not found")),
        "PROD-18.services[railiance01]": inconclusive("ss: not found"),
        **unanswered(RAILIANCE, "ss: not found"),
    }


class KubectlMissing(_ProgramMissing):
    """railiance01 has no `kubectl`."""

    path = "/usr/bin/kubectl"
    turns = {
        "PRE-10.tools": fail("railiance01 lacks kubectl"),
        "PRE-10.kubectl": fail("kubectl: not found"),
    }


class CurlMissing(_ProgramMissing):
    """railiance01 has no `curl`."""

    path = "/usr/bin/curl"
    turns = {"PRE-10.tools": fail("railiance01 lacks curl")}


class SshMissing(_ProgramMissing):
    """railiance01 has no `ssh` any more; the tunnels that run keep running, until they do not."""

    path = "/usr/bin/ssh"
    turns = {
        "PRE-10.tools": fail("railiance01 lacks ssh"),
        "PRE-10.versions[railiance01]": fail("ssh of OpenSSH 8.4 or later: there is none"),
        **logs_in(fail("ssh: not found")),
        **next_start(fail("it would not start")),
        **pinned(inconclusive("not found")),
        **unanswered(RAILIANCE, "ssh: not found"),
    }


class IprouteTooOld(FilesAdded):
    """coulombcore's iproute2 is older than any that tells control groups."""

    turns = {
        "PRE-10.versions[coulombcore]": fail(
            "ss of iproute2 5.9 or later: it says ss utility, iproute2-5.4"
        )
    }
    host = COULOMB
    files = {
        "/usr/local/bin/ss": '#!/bin/sh\n[ "$1" != -V ] || exec echo "ss utility, iproute2-5.4.0"\n'
        'exec /usr/bin/ss "$@"\n'
    }


class UnknownBridge(FilesAdded):
    """railiance01 has a `bridge` that is neither iproute2's nor ops-bridge."""

    turns = {
        "PRE-02.bridge-tool": inconclusive("is neither iproute2's bridge nor ops-"),
        "CUT-08.stop": inconclusive("is neither iproute2's bridge nor ops-bridge"),
        **unanswered(RAILIANCE, "is neither iproute2's bridge nor ops-bridge"),
    }
    host = RAILIANCE
    files = {"/usr/local/bin/bridge": "#!/bin/sh\necho a game of cards\n"}


class OneshotHoldsUpTarget(Fault):
    """A unit of the tunnels' user is long in starting; their systemd is `starting` ever since."""

    harmless_to = "PRE-10.user-manager"
    file = f"{UNITS}/hold.service"

    def inject(self) -> None:
        text = (
            "[Service]\\nType=oneshot\\nExecStart=sleep infinity\\n"
            "[Install]\\nWantedBy=default.target\\n"
        )
        user(RAILIANCE, f"printf '{text}' >{self.file}; systemctl --user --quiet enable hold")
        root(RAILIANCE, "systemctl restart user@1000")
        state = "systemctl --user show -p SystemState --value"
        user(RAILIANCE, f"timeout 8 sh -c 'until [ $({state}) = starting ]; do sleep 0.1; done'")
        until_listening(HUB, ISSUES)
        fleet.wait_until_served()
        fleet.wait_until_available()

    def heal(self) -> None:
        units("--quiet disable --now", "hold")
        user(RAILIANCE, f"rm {self.file}; systemctl --user daemon-reload")


class DiskFull(Fault):
    """The file system of the home directory on railiance01 is full."""

    turns = {
        "PRE-10.home": fail("0.0 MiB are left in the home on railiance01"),
        "PROD-18.user-manager": fail("/home/tegwick lies on tmpfs, which a boot empties"),
    }

    def inject(self) -> None:
        mount = "mount -t tmpfs -o size=4m,mode=0700,uid=1000,gid=1000 home /home/tegwick"
        root(RAILIANCE, f"tar -C /home/tegwick -cf /run/home.tar . && {mount} && "
                        "tar -C /home/tegwick -xpf /run/home.tar && rm /run/home.tar")  # fmt: skip
        user(RAILIANCE, "cat /dev/zero >core 2>/dev/null", check=False)

    def heal(self) -> None:
        root(RAILIANCE, "umount --lazy /home/tegwick")


class HomeReadOnly(Fault):
    """The home directory on railiance01 is mounted read-only, as after a disk error."""

    turns = {
        "PRE-10.home": fail("the home directory on railiance01 is read-only"),
        "PROD-18.user-manager": fail("lies on /home/tegwick, mounted whenever"),
    }

    def inject(self) -> None:
        root(RAILIANCE, "mount --bind /home/tegwick /home/tegwick; "
                        "mount -o remount,bind,ro /home/tegwick")  # fmt: skip

    def heal(self) -> None:
        root(RAILIANCE, "umount --lazy /home/tegwick")


class OpsBridgeExpected(Fault):
    """The inventory has ops-bridge run the tunnels, and `bridge` is iproute2's still."""

    shows = ("Unit ops-bridge.service could not be found", "/app.slice/fleet-")
    turns = {
        "PRE-02.bridge-tool": fail("iproute2"),
        "CUT-08.stop": warn("`bridge` on railiance01 is iproute2"),
        "CUT-02.loaded": fail("ops-bridge.service is not-found"),
        "CUT-04.steady": fail("ops-bridge.service is not installed"),
        "PROD-08.enabled": fail("ops-bridge.service is not-found"),
        "PROD-13.restarts": warn("ops-bridge.service is not-found"),
        "PROD-18.order": fail("would take 127.0.0.1:"),
        "PROD-18.restart": fail("ops-bridge.service stays dead"),
        "CUT-05.port": fail("is held by the unit fleet-"),
        "PRE-11.listen-address": fail("is held by the unit fleet-"),
        "PROD-04.path": fail("is carried by the unit fleet-"),
        "PROD-04.from-pod": fail("is carried by the unit fleet-"),
        "CUT-07.forwards": inconclusive("`bridge_status` was not understood"),
        "PROD-09.same-after-reboot": inconclusive("`bridge_status` was not understood"),
        "PROD-10.few-units": inconclusive("`bridge_status` was not understood"),
        **unanswered(RAILIANCE, "`bridge_status` was not understood"),
    }

    def inject(self) -> None:
        """Nothing happens to the fleet."""

    def heal(self) -> None:
        """Nothing happened."""

    def inventory(self, document: dict[str, Any]) -> None:
        document["manager"] = "ops-bridge"

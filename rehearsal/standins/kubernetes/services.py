"""kube-proxy: Services become DNAT rules from ClusterIPs to ready pods, and `Endpoints` objects.

One nftables table, replaced as a whole in one transaction at each change. The node's own
connections are translated in the output hook, after the socket was made: `ss` on the node
therefore shows the ClusterIP as the peer, as with the real one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import deployments, selectors
from .sandbox import BRIDGE, SandboxError, run
from .store import Key, key_of

if TYPE_CHECKING:
    from .config import Cluster
    from .status import Object
    from .store import Store

TABLE = "standin-kube-proxy"
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


async def proxy(cluster: Cluster, store: Store) -> None:
    """Follow the store until cancelled."""
    applied = ""
    while True:
        version = store.version
        for service in store.all("services"):
            _update_endpoints(store, service)
        for endpoints in store.all("endpoints"):
            key = key_of("endpoints", endpoints)
            if store.get(Key("services", key.namespace, key.name)) is None:
                store.remove(key)
        wanted = ruleset(cluster, store)
        if wanted != applied:
            await run("nft", "-f", "-", given=wanted)
            applied = wanted
        await store.newer_than(version)


async def set_up_network(cluster: Cluster) -> None:
    """The pods' bridge, forwarding, and a route that makes ClusterIPs leave with a pod-side source.

    Raises SandboxError.
    """
    await tear_down_network()
    prefix = cluster.pod_cidr.prefixlen
    await run("ip", "-batch", "-", given=(
        f"link add {BRIDGE} type bridge\n"
        f"addr add {cluster.gateway}/{prefix} dev {BRIDGE}\n"
        f"link set {BRIDGE} up\n"
        f"route replace {cluster.service_cidr} dev {BRIDGE} src {cluster.gateway}\n"
    ))  # fmt: skip
    _FORWARDING.write_text("1\n")


async def tear_down_network() -> None:
    """Remove what this or an earlier instance set up."""
    await run("nft", "-f", "-", given=f"table ip {TABLE} {{}}\ndelete table ip {TABLE}\n")
    try:
        await run("ip", "link", "delete", BRIDGE)
    except SandboxError as error:
        if "Cannot find device" not in str(error):
            raise


def ruleset(cluster: Cluster, store: Store) -> str:
    """The nftables transaction for the Services and Endpoints in the store."""
    translations = []
    for service in store.all("services"):
        address = service["spec"].get("clusterIP", "None")
        if address == "None":
            continue
        for port in service["spec"].get("ports", []):
            targets = _targets(store, service, port)
            if targets:
                protocol = port["protocol"].lower()
                where = f"ip daddr {address} {protocol} dport {port['port']}"
                translations.append(f"{where} {_translate(targets)}")
    known = sorted(
        {
            s["spec"]["clusterIP"]
            for s in store.all("services")
            if s["spec"].get("clusterIP", "None") != "None"
        }
    )
    # As kube-proxy: a Service without endpoints refuses, an address nobody has swallows. By RST,
    # since Linux ignores an ICMP that is back before connect(2) lets go of its socket.
    unanswered = []
    if known:
        refused = f"ip daddr {{ {', '.join(known)} }} meta l4proto"
        unanswered = [f"{refused} tcp reject with tcp reset", f"{refused} != tcp reject"]
    unanswered.append(f"ip daddr {cluster.service_cidr} drop")
    pods = cluster.pod_cidr
    chains = {
        "services": translations,
        "prerouting": ["type nat hook prerouting priority dstnat; policy accept;", "jump services"],
        "output": ["type nat hook output priority -100; policy accept;", "jump services"],
        "postrouting": [
            "type nat hook postrouting priority srcnat; policy accept;",
            # Two pods on one bridge would answer each other directly, past the translation.
            f"ct status dnat ip saddr {pods} ip daddr {pods} masquerade",
            f'ip saddr {pods} oifname != "{BRIDGE}" masquerade',
        ],
        "unanswered": unanswered,
        "filter-output": ["type filter hook output priority 0; policy accept;", "jump unanswered"],
        "filter-forward": [
            "type filter hook forward priority 0; policy accept;",
            "jump unanswered",
        ],
    }
    body = "".join(
        f"chain {name} {{\n{''.join(f'{line}{chr(10)}' for line in lines)}}}\n"
        for name, lines in sorted(chains.items(), key=lambda item: "hook" in str(item[1]))
    )
    return f"table ip {TABLE} {{}}\ndelete table ip {TABLE}\ntable ip {TABLE} {{\n{body}}}\n"


def _update_endpoints(store: Store, service: Object) -> None:
    selector = service["spec"].get("selector")
    if not selector:
        return  # whoever made the Service writes its Endpoints
    key = key_of("endpoints", service)
    ready: list[Object] = []
    unready: list[Object] = []
    chosen = selectors.matching(selector)
    for pod in store.all("pods", key.namespace):
        gone = "deletionTimestamp" in pod["metadata"] or "podIP" not in pod["status"]
        if gone or not chosen(pod["metadata"].get("labels", {})):
            continue
        address = {
            "ip": pod["status"]["podIP"],
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": {
                "kind": "Pod",
                "namespace": key.namespace,
                "name": pod["metadata"]["name"],
                "uid": pod["metadata"]["uid"],
            },
        }
        (ready if deployments.is_ready(pod) else unready).append(address)
    subset: Object = {"ports": [_endpoint_port(p) for p in service["spec"].get("ports", [])]}
    if ready:
        subset["addresses"] = ready
    if unready:
        subset["notReadyAddresses"] = unready
    subsets = [subset] if ready or unready else []
    if store.get(key) is None:
        own = {"name": key.name, "namespace": key.namespace}
        store.create("endpoints", {"metadata": own, "subsets": subsets})
    else:
        store.update(key, lambda endpoints: endpoints.update(subsets=subsets))


def _endpoint_port(port: Object) -> Object:
    named = {"name": port["name"]} if "name" in port else {}
    return {**named, "port": port["targetPort"], "protocol": port["protocol"]}


def _targets(store: Store, service: Object, port: Object) -> list[tuple[str, int]]:
    endpoints = store.get(key_of("endpoints", service)) or {}
    return [
        (address["ip"], target["port"])
        for subset in endpoints.get("subsets", [])
        for address in subset.get("addresses", [])
        for target in subset["ports"]
        if target.get("name") == port.get("name")
    ]


def _translate(targets: list[tuple[str, int]]) -> str:
    if len(targets) == 1:
        return "dnat to {}:{}".format(*targets[0])
    choices = ", ".join(f"{i} : {ip} . {port}" for i, (ip, port) in enumerate(targets))
    return f"dnat ip to numgen random mod {len(targets)} map {{ {choices} }}"

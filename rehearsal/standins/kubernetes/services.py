"""kube-proxy, and the controllers of Endpoints and EndpointSlices.

kube-proxy obeys every EndpointSlice that names its Service by the label, whoever made it. The
controller's own are named after the Service, with a random end, and go when the Service does.

One nftables table, replaced as a whole in one transaction at each change. The node's own
connections are translated in the output hook, after the socket was made: `ss` on the node
therefore shows the ClusterIP as the peer, as with the real one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import admission, deployments, selectors
from .sandbox import BRIDGE, SandboxError, run
from .store import Key, key_of

if TYPE_CHECKING:
    from .config import ClusterConfig
    from .status import Object
    from .store import Store

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"
TABLE = "standin-kube-proxy"
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


async def proxy(cluster: ClusterConfig, store: Store) -> None:
    """Follow the store until cancelled."""
    applied = ""
    while True:
        version = store.version
        for service in store.all("services"):
            _update_endpoints(store, service)
            _update_slice(store, service)
        for endpoints in store.all("endpoints"):
            key = key_of("endpoints", endpoints)
            if store.get(Key("services", key.namespace, key.name)) is None:
                store.remove(key)
        _collect_orphans(store)
        wanted = ruleset(cluster, store)
        if wanted != applied:
            await run("nft", wanted)
            applied = wanted
        await store.newer_than(version)


async def set_up_network(cluster: ClusterConfig) -> None:
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
    await run("nft", f"table ip {TABLE} {{}}\ndelete table ip {TABLE}\n")
    try:
        await run("ip", "link", "delete", BRIDGE)
    except SandboxError as error:
        if "Cannot find device" not in str(error):
            raise


def ruleset(cluster: ClusterConfig, store: Store) -> str:
    """The nftables transaction for the Services and EndpointSlices in the store."""
    translations = []
    for service in store.all("services"):
        address = service["spec"].get("clusterIP", "None")
        if address == "None":
            continue
        for port in service["spec"].get("ports", []):
            where = f"ip daddr {address} {port['protocol'].lower()} dport {port['port']}"
            targets = _targets(store, service, port)
            translations += [f"{where} {rule}" for rule in _translate(targets)]
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
    if not _chooses(service):
        return  # whoever made the Service writes its Endpoints
    key = key_of("endpoints", service)
    ready: list[Object] = []
    unready: list[Object] = []
    for pod in _chosen(store, service):
        if "deletionTimestamp" in pod["metadata"]:
            continue
        address = {
            "ip": pod["status"]["podIP"],
            "nodeName": pod["spec"]["nodeName"],
            "targetRef": _reference(pod),
        }
        (ready if deployments.is_ready(pod) else unready).append(address)
    subset: Object = {"ports": [_endpoint_port(p) for p in service["spec"].get("ports", [])]}
    if ready:
        subset["addresses"] = ready
    if unready:
        subset["notReadyAddresses"] = unready

    def describe(endpoints: Object) -> None:
        endpoints.pop("subsets", None)  # and left out where there are none
        if ready or unready:
            endpoints["subsets"] = [subset]

    if store.get(key) is None:
        store.create("endpoints", {"metadata": {"name": key.name, "namespace": key.namespace}})
    store.update(key, describe)


def _update_slice(store: Store, service: Object) -> None:
    if not _chooses(service):
        return  # its slices stay as they are, or are made by hand
    endpoints = [_endpoint(pod, service) for pod in _chosen(store, service)]
    ports = [{"name": "", **_endpoint_port(port)} for port in service["spec"].get("ports", [])]
    content: Object = {"endpoints": endpoints or None, "ports": ports if endpoints else None}
    own = [s for s in slices(store, service) if s["metadata"]["labels"].get(MANAGED_BY)]
    if own:
        store.update(key_of("endpointslices", own[0]), lambda obj: obj.update(content))
        return
    metadata = service["metadata"]
    store.create("endpointslices", {
        "metadata": {
            "name": f"{metadata['name']}-{admission.random_suffix()}",
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "generation": 1,
            "labels": {
                **metadata.get("labels", {}),
                MANAGED_BY: CONTROLLER,
                SERVICE_NAME: metadata["name"],
            },
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "Service", "name": metadata["name"],
                "uid": metadata["uid"], "controller": True, "blockOwnerDeletion": True,
            }],
        },
        "addressType": "IPv4",
        **content,
    })  # fmt: skip


def slices(store: Store, service: Object) -> list[Object]:
    """Every EndpointSlice of a Service, whoever made it."""
    metadata = service["metadata"]
    return [
        found
        for found in store.all("endpointslices", metadata["namespace"])
        if found["metadata"].get("labels", {}).get(SERVICE_NAME) == metadata["name"]
    ]


def _collect_orphans(store: Store) -> None:
    """Remove the slices whose Service is gone; one made by hand has no owner and stays."""
    uids = {service["metadata"]["uid"] for service in store.all("services")}
    for found in store.all("endpointslices"):
        owners = {owner["uid"] for owner in found["metadata"].get("ownerReferences", [])}
        if owners - uids:
            store.remove(key_of("endpointslices", found))


def _chooses(service: Object) -> bool:
    return bool(service["spec"].get("selector")) and service["spec"]["type"] != "ExternalName"


def _chosen(store: Store, service: Object) -> list[Object]:
    """The pods behind a Service: those that end are among them, those that ended are not."""
    chosen = selectors.matching(service["spec"]["selector"])
    return [
        pod
        for pod in store.all("pods", service["metadata"]["namespace"])
        if "podIP" in pod["status"]
        and not deployments.is_over(pod)
        and chosen(pod["metadata"].get("labels", {}))
    ]


def _endpoint(pod: Object, service: Object) -> Object:
    ready = deployments.is_ready(pod)
    ends = "deletionTimestamp" in pod["metadata"]
    early = bool(service["spec"].get("publishNotReadyAddresses"))
    conditions = {"ready": early or (ready and not ends), "serving": ready, "terminating": ends}
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": conditions,
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": _reference(pod),
    }


def _reference(pod: Object) -> Object:
    metadata = pod["metadata"]
    return {
        "kind": "Pod",
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }


def _endpoint_port(port: Object) -> Object:
    named = {"name": port["name"]} if "name" in port else {}
    return {**named, "port": port["targetPort"], "protocol": port["protocol"]}


def _targets(store: Store, service: Object, port: Object) -> list[tuple[str, int]]:
    """Where kube-proxy leads a port: ready endpoints, and if none is, those that end and serve."""
    ready: list[tuple[str, int]] = []
    ending: list[tuple[str, int]] = []
    wanted = (port.get("name", ""), port["protocol"])
    for found in slices(store, service):
        numbers = [
            target["port"]
            for target in found["ports"] or []
            if (target["name"], target["protocol"]) == wanted
        ]
        if found["addressType"] != "IPv4":
            continue
        for endpoint in found["endpoints"] or []:
            state = endpoint["conditions"]
            ends = [(address, number) for address in endpoint["addresses"] for number in numbers]
            if state.get("ready", True):
                ready += ends
            elif state.get("serving") and state.get("terminating"):
                ending += ends
    return sorted(set(ready or ending))


def _translate(targets: list[tuple[str, int]]) -> list[str]:
    """A rule each, as kube-proxy's: the first takes its part of all, the next its part of the rest.

    A map of addresses and ports needs nftables 1.0.
    """
    return [
        (f"numgen random mod {left} 0 " if left > 1 else "") + f"dnat to {ip}:{port}"
        for left, (ip, port) in zip(range(len(targets), 0, -1), targets)
    ]

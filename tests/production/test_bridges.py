"""The bridge pods are ready, lead to the tunnels, and carry the services into the cluster."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from fixtures import Case, Inconclusive, check
from fleetmesh.facts.cluster_services import Endpoint, LiveService
from fleetmesh.facts.clusters import Deployment, InsideAnswer, Pod
from fleetmesh.inventory import Bridge, Inventory

Pods = Mapping[str, tuple[Pod, ...]]
Deployments = Mapping[str, dict[str, Deployment]]
_ADDRESS = re.compile(r"(?<![\w.])(?:\d+\.\d+\.\d+\.\d+|localhost):\d+")


def _pods(bridge: Bridge, pods: Pods, deployments: Deployments) -> tuple[Deployment, list[Pod]]:
    where = f"{bridge.cluster}/{bridge.namespace}"
    deployment = deployments[where].get(bridge.id)
    assert deployment is not None, f"there is no Deployment {bridge.namespace}/{bridge.id}"
    owned = [pod for pod in pods[where] if deployment.owns(pod) and not pod.deleting]
    return deployment, owned


@check(
    "PROD-01.pods",
    runbook="Verify production",
    hint="ssh {bridge.cluster} kubectl -n {bridge.namespace} get pods; "
    "kubectl -n {bridge.namespace} describe deploy {bridge}",
)
def test_bridge_pods_are_ready(
    bridge: Bridge,
    inventory: Inventory,
    pods: Pods,
    deployments: Deployments,
    now: datetime,
    case: Case,
) -> None:
    """The bridge Deployment has all pods ready, at least one, none restarting lately."""
    deployment, owned = _pods(bridge, pods, deployments)
    assert deployment.replicas > 0, f"{bridge} is scaled to 0 replicas"
    assert len(owned) == deployment.replicas, (
        f"{bridge} wants {deployment.replicas} pods and {len(owned)} match the runbook's selector"
    )
    steady_since = now - timedelta(seconds=inventory.limits.pod_restart_window)
    for pod in owned:
        case.note(f"{pod.name} {pod.ready}/{pod.containers}, {pod.restarts} restarts")
        state = f", {pod.waiting}" if pod.waiting else ""
        assert pod.ready == pod.containers > 0, (
            f"{pod.name} is {pod.ready}/{pod.containers} ready{state}"
        )
        assert pod.unready is None, f"{pod.name} is not ready: {pod.unready}"
        assert pod.last_restart is None or pod.last_restart < steady_since, (
            f"{pod.name} restarted at {pod.last_restart:%H:%M:%SZ}, {pod.restarts} times in all"
        )


@check(
    "PROD-02.upstream",
    runbook="After",
    hint="ssh {bridge.cluster} kubectl -n {bridge.namespace} get deploy {bridge} -o yaml",
)
def test_bridge_leads_to_its_tunnel(
    bridge: Bridge, inventory: Inventory, pods: Pods, deployments: Deployments
) -> None:
    """The bridge pod proxies to its tunnel's listen address on the node."""
    _, owned = _pods(bridge, pods, deployments)
    if not owned:
        raise Inconclusive(f"{bridge} has no pod whose proxy could be looked at")
    expected = inventory.tunnels[bridge.tunnel].listen
    for pod in owned:
        named = {found for word in pod.arguments for found in _ADDRESS.findall(word)}
        if not named:
            raise Inconclusive(f"{pod.name} does not say in its arguments where it proxies to")
        proxied = {address.replace("localhost", "127.0.0.1") for address in named}
        assert proxied == {expected}, f"{pod.name} proxies to {sorted(proxied)}, not to {expected}"
        assert pod.host_network, f"127.0.0.1 in {pod.name} is its own, not the node's"


@check(
    "PROD-02.service",
    runbook="After",
    hint="ssh {bridge.cluster} kubectl -n {bridge.namespace} get svc,ep {bridge} -o yaml",
)
def test_bridge_service_leads_to_its_pods(
    bridge: Bridge,
    pods: Pods,
    deployments: Deployments,
    bridge_services: Mapping[str, LiveService | None],
    bridge_endpoints: Mapping[str, tuple[Endpoint, ...]],
    case: Case,
) -> None:
    """The bridge's Service leads to the bridge's own pods, where they listen, and nowhere else."""
    service = bridge_services[bridge.id]
    assert service is not None, f"there is no Service {bridge.namespace}/{bridge}"
    names = dict(zip(service.ports, service.names, strict=True))
    assert bridge.port in names, (
        f"the Service has port {[*names]}, the inventory says {bridge.port}"
    )
    _, owned = _pods(bridge, pods, deployments)
    if not owned:
        raise Inconclusive(f"{bridge} has no pod to which its Service could lead")
    ports = {pod.name: pod.ports for pod in owned}
    led = [end for end in bridge_endpoints[bridge.id] if end.port_name == names[bridge.port]]
    assert led, f"the Service of {bridge} leads to no pod"
    for end in led:
        where = f"the Service leads to {end.ip}:{end.port}, {end.pod or 'of no pod'}"
        case.note(where)
        assert end.pod in ports, f"{where}; the bridge has {', '.join(ports)}"
        if not ports[end.pod]:
            raise Inconclusive(f"{end.pod} does not say on which port it listens")
        assert end.port in ports[end.pod], f"{where}, which listens on {[*ports[end.pod]]}"


@check(
    "PROD-03.inside",
    runbook="Verify production",
    hint="ssh {bridge.cluster} kubectl -n {bridge.namespace} exec "
    "deploy/{inventory.probe.deployment} -- {inventory.probe.python} -c …",
)
def test_service_answers_inside_the_cluster(
    bridge: Bridge, inventory: Inventory, inside_answers: Mapping[str, InsideAnswer]
) -> None:
    """From inside the cluster, the service answers healthy through its bridge."""
    answer = inside_answers[bridge.id].answer
    assert answer.refused is None, f"asked from inside, {bridge} does not answer: {answer.refused}"
    unhealthy = answer.unhealthy(inventory.services[inventory.tunnels[bridge.tunnel].to].health)
    assert unhealthy is None, unhealthy

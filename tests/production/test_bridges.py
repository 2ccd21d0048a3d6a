"""The bridge pods are ready, lead to the tunnels, and carry the services into the cluster."""

from collections.abc import Callable, Mapping

from fixtures import Case, Inconclusive, check
from fleetmesh.facts.asking_inside import InsideAnswer
from fleetmesh.facts.cluster_services import Endpoint, LiveService, strays
from fleetmesh.facts.clusters import Deployment
from fleetmesh.facts.machines import ClockOffset, Machine
from fleetmesh.facts.pods import Pod
from fleetmesh.facts.programs import elsewhere
from fleetmesh.facts.sockets import Socket
from fleetmesh.facts.workloads import Workload, config_maps
from fleetmesh.inventory import Bridge, Inventory, Tunnel
from fleetmesh.tunnels.attribution import Places, covers

Pods = Mapping[str, tuple[Pod, ...]]
Deployments = Mapping[str, dict[str, Deployment]]


def _where(bridge: Bridge) -> str:
    return f"{bridge.cluster}/{bridge.namespace}"


def _pods(bridge: Bridge, pods: Pods, deployments: Deployments) -> tuple[Deployment, list[Pod]]:
    deployment = deployments[_where(bridge)].get(bridge.id)
    assert deployment is not None, f"there is no Deployment {bridge.namespace}/{bridge.id}"
    return deployment, [pod for pod in pods[_where(bridge)] if deployment.owns(pod)]


def _living(owned: list[Pod]) -> list[Pod]:
    return [pod for pod in owned if not pod.deleting and not pod.over]


def _listens(pod: Pod, ip: str, port: int | None, listeners: tuple[Socket, ...]) -> bool:
    """Whether the node shows, by its control group, a listener of the pod's there."""
    return any(one.pod == pod.uid and covers(one, ip, port or 0) for one in listeners)


@check(
    "PROD-01.pods",
    runbook="Verify production",
    step="start",
    hint="in {bridge.cluster}: -n {bridge.namespace} get pods -o wide\n"
    "in {bridge.cluster}: -n {bridge.namespace} get deploy {bridge} -o yaml",
)
def test_bridge_pods_are_ready(
    bridge: Bridge,
    inventory: Inventory,
    pods: Pods,
    runbook_pods: Mapping[str, frozenset[str]],
    deployments: Deployments,
    clocks: Mapping[str, ClockOffset],
    case: Case,
) -> None:
    """The bridge Deployment has all pods ready, at least one, none restarted within the window.

    The window is the inventory's `limits.pod_restart_window`.

    A pod that was evicted or has completed is left over, and not one of them.
    """
    deployment, owned = _pods(bridge, pods, deployments)
    living = _living(owned)
    states = [deployment.rollout, deployment.trouble]
    states += [f"{pod.name} is being deleted" for pod in owned if pod.deleting]
    states += [f"{pod.name} is left over: {pod.reason or pod.phase}" for pod in owned if pod.over]
    told = "; ".join(filter(None, states))
    if told:
        case.note(told)
    assert deployment.replicas > 0, f"{bridge} is scaled to 0 replicas"
    most = max(deployment.replicas, deployment.existing if deployment.rollout else 0)
    assert deployment.replicas <= len(living) <= most, "; ".join(
        filter(None, (f"{bridge} wants {deployment.replicas} pods and has {len(living)}", told))
    )
    unfound = [pod.name for pod in living if pod.name not in runbook_pods[_where(bridge)]]
    assert not unfound, (
        f"{', '.join(unfound)} does not match the runbook's selector {inventory.probe.selector}"
    )
    window = inventory.limits.pod_restart_window
    for pod in living:
        case.note(f"{pod.name} {pod.ready}/{pod.containers}, {pod.restarts} restarts")
        if pod.ephemeral:
            case.note(f"{pod.name} was given {', '.join(pod.ephemeral)} while it ran")
        state = f"{pod.name} is {pod.ready}/{pod.containers} ready"
        why = ", ".join(filter(None, (state, pod.waiting or pod.unready)))
        assert pod.ready == pod.containers > 0, "; ".join(filter(None, (why, told)))
        assert pod.unready is None, f"{pod.name} is not ready: {pod.unready}"
        if pod.last_restart:
            seen = clocks[inventory.clusters[bridge.cluster].host].last
            restarted = f"{pod.name} restarted {pod.last_restart:%H:%M:%SZ}"
            assert seen > pod.last_restart.timestamp() + window, case.steady(
                pod.last_restart, window, f"{restarted}, {pod.last_end or 'why unknown'}"
            )


@check(
    "PROD-02.upstream",
    runbook="After",
    hint="in {bridge.cluster}: -n {bridge.namespace} get deploy {bridge} -o yaml",
)
def test_bridge_leads_to_its_tunnel(
    bridge: Bridge,
    inventory: Inventory,
    pods: Pods,
    deployments: Deployments,
    machines: Mapping[str, Machine],
    workloads: Mapping[str, tuple[Workload, ...]],
    case: Case,
) -> None:
    """What the bridge pod runs leads to its tunnel's listen address on the node, if it says so.

    It is the second witness: the path that a request takes is the first.
    """
    _, owned = _pods(bridge, pods, deployments)
    living = _living(owned)
    if not living:
        raise Inconclusive(f"{bridge} has no pod whose proxy could be looked at")
    tunnel = inventory.tunnels[bridge.tunnel]
    expected = str(tunnel.listen)
    node = {*inventory.hosts[tunnel.host].addresses, *machines[tunnel.host].addresses}
    for pod in living:
        held = config_maps(workloads[f"{_where(bridge)}/configmaps"]) if pod.config_maps else {}
        named, unread = pod.told(held)
        case.note(
            f"{pod.name} names "
            + (", ".join(f"{each.address} ({each.where})" for each in named) or "no address")
        )
        if not any(each.run and each.address == expected for each in named):
            case.note(
                f"{pod.name} runs nothing that names {expected}: the path seen is what counts"
            )
        if unread:
            case.note(f"{pod.name} has values from {', '.join(unread)}, not looked at")
        led = elsewhere(named, expected, unread=bool(unread))
        assert not led, (
            f"{pod.name} proxies to {sorted({each.address for each in led})}, not to {expected}: "
            f"{led[0].where}"
        )
        assert pod.host_network, f"127.0.0.1 in {pod.name} is its own, not the node's"
        if not pod.node_addresses:
            raise Inconclusive(f"{pod.name} is on no node")
        on = ", ".join(pod.node_addresses)
        assert node.intersection(pod.node_addresses), f"{pod.name} is on {on}, not on {tunnel.host}"


@check(
    "PROD-02.service",
    runbook="After",
    hint="in {bridge.cluster}: -n {bridge.namespace} get svc {bridge} -o yaml\n"
    "in {bridge.cluster}: -n {bridge.namespace} get endpointslices -l "
    "kubernetes.io/service-name={bridge} -o yaml",
)
def test_bridge_service_leads_to_its_pods(
    bridge: Bridge,
    inventory: Inventory,
    pods: Pods,
    deployments: Deployments,
    bridge_services: Mapping[str, LiveService | None],
    bridge_endpoints: Mapping[str, tuple[Endpoint, ...]],
    listeners: Mapping[str, tuple[Socket, ...]],
    inside_answers: Mapping[str, InsideAnswer],
    places: Places,
    case: Case,
) -> None:
    """The bridge's Service leads to the bridge's own pods, where they listen, and nowhere else.

    Without a Service, its pods have the node's port that the inventory names.

    A pod need not declare where it listens: its listener on the node shows it as well, or the
    answer of the only one.
    """
    node = inventory.tunnels[bridge.tunnel].host
    if bridge.host_port is not None:
        _, owned = _pods(bridge, pods, deployments)
        if not (living := _living(owned)):
            raise Inconclusive(f"{bridge} has no pod whose port of the node could be looked at")
        for pod in living:
            has, at = [*pod.host_ports], inventory.reached_at(bridge)
            if bridge.host_port not in has and _listens(pod, *at, listeners[node]):
                case.note(f"{pod.name} listens on {bridge.host_port}, which it does not declare")
                continue
            assert bridge.host_port in has, (
                f"{pod.name} has port {has} of its node, the inventory says {bridge.host_port}"
            )
        return
    service = bridge_services[bridge.id]
    assert service is not None, f"there is no Service {bridge.namespace}/{bridge}"
    assert service.type != "ExternalName", (
        f"the Service is a name for {service.external_name}, and leads to no pod"
    )
    if service.peculiar:
        case.note(f"the Service has {', '.join(service.peculiar)}")
    offered = service.offering(bridge.port)
    assert offered is not None, (
        f"the Service has port {[*service.ports]}, the inventory says {bridge.port}"
    )
    _, owned = _pods(bridge, pods, deployments)
    if not _living(owned):
        raise Inconclusive(f"{bridge} has no pod to which its Service could lead")
    ends = [end for end in bridge_endpoints[bridge.id] if service.uses(end)]
    for end in ends:
        case.note(f"the Service leads to {end}, {end.state}")
    led = [end for end in ends if end.serves(offered)]
    assert led, f"the Service of {bridge} leads to no pod"
    lost = strays(ends, owned)
    assert not lost, (
        f"the Service leads to {lost[0]}: {places.name(lost[0].ip)}; "
        f"the bridge has {', '.join(pod.name for pod in owned)}"
    )
    assert service.selector, "the Service has no selector: it does not follow the bridge's pods"
    by_name = {pod.name: pod for pod in owned}
    for end in led:
        pod = by_name[str(end.pod)]
        declared = pod.listens("TCP")
        port = bridge.port if service.headless else end.port
        if port not in declared and _listens(pod, end.ip, port, listeners[node]):
            case.note(f"{pod.name} listens on {port}, which it does not declare")
            continue
        alone = not declared and len(led) == 1
        if alone and inside_answers[bridge.id].answer.refused is None:
            case.note(f"{pod.name} answers on {port}, which it does not declare")
            continue
        if not declared:
            raise Inconclusive(f"{pod.name} does not say on which port it listens")
        assert port in declared, f"the Service leads to {end}, which listens on {[*declared]}"


@check(
    "PROD-03.inside",
    runbook="Verify production",
    step="start",
    hint="in {inventory.probe.cluster}: {bridge:from_inside}",
)
def test_service_answers_inside_the_cluster(
    bridge: Bridge,
    inventory: Inventory,
    inside_answers: Mapping[str, InsideAnswer],
    mistaken: Callable[[Tunnel | Bridge], str | None],
) -> None:
    """From inside the cluster, the service answers healthy through its bridge."""
    answer = inside_answers[bridge.id].answer
    assert answer.refused is None, f"asked from inside, {bridge} does not answer: {answer.refused}"
    unhealthy = answer.unhealthy(inventory.services[inventory.tunnels[bridge.tunnel].to].health)
    assert unhealthy is None, unhealthy
    another = mistaken(bridge)
    assert another is None, another

"""The services are where the tunnels are to lead, and healthy there."""

from collections.abc import Mapping

from fixtures import Case, Inconclusive, check
from fleetmesh.facts.answers import Answer
from fleetmesh.facts.cluster_services import LiveService
from fleetmesh.facts.reference import ConfiguredTunnel
from fleetmesh.facts.sockets import Process
from fleetmesh.inventory import Cluster, Inventory, Service, Tunnel
from fleetmesh.text import ssh_command


@check(
    "PRE-06.cluster-ip",
    runbook="Prerequisites",
    hint="in {service.cluster}: -n {service.namespace} get svc {service.name} -o wide",
)
def test_cluster_ip_is_current(
    service: Service, live_services: Mapping[str, LiveService | None]
) -> None:
    """The service's live ClusterIP and port equal the inventory."""
    live = live_services[service.id]
    assert live is not None, f"there is no Service {service.namespace}/{service.name}"
    assert live.cluster_ip == service.cluster_ip, (
        f"the Service has ClusterIP {live.cluster_ip}, the inventory says {service.cluster_ip}"
    )
    assert service.port in live.ports, (
        f"the Service has port {', '.join(map(str, live.ports))}, the inventory says {service.port}"
    )


@check(
    "PRE-06.interactive",
    runbook="Prerequisites",
    hint="on {inventory.workstation.host}: {inventory.workstation:status}",
)
def test_interactive_tunnel_leads_to_the_same(
    service: Service, inventory: Inventory, processes: Mapping[str, tuple[Process, ...]]
) -> None:
    """The workstation's interactive tunnel to the service leads to the inventory's ClusterIP."""
    workstation = inventory.workstation
    expected = f"{service.cluster_ip}:{service.port}"
    listens = {
        str(t.listen): name for name, t in workstation.interactive.items() if t.to == service.id
    }
    found = [
        (listens[forward.listen], forward.target)
        for process in processes[workstation.host]
        if (command := ssh_command.parse(process.argv))
        for forward in command.local
        if forward.listen in listens
    ]
    if not found:
        raise Inconclusive(
            f"no interactive tunnel to {service.id} runs on {workstation.host}: "
            f"{', '.join(listens.values()) or 'none is defined'}"
        )
    for name, target in found:
        assert target == expected, f"{name} leads to {target}, the inventory says {expected}"


@check(
    "PRE-13.cluster",
    runbook="Prerequisites",
    hint="in {cluster}: get namespace kube-system -o jsonpath='{{.metadata.uid}}'",
)
def test_cluster_is_the_right_one(
    cluster: Cluster, inventory: Inventory, cluster_uids: Mapping[str, str]
) -> None:
    """The kubeconfig leads to the cluster that it is taken for, and to none of the others."""
    uid = cluster_uids[cluster.id]
    assert cluster.uid in (None, uid), (
        f"the cluster has UID {uid}, the inventory says {cluster.uid}"
    )
    twins = [other for other in inventory.clusters if cluster_uids[other] == uid]
    assert twins == [cluster.id], f"{' and '.join(twins)} are one cluster: UID {uid}"


@check(
    "PRE-07.healthy",
    runbook="Prerequisites",
    hint="on {service.cluster:host}: curl -sS -i -m 10 {service:url}",
)
def test_service_is_healthy(
    service: Service, service_answers: Mapping[str, Answer], case: Case
) -> None:
    """The service answers healthy at its ClusterIP, asked from its cluster's host."""
    answer = service_answers[service.id]
    case.note(f"answered {answer.status}: {answer.body[:120]!r}")
    unhealthy = answer.unhealthy(service.health)
    assert unhealthy is None, unhealthy


@check(
    "PRE-08.same",
    runbook="Prerequisites",
    hint="here: cat {inventory.reference}/{tunnel.host}-tunnels.yaml\n"
    "Compare it with the inventory, {inventory.file}.",
)
def test_reference_says_the_same(
    tunnel: Tunnel,
    inventory: Inventory,
    reference_tunnels: Mapping[str, dict[str, ConfiguredTunnel]],
) -> None:
    """The reference tunnels.yaml and the inventory say the same of the tunnel."""
    configured = reference_tunnels[tunnel.host].get(tunnel.id)
    assert configured is not None, f"the reference does not know {tunnel.id}"
    service, via = inventory.services[tunnel.to], inventory.hosts[tunnel.via]
    says = {
        "listen": (configured.listen, str(tunnel.listen)),
        "target": (configured.target, f"{service.cluster_ip}:{service.port}"),
        "host": (configured.host, via.target),
        "user": (configured.user, tunnel.far_user),
        "identity": (configured.key, tunnel.key),
    }
    for key, (reference, expected) in says.items():
        assert reference == expected, f"{key}: the reference says {reference}, not {expected}"


@check(
    "PRE-08.no-other",
    runbook="Prerequisites",
    hint="here: cat {inventory.reference}/{carrier}-tunnels.yaml\n"
    "Compare it with the inventory, {inventory.file}.",
)
def test_reference_knows_no_other_tunnel(
    carrier: str,
    inventory: Inventory,
    reference_tunnels: Mapping[str, dict[str, ConfiguredTunnel]],
) -> None:
    """The reference tunnels.yaml defines no tunnel that the inventory does not know."""
    unknown = reference_tunnels[carrier].keys() - inventory.tunnels.keys()
    assert not unknown, f"the reference also defines {', '.join(sorted(unknown))}"

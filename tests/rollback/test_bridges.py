"""After a rollback the bridges carry the services into the cluster, as they did before."""

from collections.abc import Callable, Mapping

from fixtures import check
from fleetmesh.facts.asking_inside import InsideAnswer
from fleetmesh.facts.clusters import Deployment
from fleetmesh.facts.pods import Pod
from fleetmesh.inventory import Bridge, Inventory, Tunnel


@check(
    "ROLL-04.pods",
    runbook="Rollback",
    hint="in {bridge.cluster}: -n {bridge.namespace} describe deploy {bridge}",
)
def test_bridge_is_ready(
    bridge: Bridge,
    pods: Mapping[str, tuple[Pod, ...]],
    deployments: Mapping[str, dict[str, Deployment]],
) -> None:
    """The bridge has all pods that its Deployment wants, at least one, and all are ready."""
    where = f"{bridge.cluster}/{bridge.namespace}"
    deployment = deployments[where].get(bridge.id)
    unready = deployment.unready(pods[where]) if deployment else f"there is no Deployment {bridge}"
    assert unready is None, unready


@check(
    "ROLL-04.inside",
    runbook="Rollback",
    hint="in {bridge.cluster}: -n {bridge.namespace} get pods,svc -o wide",
)
def test_service_answers_inside_as_before(
    bridge: Bridge,
    inventory: Inventory,
    inside_answers: Mapping[str, InsideAnswer],
    mistaken: Callable[[Tunnel | Bridge], str | None],
) -> None:
    """From inside the cluster, the service answers healthy through its bridge."""
    answer = inside_answers[bridge.id].answer
    unhealthy = answer.unhealthy(inventory.services[inventory.tunnels[bridge.tunnel].to].health)
    wrong = unhealthy or mistaken(bridge)
    assert wrong is None, f"asked from inside, {bridge}: {wrong}"

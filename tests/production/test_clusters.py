"""The clusters lead nowhere but to the fleet's own pods."""

from collections.abc import Mapping

from fixtures import Case, check
from fleetmesh.facts.cluster_services import Endpoint, LiveService, strays
from fleetmesh.facts.pods import Pod
from fleetmesh.facts.workloads import Workload
from fleetmesh.inventory import Inventory, Service
from fleetmesh.tunnels.attribution import Places


@check(
    "PROD-15.endpoints",
    runbook="Goal, After",
    hint="in {service.cluster}: -n {service.namespace} get svc {service.name} -o wide\n"
    "in {service.cluster}: -n {service.namespace} get endpointslices -l "
    "kubernetes.io/service-name={service.name}\n"
    "in {service.cluster}: -n {service.namespace} get pods -o wide",
)
def test_service_leads_to_its_own_pods(
    service: Service,
    inventory: Inventory,
    live_services: Mapping[str, LiveService | None],
    service_endpoints: Mapping[str, tuple[Endpoint, ...]],
    pods: Mapping[str, tuple[Pod, ...]],
    places: Places,
    case: Case,
) -> None:
    """The Service behind the tunnel leads to its own pods, none of them on the workstation."""
    live = live_services[service.id]
    assert live is not None, f"there is no Service {service.namespace}/{service.name}"
    if live.peculiar:
        case.note(f"the Service has {', '.join(live.peculiar)}")
    offered = live.offering(service.port)
    ends = [end for end in service_endpoints[service.id] if live.uses(end)]
    for end in ends:
        case.note(f"the Service leads to {end}, {end.state}")
    led = [end for end in ends if end.serves(offered)] if offered else []
    assert led, f"the Service leads to no pod from its port {service.port}"
    own = [pod for pod in pods[f"{service.cluster}/{service.namespace}"] if live.selects(pod)]
    lost = strays(ends, own)
    has = ", ".join(pod.name for pod in own) or "no pod of its own"
    assert not lost, f"the Service leads to {lost[0]}: {places.name(lost[0].ip)}; it has {has}"
    workstation = inventory.workstation.host
    for pod in own:
        hosts = [places.name(address) for address in pod.node_addresses]
        assert workstation not in hosts, f"{pod.name} runs on {workstation}"


@check(
    "PROD-16.workstation-unnamed",
    runbook="Tunnel policy",
    hint="in {inventory.probe.cluster}: -n {inventory.probe.namespace} get "
    "deploy,sts,ds,cronjob,job,pod,svc,endpointslice,cm -o yaml | grep -nF "
    "{inventory.workstation.host:names}",
)
def test_no_object_names_the_workstation(
    inventory: Inventory,
    workloads: Mapping[str, tuple[Workload, ...]],
    places: Places,
    case: Case,
) -> None:
    """No object of the application's namespace that may run or lead names the workstation.

    A pod or a Job that has run to its end is left over, and so is a ConfigMap that nothing uses.
    """
    host = inventory.workstation.host
    words = {*inventory.hosts[host].names, *places.addresses_of(host)}
    found = [workload for where in workloads for workload in workloads[where]]
    used = dict.fromkeys(source for each in found if not each.over for source in each.sources)
    for workload in found:
        left_over = workload.over or (workload.is_configuration and workload.name not in used)
        for place, text in workload.mentions(words):
            named = f"{workload.name} names the workstation: {place} is {text!r}"
            assert left_over, named
            case.note(f"it is left over: {named}")
    unread = used.keys() - {workload.name for workload in found}
    if unread:
        case.note(f"not looked at: {', '.join(sorted(unread))}")

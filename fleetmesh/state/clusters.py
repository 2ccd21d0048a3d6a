"""The clusters: Services, Deployments and pods, by what made them rather than by their numbers."""

from collections import Counter

from fleetmesh.facts.asking_inside import InsideAnswer
from fleetmesh.facts.cluster_services import (
    BRIDGE_ENDPOINTS,
    BRIDGE_SERVICES,
    LIVE_SERVICES,
    SERVICE_ENDPOINTS,
    Endpoint,
    LiveService,
)
from fleetmesh.facts.clusters import (
    CLUSTER_UIDS,
    CLUSTER_VERSIONS,
    DEPLOYMENTS,
    INSIDE_ANSWERS,
    Deployment,
)
from fleetmesh.facts.pods import PODS, RUNBOOK_PODS, Pod
from fleetmesh.facts.workloads import WORKLOADS, Workload
from fleetmesh.state.kind import Around, Kind, State, members, present, unnumbered


def _service(found: LiveService | None, _: Around) -> State:
    if found is None:
        return {}
    told = ("type", "cluster_ip", "external_name", "selector", "offers", "peculiar")
    return {"Service": members(found, *told)}


def _endpoints(found: tuple[Endpoint, ...], _: Around) -> State:
    led = Counter(
        f"{unnumbered(one.pod) if one.pod else one.ip} port {one.port} {one.protocol}, "
        f"by {one.maker}: {one.state}"
        for one in found
    )
    return {end: f"{count} of them" for end, count in led.items()}


def _pods(found: tuple[Pod, ...], _: Around) -> State:
    specified = ("host_network", "named", "unread", "ephemeral", "ports")
    told: dict[str, str] = {}
    for (name, state, spec), count in Counter(
        (unnumbered(pod.name), _now(pod), members(pod, *specified)) for pod in found
    ).items():
        told[f"{name} {spec}"] = "there"
        told[f"{name} {state}"] = f"{count} of them"
    return told


def _now(pod: Pod) -> str:
    state = f"{pod.phase}, {pod.ready}/{pod.containers} ready"
    more = (pod.reason, pod.waiting, "being deleted" if pod.deleting else None)
    return ", ".join(filter(None, (state, *more)))


def _runbook_pods(found: frozenset[str], _: Around) -> State:
    return present(map(unnumbered, found), "selected")


def _deployments(found: dict[str, Deployment], _: Around) -> State:
    told = ("replicas", "selector", "paused", "rollout", "trouble")
    return {name: members(one, *told) for name, one in found.items()}


def _uid(found: str, _: Around) -> State:
    return {"kube-system": found}


def _version(found: str, _: Around) -> State:
    return {"Kubernetes": found}


def _inside(found: InsideAnswer, _: Around) -> State:
    return {"answer": "none" if found.answer.refused else str(found.answer.status)}


def _workloads(found: tuple[Workload, ...], _: Around) -> State:
    told: dict[str, str] = {}
    for one in found:
        if one.over or one.name.startswith("Pod/"):
            continue
        name = unnumbered(one.name)
        told[name] = f"there, {members(one, 'sources')}"
        places = dict(one.texts)
        leads_to_pods = any(".targetRef." in place for place in places)
        for place, text in places.items():
            if not (leads_to_pods and place.startswith("endpoints[")):
                told[f"{name} {place}"] = text
    return told


STATES = (
    Kind(LIVE_SERVICES, _service),
    Kind(BRIDGE_SERVICES, _service),
    Kind(SERVICE_ENDPOINTS, _endpoints, "addresses of pods, what ends their names"),
    Kind(BRIDGE_ENDPOINTS, _endpoints, "addresses of pods, what ends their names"),
    Kind(PODS, _pods, "names' ends, UIDs, addresses, restarts, times"),
    Kind(RUNBOOK_PODS, _runbook_pods, "names' ends"),
    Kind(DEPLOYMENTS, _deployments),
    Kind(CLUSTER_UIDS, _uid),
    Kind(CLUSTER_VERSIONS, _version),
    Kind(INSIDE_ANSWERS, _inside, "the pod that asked, its addresses, the body, bytes"),
    Kind(
        WORKLOADS,
        _workloads,
        "what is over; pods and ends, which other facts have",
    ),
)

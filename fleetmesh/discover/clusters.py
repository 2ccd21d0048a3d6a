"""Which kubeconfig leads to a cluster, and what the Services with the runbook's ClusterIPs are."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fleetmesh.by_hand import on
from fleetmesh.discover.answers import Answers
from fleetmesh.discover.found import Finding, Found, Seen, Value
from fleetmesh.discover.kubeconfigs import Look, Way, parse_ways
from fleetmesh.discover.questions import KUBECONFIGS
from fleetmesh.facts.fact import Fact
from fleetmesh.facts.sockets import bare
from fleetmesh.gather.probe import Probe
from fleetmesh.inventory import Cluster, Inventory, Service
from fleetmesh.text import strict_json
from fleetmesh.text.legible import brief

Object = dict[str, Any]
Ways = dict[str, tuple[Way, Seen]]
"""How each cluster was reached, by its name in the inventory."""


def looks(inventory: Inventory, answers: Answers) -> Fact[tuple[Way, ...]]:
    """The question to every API that a readable kubeconfig of a cluster's host leads to."""

    def probes(_: Inventory) -> dict[str, Probe]:
        asked: dict[str, Probe] = {}
        for cluster in inventory.clusters.values():
            told = answers.of(KUBECONFIGS, cluster.host) if cluster.kubeconfig else None
            for file in told.value.readable if told else ():
                paths = tuple(_paths(cluster, inventory))
                asked[f"{cluster}:{file}"] = Look(cluster.host, file, paths)
        return asked

    return Fact("ways", probes, parse_ways)


def _paths(cluster: Cluster, inventory: Inventory) -> Iterator[tuple[str, str]]:
    """The lists that a wide account may read; then, for one with few rights, what it may."""
    yield "services", "/api/v1/services"
    for service in inventory.services.values():
        if service.cluster == cluster.id:
            where = f"/api/v1/namespaces/{service.namespace}/services/{service.name}"
            yield f"service {service}", where
    namespaces = {b.namespace for b in inventory.bridges.values() if b.cluster == cluster.id}
    if inventory.probe.cluster == cluster.id:
        namespaces.add(inventory.probe.namespace)
    for namespace in sorted(namespaces):
        yield f"services {namespace}", f"/api/v1/namespaces/{namespace}/services"
        yield f"deployments {namespace}", f"/apis/apps/v1/namespaces/{namespace}/deployments"


def read(way: Way, what: str) -> list[Object] | None:
    """The objects of an answer: of a list, or the one; None where there was no such answer."""
    status, body = way.answers.get(what, (0, ""))
    if status == HTTPStatus.NOT_FOUND:
        return []
    if status != HTTPStatus.OK:
        return None
    try:
        found = strict_json.loads(body.encode())
        listed = found.get("items", [found])
        return [each for each in listed if isinstance(each["metadata"]["name"], str)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def chosen(cluster: Cluster, inventory: Inventory, ways: list[Way]) -> Way | None:
    """The way that leads to the cluster: where one of the runbook's claims is found.

    That of the inventory is kept if a claim is found there, or if it says why it cannot tell.
    """
    own = [way for way in ways if way.kubeconfig == _own(cluster)]
    held = [w for w in own if (w.context == cluster.context if cluster.context else w.current)]
    if held and (held[0].problem or proves(held[0], cluster, inventory)):
        return held[0]
    found = [way for way in (*own, *ways) if proves(way, cluster, inventory)]
    return found[0] if found else None


def _own(cluster: Cluster) -> str:
    return cluster.kubeconfig or ""


def proves(way: Way, cluster: Cluster, inventory: Inventory) -> bool:
    """Whether the API knows what the runbook says is in the cluster."""
    for service in inventory.services.values():
        if service.cluster == cluster.id and by_claim(way, service):
            return True
    return any(
        each["metadata"]["name"] == bridge.id
        for bridge in inventory.bridges.values()
        if bridge.cluster == cluster.id
        for each in read(way, f"services {bridge.namespace}") or ()
    )


def by_claim(way: Way, service: Service) -> Object | None:
    """The Service that has the runbook's ClusterIP."""
    known = [*(read(way, "services") or ()), *(read(way, f"service {service}") or ())]
    has = (each for each in known if (each.get("spec") or {}).get("clusterIP"))
    return next(
        (each for each in has if bare(str(each["spec"]["clusterIP"])) == service.cluster_ip), None
    )


def kubeconfigs(
    inventory: Inventory, answers: Answers, fact: Fact[tuple[Way, ...]], reached: Ways
) -> Found:
    """Kubeconfig and context of each cluster; the way by which it was `reached` is added there."""
    for cluster in inventory.clusters.values():
        if cluster.kubeconfig is None:
            continue  # somebody has named the host's kubectl instead
        place = ("clusters", cluster.id, "kubeconfig")
        told = [t for t in answers.each(fact) if t.subject.partition(":")[0] == cluster.id]
        ways = {way: t.seen for t in told for way in t.value}
        way = chosen(cluster, inventory, list(ways))
        if way is None:
            advice = f"{_advice(cluster, inventory)}; {_OR}"
            yield Finding(place, _none(cluster, answers, ways), None, advice)
            continue
        file = way.kubeconfig
        if way.problem:
            what = f"{file} on {cluster.host}: {brief(way.problem)}"
            yield Finding(place, what, ways[way], _advice(cluster, inventory))
            continue
        if not way.current:  # first, while the file is open
            yield Value((*place[:-1], "context"), way.context, ways[way])
        yield Value(place, file, ways[way])
        reached[cluster.id] = way, ways[way]


_OR = "or, instead of `kubeconfig:`, a command that may read it: `kubectl: sudo -n k3s kubectl`"


def _advice(cluster: Cluster, inventory: Inventory) -> str:
    asked = on(inventory, cluster.host, "kubectl config get-contexts")
    return f"{asked}   (docs/operating.md makes an account for the suite)"


def _none(cluster: Cluster, answers: Answers, ways: dict[Way, Seen]) -> str:
    told = answers.of(KUBECONFIGS, cluster.host)
    if told is None:
        return str(answers.cause(KUBECONFIGS, cluster.host))
    if tried := [f"{w.kubeconfig} ({w.context})" for w in ways]:
        return f"none of {brief(', '.join(tried))} leads to what the runbook says is in {cluster}"
    closed = ", ".join(told.value.closed)
    more = f"; the suite's user may not read {closed}" if closed else ""
    return f"there is no kubeconfig on {cluster.host} that can be read{more}"


def services(inventory: Inventory, ways: Ways) -> Found:
    """Namespace and name of each Service, by its ClusterIP; whatever else has the name stays."""
    for service in inventory.services.values():
        if service.cluster not in ways:
            continue
        way, seen = ways[service.cluster]
        place = ("services", service.id)
        known = [*(read(way, "services") or ()), *(read(way, f"service {service}") or ())]
        named = next((e for e in known if _is(e, service.namespace, service.name)), None)
        found = by_claim(way, service)
        where = f"{service.namespace}/{service.name}"
        claim = f"the runbook says {service.cluster_ip}:{service.port}"
        has = (named.get("spec") or {}).get("clusterIP") if named else service.cluster_ip
        if bare(str(has)) != service.cluster_ip:
            what = f"the Service {where} has the ClusterIP {brief(str(has))}; {claim}"
            yield Finding((*place, "cluster_ip"), what, seen, "PRE-06.cluster-ip judges it")
        elif found is None:
            what = f"no Service that the account may see has {service.cluster_ip}; {claim}"
            yield Finding((*place, "name"), what, seen, f"kubectl get svc -A | grep {service.port}")
        elif service.port not in _ports(found):
            ports = ", ".join(map(str, _ports(found))) or "none"
            what = f"the Service with {service.cluster_ip} offers the TCP ports {ports}; {claim}"
            yield Finding((*place, "port"), what, seen, "PRE-06.cluster-ip judges it")
        else:
            yield Value((*place, "namespace"), found["metadata"].get("namespace"), seen)
            yield Value((*place, "name"), found["metadata"]["name"], seen)


def _is(entry: Object, namespace: str, name: str) -> bool:
    return (entry["metadata"].get("namespace"), entry["metadata"]["name"]) == (namespace, name)


def _ports(service: Object) -> list[int]:
    offered = (service.get("spec") or {}).get("ports") or ()
    return [each["port"] for each in offered if each.get("protocol", "TCP") == "TCP"]

"""What the objects of the application's namespace name, word by word.

Read are the specifications of whatever runs there or leads traffic there, and the ConfigMaps that
it has values from. Secrets are said, and not read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fleetmesh.facts.api_objects import UNUSABLE, http_status, items_of, object_of
from fleetmesh.facts.fact import Fact, NotUnderstood
from fleetmesh.facts.pods import OVER
from fleetmesh.gather.cluster_api import Kubernetes
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text.shell import join


@dataclass(frozen=True)
class Workload:
    """An object of the application's namespace, and every text in its specification."""

    name: str
    """Kind and name, as `Deployment/actcore-api`."""
    texts: tuple[tuple[str, str], ...]
    """Where in the object, and what stands there."""
    sources: tuple[str, ...]
    """Where it has values from: `ConfigMap/hub`, `Secret/token`."""
    data: Mapping[str, str] = field(default_factory=dict)
    """What a ConfigMap holds, by key."""
    over: bool = False
    """Whether it has run to its end, and nothing of it runs again: a pod or a Job."""

    @property
    def is_configuration(self) -> bool:
        """Whether it is a ConfigMap, which does nothing by itself."""
        return self.name.startswith("ConfigMap/")

    def mentions(self, words: Iterable[str]) -> list[tuple[str, str]]:
        """Where it names one of `words`, a host's names and addresses, as a whole word."""
        pattern = re.compile("|".join(map(_whole, words)), re.IGNORECASE)
        return [(place, text) for place, text in self.texts if pattern.search(text)]


def _whole(word: str) -> str:
    # A name may go on with a domain, and an address may not go on with another number.
    after = r"(?![\w-])(?!\.\d)" if word[:1].isdigit() or ":" in word else r"(?![\w-])"
    return rf"(?<![\w.-]){re.escape(word)}{after}"


_GROUPS = {
    "deployments": "apis/apps/v1",
    "statefulsets": "apis/apps/v1",
    "daemonsets": "apis/apps/v1",
    "cronjobs": "apis/batch/v1",
    "jobs": "apis/batch/v1",
    "pods": "api/v1",
    "services": "api/v1",
    "endpointslices": "apis/discovery.k8s.io/v1",
    "configmaps": "api/v1",
}


def _workloads(inventory: Inventory) -> dict[str, Probe]:
    application = [(b.cluster, b.namespace) for b in inventory.bridges.values()]
    application.append((inventory.probe.cluster, inventory.probe.namespace))
    return {
        f"{cluster}/{namespace}/{resource}": Kubernetes(
            cluster,
            f"/{group}/namespaces/{namespace}/{resource}",
            join(["-n", namespace, "get", resource, "-o", "json"]),
        )
        for cluster, namespace in dict.fromkeys(application)
        for resource, group in _GROUPS.items()
    }


_LISTS = (
    *("DeploymentList", "StatefulSetList", "DaemonSetList", "CronJobList", "JobList"),
    *("PodList", "ServiceList", "EndpointSliceList", "ConfigMapList"),
)


def parse_workloads(transcript: Transcript) -> tuple[Workload, ...]:
    """Read a list of objects of one kind; an empty one is an answer."""
    listed = str(object_of(transcript).get("kind"))
    if http_status(transcript) == HTTPStatus.OK and listed not in _LISTS:
        raise NotUnderstood(f"expected a list of what runs or leads somewhere, found {listed!r}")
    kind = listed.removesuffix("List")
    found = []
    for item in items_of(transcript, listed):
        try:
            held = {key: item[key] for key in ("spec", "endpoints") if item.get(key)}
            name = f"{kind}/{item['metadata']['name']}"
            sources = tuple(dict.fromkeys(_sources(held)))
            over = kind in ("Pod", "Job") and _over(item.get("status") or {})
            texts = (*_texts(held, ""), *_lines(item.get("data") or {}))
            data = {str(k): str(v) for k, v in (item.get("data") or {}).items()}
            found.append(Workload(name, texts, sources, data, over))
        except UNUSABLE as error:
            raise NotUnderstood(f"a {kind} without a usable {error}") from None
    return tuple(found)


WORKLOADS = Fact("workloads", _workloads, parse_workloads)


def _over(status: dict[str, Any]) -> bool:
    """By a pod's phase, or a Job's conditions; a Job that only fails so far has neither."""
    ended = [each["type"] for each in status.get("conditions") or () if each["status"] == "True"]
    return status.get("phase") in OVER or not {"Complete", "Failed"}.isdisjoint(ended)


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every text but the names of things, which lead nowhere."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, held in value.items():
            if key != "name":
                yield from _texts(held, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for index, held in enumerate(value):
            named = held.get("name") if isinstance(held, dict) else None
            yield from _texts(held, f"{place}[{named or index}]")


_REMARKS = ("#", ";", "//", "--")


def _lines(data: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The lines of a ConfigMap's files and values, without those that are remarks."""
    for key, text in data.items():
        for number, line in enumerate(text.splitlines(), 1):
            if not line.lstrip().startswith(_REMARKS):
                yield f"line {number} of {key}", line


_ROOT_CA = "kube-root-ca.crt"  # of the cluster itself, in every pod
_SOURCES = {
    "configMapKeyRef": "ConfigMap",
    "configMapRef": "ConfigMap",
    "configMap": "ConfigMap",
    "secretKeyRef": "Secret",
    "secretRef": "Secret",
    "secret": "Secret",
}


def _sources(value: Any) -> Iterator[str]:
    for key, held in value.items() if isinstance(value, dict) else ():
        if key in _SOURCES and isinstance(held, dict):
            name = held.get("name") or held.get("secretName")
            if name != _ROOT_CA:
                yield f"{_SOURCES[key]}/{name}"
    for held in value.values() if isinstance(value, dict) else value:
        if isinstance(held, (dict, list)):
            yield from _sources(held)


def config_maps(listed: Iterable[Workload]) -> dict[str, Mapping[str, str]]:
    """What the ConfigMaps among these hold, by name and key."""
    return {one.name.removeprefix("ConfigMap/"): one.data for one in listed if one.is_configuration}

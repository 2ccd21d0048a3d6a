"""Pods that are not well: how their containers ended, what happened to them, what they said."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from urllib.parse import quote as in_url

from fleetmesh.diagnostics.subject import MARK, Asked, Inquiry, Quote, Subject, answer, script
from fleetmesh.facts.api_objects import UNUSABLE, items_of
from fleetmesh.facts.fact import NotUnderstood
from fleetmesh.facts.pods import PODS
from fleetmesh.gather.cluster_api import Kubernetes
from fleetmesh.gather.snapshot import Snapshot
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text import strict_json
from fleetmesh.text.legible import brief, last_line
from fleetmesh.text.shell import join, quote

LIST, EVENTS, LOG, WORDS = (
    f"{MARK}{name}" for name in ("pods", "pod_events", "pod_log", "pod_words")
)
_WORDS = files(__package__).joinpath("pod_words.sh").read_text()
_MOST = 3
"""Pods of a workload that are asked about, and containers of a pod."""
_PLAIN = (None, "ContainerCreating", "PodInitializing", "CrashLoopBackOff")
"""Reasons why a container waits that tell nothing of themselves."""

_REPEATS = re.compile(r"Error: \w+")
"""A warning of the kubelet that repeats why a container waits, beside another that tells why."""

Object = dict[str, Any]


@dataclass(frozen=True)
class Workload(Subject):
    """The pods of a Deployment, which are named after it."""

    cluster: str
    namespace: str
    deployment: str

    @property
    def where(self) -> str:
        """Cluster and namespace, as the fact of all pods has it."""
        return f"{self.cluster}/{self.namespace}"

    def asks(self, inventory: Inventory, known: Snapshot) -> Asked:
        """Events and logs of those that are ill: which are, the run knows, or asks first."""
        asked = dict[tuple[str, str], Any]()
        if not self.relies(inventory, known):
            asked[LIST, self.where] = PODS.probes(inventory)[self.where]
        if inventory.clusters[self.cluster].kubectl is not None:
            return {
                **asked,
                (WORDS, f"{self.where}/{self.deployment}"): self._by_kubectl(inventory),
            }
        for pod in self._ill(inventory, known):
            name = pod["metadata"]["name"]
            asked[EVENTS, f"{self.where}/{name}"] = self._events(name)
            for report in _ill_containers(pod):
                asked[LOG, f"{self.where}/{name}/{report['name']}"] = self._log(name, report)
        return asked

    def relies(self, inventory: Inventory, known: Snapshot) -> tuple[Transcript, ...]:  # noqa: ARG002
        """The list of the namespace's pods."""
        found = known.of(PODS.name).get(self.where)
        return () if found is None or found.lost else (found,)

    def quotes(self, inventory: Inventory, known: Snapshot) -> Iterator[Quote]:
        """Of each pod that is ill, one line."""
        host = inventory.clusters[self.cluster].host
        for pod in self._ill(inventory, known):
            name = pod["metadata"]["name"]
            told = ((source, text) for source, text in self._told(pod, known) if text)
            for source, text in list(told)[:1]:
                yield Quote(host, f"{source} of {name}", brief(text))

    def _events(self, pod: str) -> Kubernetes:
        of = f"involvedObject.kind=Pod,involvedObject.name={pod}"
        return Kubernetes(
            self.cluster,
            f"/api/v1/namespaces/{self.namespace}/events?fieldSelector={in_url(of)}&limit=50",
            join(["-n", self.namespace, "get", "events", f"--field-selector={of}"]),
        )

    def _log(self, pod: str, report: Object) -> Kubernetes:
        """Of a container that runs again, what it said before it ended."""
        path = (
            f"/api/v1/namespaces/{self.namespace}/pods/{pod}/log"
            f"?container={in_url(report['name'])}&tailLines=20&limitBytes=32768"
        )
        words = ["-n", self.namespace, "logs", pod, "-c", report["name"], "--tail=20"]
        if "running" in report["state"] and report["restartCount"]:
            path, words = f"{path}&previous=true", [*words, "--previous"]
        return Kubernetes(self.cluster, path, join(words))

    def _by_kubectl(self, inventory: Inventory) -> Inquiry:
        """All at once, by a text that names no pod, so that a restricted key can be allowed it."""
        cluster, seconds = inventory.clusters[self.cluster], inventory.limits.http
        asks = join([*cluster.typed_kubectl, f"--request-timeout={seconds:g}s", "get", "--raw"])
        text = (
            f'{_WORDS}api() {{ {asks} "$1"; }}\n'
            f"words_of {quote(self.namespace)} {quote(self.deployment)} {_MOST}"
        )
        about = f"pods {self.where}/{self.deployment}"
        return Inquiry(
            cluster.host, script(text), inventory.limits.command + 3 * seconds, about=about
        )

    def _ill(self, inventory: Inventory, known: Snapshot) -> list[Object]:
        lately = known.taken - timedelta(seconds=inventory.limits.pod_restart_window)
        listed = known.of(LIST).get(self.where)
        found: list[Object] = []
        for transcript in (*self.relies(inventory, known), *([listed] if listed else [])):
            try:
                found += [
                    pod
                    for pod in items_of(transcript, "PodList")
                    if pod["metadata"]["name"].startswith(f"{self.deployment}-")
                    and _is_ill(pod, lately)
                ]
            except (NotUnderstood, *UNUSABLE):
                continue
        return found[:_MOST]

    def _told(self, pod: Object, known: Snapshot) -> Iterator[tuple[str, str]]:
        """What may tell why, and where it stands; the most telling first."""
        name, status = pod["metadata"]["name"], pod["status"]
        event = ("events", self._last_warning(name, known))
        if unscheduled := _condition(pod, "PodScheduled"):
            yield event
            yield "state", unscheduled
        for report in _ill_containers(pod):
            waits, ended = report["state"].get("waiting", {}), _end(report)
            if waits.get("reason") not in _PLAIN:
                yield event
                yield "state", f"{waits.get('reason')}: {waits.get('message', '')}"
            elif ended.get("exitCode"):
                how = f"{report['name']} ended: {ended.get('reason')}, exit {ended['exitCode']}"
                said = ended.get("message")
                yield "state", f"{how}: {said}" if said else ""
                yield "state", how if ended.get("reason") not in ("Error", None) else ""
                yield "log", self._last_words(name, report["name"], known)
                yield "state", how
        yield "state", str(status.get("message") or "")
        if not _condition(pod, "Ready"):
            return
        yield event

    def _last_warning(self, pod: str, known: Snapshot) -> str:
        try:
            warnings = [
                *(strict_json.loads(text) for text in self._by_pod(pod, "event ", known)),
                *self._warnings(known.of(EVENTS).get(f"{self.where}/{pod}")),
            ]
            telling = [one for one in warnings if not _REPEATS.fullmatch(one["message"])]
            last = max(telling or warnings, key=_when, default=None)
            return f"{last['reason']}: {last['message']}" if last else ""
        except (NotUnderstood, *UNUSABLE):
            return ""

    def _warnings(self, transcript: Transcript | None) -> list[Object]:
        if transcript is None or transcript.lost:
            return []
        return [event for event in items_of(transcript, "EventList") if event["type"] == "Warning"]

    def _last_words(self, pod: str, container: str, known: Snapshot) -> str:
        asked = known.of(LOG).get(f"{self.where}/{pod}/{container}")
        if asked and not asked.lost and asked.exit_status == HTTPStatus.OK:
            return last_line(asked.stdout)
        return last_line("\n".join(self._by_pod(pod, "log ", known)))

    def _by_pod(self, pod: str, kind: str, known: Snapshot) -> list[str]:
        """What kubectl told of the pod, of one kind."""
        found: list[str] = []
        current = ""
        for line in answer(known, WORDS, f"{self.where}/{self.deployment}").splitlines():
            if line.startswith("pod "):
                current = line.removeprefix("pod ")
            elif current == pod and line.startswith(kind):
                found.append(line.removeprefix(kind))
        return found


def _is_ill(pod: Object, lately: datetime) -> bool:
    if "deletionTimestamp" in pod["metadata"] or pod["status"].get("phase") == "Succeeded":
        return False
    restarted = (_end(report).get("finishedAt") for report in _reports(pod))
    return bool(_condition(pod, "Ready")) or any(
        datetime.fromisoformat(at) >= lately for at in restarted if at
    )


def _reports(pod: Object) -> list[Object]:
    status = pod["status"]
    return [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]


def _ill_containers(pod: Object) -> list[Object]:
    """Those that wait, have ended badly, were restarted, or are not ready."""
    return [
        report
        for report in _reports(pod)
        if _end(report).get("exitCode") or not (report["ready"] or "terminated" in report["state"])
    ][:_MOST]


def _end(report: Object) -> Object:
    """How a container ended last, if it did."""
    ended: Object = report["state"].get("terminated") or report.get("lastState", {}).get(
        "terminated", {}
    )
    return ended


def _condition(pod: Object, kind: str) -> str:
    """What a condition says that is not met; empty if it is."""
    for condition in pod["status"].get("conditions") or ():
        if condition["type"] == kind:
            said = ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))
            return "" if condition["status"] == "True" else said or f"not {kind}"
    return f"not {kind}" if kind == "Ready" else ""


def _when(event: Object) -> str:
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or ""
    )

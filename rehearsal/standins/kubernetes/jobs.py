"""The Job controller: one pod after the other until as many as wanted have succeeded, or too many
have failed."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from . import admission, events
from .deployments import delete_pod, is_ready
from .resources import by_name
from .store import key_of, now

if TYPE_CHECKING:
    from .status import Object
    from .store import Store


async def run(store: Store) -> None:
    """Follow the store until cancelled."""
    while True:
        version = store.version
        jobs = store.all("jobs")
        for job in jobs:
            _reconcile(store, job)
        for pod in store.all("pods"):
            owners = pod["metadata"].get("ownerReferences", [])
            if any(o["kind"] == "Job" for o in owners) and not any(_owns(j, pod) for j in jobs):
                delete_pod(store, key_of("pods", pod))
        await store.newer_than(version)


def _reconcile(store: Store, job: Object) -> None:
    spec, status = job["spec"], job.get("status", {})
    if any(c["type"] in ("Complete", "Failed") for c in status.get("conditions", [])):
        return
    pods = [p for p in store.all("pods", job["metadata"]["namespace"]) if _owns(job, p)]
    ended = {
        phase: [p for p in pods if p["status"].get("phase") == phase]
        for phase in ("Succeeded", "Failed")
    }
    active = [p for p in pods if p not in ended["Succeeded"] + ended["Failed"]]
    done, failed = len(ended["Succeeded"]), len(ended["Failed"])
    over: Object | None = None
    if done >= spec["completions"]:
        over = _condition("Complete", "CompletionsReached",
                          "Reached expected number of succeeded pods")  # fmt: skip
    elif failed > spec["backoffLimit"]:
        over = _condition("Failed", "BackoffLimitExceeded",
                          "Job has reached the specified backoff limit")  # fmt: skip
    if over or spec["suspend"]:
        for pod in active:
            delete_pod(store, key_of("pods", pod))
    else:
        for _ in range(min(spec["parallelism"], spec["completions"] - done) - len(active)):
            made = store.create("pods", _new_pod(job))
            what = f"Created pod: {made['metadata']['name']}"
            events.record(store, "job-controller", "jobs", job, "SuccessfulCreate", what)
    counts = {"active": 0 if over else len(active), "succeeded": done, "failed": failed}
    ready = sum(map(is_ready, active))
    new: Object = {name: count for name, count in counts.items() if count}
    new |= {"ready": ready, "terminating": 0, "uncountedTerminatedPods": {}}
    if not spec["suspend"]:
        new["startTime"] = status.get("startTime", now())
    if over:
        new["conditions"] = [over]
        reason, message = over["reason"], over["message"]
        if over["type"] == "Complete":
            new["completionTime"], reason, message = now(), "Completed", "Job completed"
        events.record(store, "job-controller", "jobs", job, reason, message)
    elif spec["suspend"]:
        new["conditions"] = [_condition("Suspended", "JobSuspended", "Job suspended")]
        new["conditions"] = status.get("conditions") or new["conditions"]
    store.update(key_of("jobs", job), lambda obj: obj.update(status=new))


def _new_pod(job: Object) -> Object:
    metadata, template = job["metadata"], copy.deepcopy(job["spec"]["template"])
    pod: Object = {
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "labels": template["metadata"]["labels"],
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "Job", "name": metadata["name"],
                "uid": metadata["uid"], "controller": True, "blockOwnerDeletion": True,
            }],
        },
        "spec": template["spec"],
    }  # fmt: skip
    admission.name(by_name("pods"), pod)
    admission.complete(by_name("pods"), pod)
    return pod


def _owns(job: Object, pod: Object) -> bool:
    owners = pod["metadata"].get("ownerReferences", [])
    return any(owner["uid"] == job["metadata"]["uid"] for owner in owners)


def _condition(kind: str, reason: str, message: str) -> Object:
    return {
        **{"type": kind, "status": "True", "lastProbeTime": now(), "lastTransitionTime": now()},
        **{"reason": reason, "message": message},
    }

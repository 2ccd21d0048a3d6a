"""Events: what became of an object, in the words of whoever did it, as `kubectl describe` ends."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from .resources import by_name
from .store import Key, key_of, now

if TYPE_CHECKING:
    from .status import Object
    from .store import Store

_KEPT = 200  # the newest; a real server forgets each after an hour


def record(
    store: Store, source: str, resource: str, obj: Object, reason: str, message: str
) -> None:
    """Tell that something happened to `obj`, or that it did once more."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace", "default")
    involved = {
        "kind": by_name(resource).kind,
        "namespace": namespace,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "apiVersion": by_name(resource).api_version,
    }
    same = (involved, reason, message)
    for old in store.all("events", namespace):
        if (old["involvedObject"], old["reason"], old["message"]) == same:
            store.update(key_of("events", old), _again)
            return
    moment = now()
    store.create("events", {
        "metadata": {"name": f"{metadata['name']}.{uuid.uuid4().hex[:16]}", "namespace": namespace},
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "source": {"component": source},
        "firstTimestamp": moment,
        "lastTimestamp": moment,
        "count": 1,
        "type": "Warning" if _warns(reason, message) else "Normal",
        "eventTime": None,
        "reportingComponent": source,
        "reportingInstance": "",
    })  # fmt: skip
    kept = sorted(store.all("events"), key=lambda event: int(event["metadata"]["resourceVersion"]))
    for old in kept[:-_KEPT]:
        store.remove(Key("events", old["metadata"]["namespace"], old["metadata"]["name"]))


_WARNINGS = ("BackOff", "BackoffLimitExceeded", "ErrImageNeverPull", "Evicted", "Failed",
             "FailedScheduling", "NodeNotReady", "Unhealthy")  # fmt: skip


def _warns(reason: str, message: str) -> bool:
    # As a kubelet has it, waiting to pull again is as it should be.
    return reason in _WARNINGS and not message.startswith("Back-off pulling ")


def _again(event: Object) -> None:
    event["count"] += 1
    event["lastTimestamp"] = now()

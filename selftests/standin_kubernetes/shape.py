"""Which fields an object has, and the differences from the recorded answers that are meant.

Values that differ by nature (uids, times, addresses, versions) are not compared; that a field is
there, and which fields are there besides, is. Values that carry meaning are compared one by one.
"""

from __future__ import annotations

import re
from typing import Any

# Fields of the recorded answers that the stand-in does not have, and why that is no loss here.
NOT_MODELLED = {
    r"metadata\.managedFields": "who set which field: nothing here merges by it",
    r"metadata\.annotations": "left by `kubectl apply`, which did not make these objects",
    r"metadata\.labels": "whatever the manifest has",
    r"spec\.volumes": "pods see the node's own files, and no ServiceAccount token",
    r"spec\.containers\[\]\.volumeMounts": "as above",
    r"status\.containerStatuses\[\]\.volumeMounts": "as above",
    r"status\.containerStatuses\[\]\.resources": "no resources are accounted",
    r"status\.containerStatuses\[\]\.user": "always root",
    r"status\.resources": "no resources are accounted",
    r"spec\.template\.spec\.volumes": "pods see the node's own files",
    r"spec\.template\.spec\.containers\[\]\.volumeMounts": "as above",
}
# Fields that are there or not as the manifest has them: theirs and ours are not the same text.
OF_THE_MANIFEST = (
    r"spec\.(template\.spec\.)?containers\[\]\.(env|ports|args|command|readinessProbe)\b.*",
    r"spec\.(template\.spec\.)?(hostNetwork|nodeSelector)",
    r"spec\.template\.metadata\..*",
    r"spec\.strategy\.rollingUpdate.*",
    r"spec\.selector.*",
    r"metadata\.(generateName|ownerReferences.*)",  # a bare pod there, one of a Deployment here
)
_IGNORED = re.compile(
    "|".join([*(f"(?:{p})(?:[.\\[].*)?" for p in NOT_MODELLED), *OF_THE_MANIFEST])
)


def fields(value: Any, path: str = "") -> set[str]:
    """The paths of all fields below `value`, list indices left out, ignored ones left out."""
    found = {path} if path and not _IGNORED.fullmatch(path) else set()
    if isinstance(value, dict):
        for key, item in value.items():
            found |= fields(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            found |= fields(item, f"{path}[]")
    return found


def conditions(obj: Any) -> dict[str, tuple[str, str]]:
    """Condition type → status and reason."""
    listed = obj["status"].get("conditions", [])
    return {c["type"]: (c["status"], c.get("reason", "")) for c in listed}


def container_states(pod: Any) -> list[Any]:
    """What the status says of each container: state, reason, last state's reason and exit code."""
    states = []
    for status in pod["status"].get("containerStatuses", []):
        ((word, state),) = status["state"].items()
        last = status["lastState"].get("terminated", {})
        states.append(
            {
                "ready": status["ready"],
                "started": status["started"],
                "state": (word, state.get("reason")),
                "message": re.sub(r"\d\S*", "N", state.get("message", "").partition(" pod=")[0]),
                "last": (last.get("reason"), last.get("exitCode")),
                "has id": "containerID" in status,
            }
        )
    return states

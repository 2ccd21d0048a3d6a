"""Which pod of a Deployment is asked, in which of its containers, and the way into it."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote as escaped

from fleetmesh.gather.cluster_api import get
from fleetmesh.text import strict_json
from fleetmesh.text.legible import brief

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


class NoPod(Exception):
    """The Deployment has no pod in which to ask; the text says what it has instead."""


def pod_and_container(
    api: Any, namespace: str, deployment: str, wanted: str | None, deadline: float
) -> tuple[str, str]:
    """The names of those that `kubectl exec deploy/…` takes: of a pod that runs, ready if one is.

    `wanted` is the container; None means the one that kubectl takes.
    `deadline` in seconds, for each request. Raises NoPod, and what the client does.
    """
    where = f"namespaces/{namespace}"
    found = read(api, f"/apis/apps/v1/{where}/deployments/{deployment}", deadline)
    try:
        selector = escaped(_selector(found["spec"]["selector"]))
        pods = read(api, f"/api/v1/{where}/pods?labelSelector={selector}", deadline)["items"]
        running = [pod for pod in pods if _state(pod) == "Running"]
        if not running:
            has = ", ".join(f"{pod['metadata']['name']} {_state(pod)}" for pod in pods)
            raise NoPod(f"deploy/{deployment} has no running pod: {brief(has) or 'no pod'}")
        best = max(running, key=_is_ready)
        return str(best["metadata"]["name"]), _container(best, wanted)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise NoPod(
            f"the pods of deploy/{deployment} cannot be told from the API's answers: "
            f"{brief(repr(error))}"
        ) from None


def exec_channel(
    api: Any, namespace: str, pod: str, container: str, command: Sequence[str], deadline: float
) -> Any:
    """A WebSocket to a program in a container, with its three streams as bytes.

    `deadline` in seconds, for the handshake. Raises what the client does.
    """
    from kubernetes.stream.ws_client import websocket_call  # noqa: PLC0415 - heavy

    # As CoreV1Api does, whose import takes longer than all of the asking.
    method, url, headers, *_ = api.param_serialize(
        "GET",
        "/api/v1/namespaces/{namespace}/pods/{name}/exec",
        path_params={"namespace": namespace, "name": pod},
        query_params=[
            ("command", command),
            ("container", container),
            *((each, True) for each in ("stdin", "stdout", "stderr")),
        ],
        auth_settings=["BearerToken"],
        collection_formats={"command": "multi"},
    )
    connect: Any = websocket_call
    return connect(
        api.configuration,
        method,
        url,
        headers=headers,
        binary=True,
        _preload_content=False,
        _request_timeout=deadline,
    )


def _state(pod: dict[str, Any]) -> str:
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(pod["status"].get("phase", "unknown"))


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _container(pod: dict[str, Any], wanted: str | None) -> str:
    names = [str(container["name"]) for container in pod["spec"]["containers"]]
    if wanted is not None and wanted not in names:
        has = f"has no container {wanted}, but {brief(', '.join(names))}"
        raise NoPod(f"{pod['metadata']['name']} {has}; write one of them as probe.container")
    default = (pod["metadata"].get("annotations") or {}).get(_DEFAULT_CONTAINER)
    return wanted or (default if default in names else names[0])


def _selector(selector: dict[str, Any]) -> str:
    """A LabelSelector as the query of a list takes it.

    Source: "Labels and Selectors" in the Kubernetes documentation.
    """
    terms = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for one in selector.get("matchExpressions") or ():
        key, values = one["key"], ",".join(one.get("values") or ())
        terms.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }[one["operator"]]
        )
    if not terms:
        raise KeyError("an empty selector")
    return ",".join(terms)


def read(api: Any, path: str, deadline: float) -> dict[str, Any]:
    """The object at a path of the API. Raises NoPod, and what the client does."""
    status, body = get(api, path, deadline)
    try:
        found = strict_json.loads(body)
    except strict_json.Ambiguous as error:
        raise NoPod(f"the API answered {status} with JSON that {error}") from None
    except strict_json.NotJson:
        found = None
    if status != HTTPStatus.OK or not isinstance(found, dict):
        said = found.get("message") if isinstance(found, dict) else None
        raise NoPod(f"the API answered {status}: {brief(str(said or 'no JSON object'))}")
    return found

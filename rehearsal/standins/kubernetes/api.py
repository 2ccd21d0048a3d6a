"""The API server: authentication, authorisation, then the resource's handler."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from . import exec as exec_channel
from . import node, openapi, paths, rbac, resources, responses, reviews, status
from .objects import Objects, body, whole
from .store import Key

if TYPE_CHECKING:
    from .config import ClusterConfig
    from .kubelet import Kubelet
    from .rbac import User
    from .status import Object
    from .store import Store

_HEALTH = ("/healthz", "/livez", "/readyz")
_NEEDS_ETCD = ("/healthz", "/readyz")
_NOT_READY = (
    "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n[+]informer-sync ok\n{} check failed\n"
)
_ETCD_REFUSES = (
    "rpc error: code = Unavailable desc = connection error: desc = "
    '"transport: Error while dialing: dial tcp 127.0.0.1:2379: connect: connection refused"'
)
_JSON = ("application/json", "application/*", "*/*")


class Api:
    """Answers every request of one cluster."""

    def __init__(self, cluster: ClusterConfig, store: Store, kubelet: Kubelet) -> None:
        self._authenticator = rbac.Authenticator(cluster, store)
        self._objects = Objects(store, cluster)
        self._cluster = cluster
        self._store = store
        self._kubelet = kubelet

    def application(self) -> web.Application:
        """The aiohttp application."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        return application

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._dispatch(request)
        except status.ApiError as error:
            return responses.refusal(error)
        finally:
            self._store.save()

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        user = self._authenticator.user(
            request.headers.get("Authorization", ""),
            exec_channel.offered(request),
            request.transport.get_extra_info("peercert") if request.transport else None,
        )
        if name := request.headers.get("Impersonate-User", ""):
            groups = request.headers.getall("Impersonate-Group", [])
            user = self._authenticator.impersonated(user, name, groups)
        wants, version = paths.attributes(request.method, request.path, request.query)
        if wants.group == reviews.GROUP and wants.verb == "create":  # about themselves all may ask
            return await self._review(request, user, wants)
        user.require(wants)
        if not wants.resource:
            return _unnamed(request.path, self._store)
        if not self._store.answers:
            raise status.failure(500, "", _ETCD_REFUSES)
        if resources.GROUPS.get(wants.group) != version:
            raise status.no_such_path()
        resource = resources.find(wants.group, version, wants.resource)
        if resource is None or (
            wants.subresource and wants.subresource not in resource.subresources
        ):
            raise status.no_such_resource()
        if wants.subresource == "exec":
            return await self._exec(request, user, wants)
        if wants.subresource == "log":
            return self._log(request, wants)
        if wants.subresource == "token":
            return await self._token(request, wants)
        as_table = _negotiate(request)
        include = request.query.get("includeObject", "Metadata") if as_table else ""
        return await self._objects.serve(request, resource, wants, include)

    async def _review(
        self, request: web.Request, user: User, wants: paths.Attributes
    ) -> web.Response:
        resource = resources.find(reviews.GROUP, "v1", wants.resource)
        if resource is None:
            raise status.no_such_resource()
        content = reviews.answer(user, wants.resource, await body(request))
        return responses.json_response(whole(resource, content), 201)

    async def _token(self, request: web.Request, wants: paths.Attributes) -> web.Response:
        if self._store.get(Key("serviceaccounts", wants.namespace, wants.name)) is None:
            raise status.not_found("serviceaccounts", "", wants.name)
        issued = self._authenticator.issue(wants.namespace, wants.name, await body(request))
        return responses.json_response(issued, 201)

    async def _exec(
        self, request: web.Request, user: User, wants: paths.Attributes
    ) -> web.StreamResponse:
        upgrade = request.headers.get("Upgrade", "").lower()
        creates = paths.Attributes("create", "", "pods", "exec", wants.namespace, wants.name)
        if upgrade == "websocket" and not user.may(creates):
            raise status.failure(
                403,
                "Forbidden",
                f'pods "{wants.name}" is forbidden: ',
                status.details("pods", "", wants.name),
            )
        pod, container = self._pod_and_container(request, wants)
        if not upgrade:
            raise status.bad_request("Upgrade request required")
        running = self._kubelet.pod(Key("pods", wants.namespace, wants.name))
        if running is None or running.uid != pod["metadata"]["uid"]:
            raise status.ApiError(500, f'container not found ("{container}")')
        exec_channel.check(request, running, container)
        if upgrade != "websocket":  # kubectl tries SPDY once the WebSocket was refused
            raise status.bad_request(f"this cluster has exec over WebSocket only, not {upgrade}")
        return await exec_channel.serve(request, running, container)

    def _log(self, request: web.Request, wants: paths.Attributes) -> web.Response:
        found, container = self._pod_and_container(request, wants)
        previous = request.query.get("previous", "").lower() in ("true", "1")
        _require_log(found, container, previous=previous)
        pod = self._kubelet.pod(Key("pods", wants.namespace, wants.name))
        text = pod.log(container, previous=previous) if pod else ""
        lines = text.splitlines(keepends=True)
        if (tail := request.query.get("tailLines", "")).isdigit():
            lines = lines[-int(tail) or len(lines) :]
        text = "".join(lines)
        if (limit := request.query.get("limitBytes", "")).isdigit():
            text = text.encode()[: int(limit)].decode(errors="replace")
        return responses.text_response(text)

    def _pod_and_container(
        self, request: web.Request, wants: paths.Attributes
    ) -> tuple[Object, str]:
        pod = self._store.get(Key("pods", wants.namespace, wants.name))
        if pod is None:
            raise status.not_found("pods", "", wants.name)
        container = exec_channel.container_of(pod, request.query.get("container", ""))
        if "nodeName" not in pod["spec"]:
            raise status.bad_request(f"pod {wants.name} does not have a host assigned")
        if self._cluster.kubelet_is_down:
            there = f"dial tcp {self._cluster.node_ip}:10250: connect: connection refused"
            raise status.failure(500, "", f"error dialing backend: {there}")
        return pod, container


def _require_log(pod: Object, container: str, *, previous: bool) -> None:
    """Raise ApiError 400, in the kubelet's words, where there is no such instance to hear."""
    told = pod.get("status", {})
    reports = told.get("initContainerStatuses", []) + told.get("containerStatuses", [])
    report: Object = next((each for each in reports if each["name"] == container), {})
    state, ended = report.get("state", {}), "terminated" in report.get("lastState", {})
    name = pod["metadata"]["name"]
    if previous and not ended:
        raise status.bad_request(
            f'previous terminated container "{container}" in pod "{name}" not found'
        )
    if "running" in state or "terminated" in state or ended:
        return
    reason = state.get("waiting", {}).get("reason", "ContainerCreating")
    why = _NOT_PULLED.get(reason, reason)
    raise status.bad_request(f'container "{container}" in pod "{name}" is waiting to start: {why}')


_NOT_PULLED = {
    "ErrImagePull": "trying and failing to pull image",
    "ImagePullBackOff": "image can't be pulled",
}


def _unnamed(path: str, store: Store) -> web.Response:
    if path.rstrip("/") == "/version":  # the Python client asks with a slash
        return responses.json_response(node.version(), 200)
    if path.startswith(_NEEDS_ETCD) and not store.answers:
        return responses.text_response(_NOT_READY.format(path.strip("/")), 500)
    if path.startswith(_HEALTH):
        return responses.text_response("ok")
    document = resources.discovery(path) or openapi.document(path)
    if document is None:
        raise status.no_such_path()
    return responses.json_response(document, 200)


def _negotiate(request: web.Request) -> bool:
    """Whether the client would rather have a Table; raises ApiError 406 if it takes no JSON."""
    accepted = request.headers.get("Accept", "*/*")
    for choice in accepted.split(","):
        media, *parameters = (part.strip() for part in choice.split(";"))
        if media not in _JSON:
            continue
        if "as=Table" not in parameters:
            return False
        if "v=v1" in parameters and "g=meta.k8s.io" in parameters:
            return True
    message = (
        "406: Not Acceptable\n\nAvailable representations: application/json, "
        "application/json;stream=watch"
    )
    raise status.failure(406, "NotAcceptable", message, {})

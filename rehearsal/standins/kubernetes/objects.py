"""The verbs on stored objects: get, list, watch, create, update, patch, delete, scale."""

from __future__ import annotations

import base64
import binascii
import copy
import json
import uuid
from typing import TYPE_CHECKING

from . import (
    admission,
    deployments,
    openapi,
    patches,
    protobuf,
    responses,
    selectors,
    status,
    tables,
    watch,
)
from .resources import RESOURCES
from .store import Key, key_of, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from .config import ClusterConfig
    from .paths import Attributes
    from .resources import Resource
    from .status import Object
    from .store import Store

_OWNED_BY_SERVER = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "name",
    "namespace",
    "generation",
)


class Objects:
    """Serves the resources of a store."""

    def __init__(self, store: Store, cluster: ClusterConfig) -> None:
        self._store = store
        self._service_cidr = cluster.service_cidr
        self._fields = cluster.fields

    async def serve(
        self, request: web.Request, resource: Resource, wants: Attributes, table: str
    ) -> web.StreamResponse:
        """Answer a request; `table` says what the rows of a Table carry, or is empty for objects.

        Raises ApiError.
        """
        dry = _dry(request)
        if wants.name:
            return await self._item(request, resource, wants, table)
        namespace = wants.namespace if resource.namespaced else ""
        if wants.verb in ("list", "watch"):
            matches = _filter(request, namespace)
            if wants.verb == "watch":
                return await watch.stream(
                    request, self._store, resource, matches, _renderer(resource, table)
                )
            return self._list(request, resource, matches, table)
        if wants.verb == "create":
            given = await body(request)
            warnings = self._check_fields(request, resource, given)
            made = self._create(resource, wants, given, dry=dry)
            return responses.json_response(whole(resource, made), 201, warnings)
        raise status.method_not_allowed()

    async def _item(
        self, request: web.Request, resource: Resource, wants: Attributes, table: str
    ) -> web.StreamResponse:
        namespace = wants.namespace if resource.namespaced else ""
        key = Key(resource.name, namespace, wants.name)
        creates = wants.verb == "create" and wants.subresource == "eviction"
        if wants.verb not in ("get", "update", "patch", "delete") and not creates:
            raise status.method_not_allowed()
        current = self._store.get(key)
        if current is None:
            raise status.not_found(resource.name, resource.group, wants.name)
        render, warnings = _renderer(resource, table), {}
        if wants.verb == "delete":
            options = await body(request) if request.can_read_body else {}
            dry = _dry(request) or options.get("dryRun") == ["All"]
            gone = self._delete(resource, key, current, dry=dry)
            return responses.json_response(gone, 200)
        if wants.subresource == "eviction":
            if not _dry(request):
                deployments.delete_pod(self._store, key)
            done = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
            return responses.json_response({**done, "code": 201}, 201)
        if wants.subresource == "scale":
            render = _scale
        if wants.verb != "get":
            shown = render(current) if wants.subresource == "scale" else whole(resource, current)
            if wants.verb == "patch":
                new = patches.patched(shown, await body(request), request.content_type)
            else:
                new = await body(request)
            if not wants.subresource:
                warnings = self._check_fields(request, resource, new)
            current = self._update(resource, key, new, wants.subresource, dry=_dry(request))
        return responses.json_response(render(current), 200, warnings)

    def _check_fields(
        self, request: web.Request, resource: Resource, obj: Object
    ) -> dict[str, str]:
        """Take out what no object of this kind has; raises ApiError 400 if that is an error.

        Returned are the headers that warn of it.
        """
        level = request.query.get("fieldValidation", "Warn")
        unknown = [
            f'unknown field "{path}"' for path in openapi.prune(resource.kind, obj, self._fields)
        ]
        if unknown and level == "Strict":
            version, kind = resource.version, resource.kind
            raise status.bad_request(
                f'{kind} in version "{version}" cannot be handled as a {kind}: '
                f"strict decoding error: {', '.join(unknown)}"
            )
        told = ", ".join(f"299 - {json.dumps(each)}" for each in unknown)
        return {"Warning": told} if told and level == "Warn" else {}

    def _list(
        self,
        request: web.Request,
        resource: Resource,
        matches: Callable[[Object], bool],
        table: str,
    ) -> web.Response:
        found = [obj for obj in self._store.all(resource.name) if matches(obj)]
        metadata: Object = {"resourceVersion": str(self._store.version)}
        start = _continued(request.query.get("continue", ""))
        found = [obj for obj in found if key_of(resource.name, obj) > start]
        limit = request.query.get("limit", "")
        if limit.isdigit() and 0 < int(limit) < len(found):
            page, rest = found[: int(limit)], found[int(limit) :]
            metadata["continue"] = _continue_after(key_of(resource.name, page[-1]))
            if not (request.query.get("labelSelector") or request.query.get("fieldSelector")):
                metadata["remainingItemCount"] = len(rest)
            found = page
        if table:
            return responses.json_response(tables.table(resource.kind, found, metadata, table), 200)
        return responses.json_response({
            "kind": f"{resource.kind}List",
            "apiVersion": resource.api_version,
            "metadata": metadata,
            "items": found,
        }, 200)  # fmt: skip

    def _create(self, resource: Resource, wants: Attributes, obj: Object, *, dry: bool) -> Object:
        _check_type(resource, obj)
        metadata = obj.setdefault("metadata", {})
        if resource.namespaced:
            if metadata.setdefault("namespace", wants.namespace) != wants.namespace:
                raise status.bad_request(
                    "the namespace of the provided object does not match the "
                    "namespace sent on the request"
                )
            if self._store.get(Key("namespaces", "", wants.namespace)) is None:
                raise status.not_found("namespaces", "", wants.namespace)
        for field in ("uid", "creationTimestamp", "resourceVersion", "managedFields", "generation"):
            metadata.pop(field, None)
        admission.name(resource, obj)
        if self._store.get(key_of(resource.name, obj)):
            raise status.already_exists(resource.name, resource.group, metadata["name"])
        obj.pop("status", None)
        admission.complete(resource, obj)
        if resource.kind == "Service":
            admission.cluster_ip(obj, self._store, self._service_cidr)
        if dry:
            metadata.setdefault("uid", str(uuid.uuid4()))
            metadata.setdefault("creationTimestamp", now())
            return obj
        return self._store.create(resource.name, obj)

    def _update(
        self, resource: Resource, key: Key, new: Object, subresource: str, *, dry: bool
    ) -> Object:
        current = self._store.get(key)
        if current is None:
            raise status.not_found(resource.name, resource.group, key.name)
        version = new.get("metadata", {}).get("resourceVersion")
        if version and version != current["metadata"]["resourceVersion"]:
            raise status.conflict(resource.name, resource.group, key.name)
        if subresource == "status":
            wanted = {**current, "status": new.get("status", {})}
        elif subresource == "scale":
            wanted = copy.deepcopy(current)
            wanted["spec"]["replicas"] = int(new["spec"].get("replicas", 0))
        elif subresource == "ephemeralcontainers":
            wanted = copy.deepcopy(current)
            wanted["spec"][admission.EPHEMERAL] = admission.ephemeral_containers(current, new)
        else:
            _check_type(resource, new)
            wanted = {**new, "status": current["status"]} if "status" in current else dict(new)
        wanted["metadata"] = {
            **wanted["metadata"],
            **{f: current["metadata"][f] for f in _OWNED_BY_SERVER if f in current["metadata"]},
        }
        if subresource != "status":
            admission.complete(resource, wanted)
            admission.next_generation(current, wanted)
        if resource.kind == "Service":
            admission.unchanged_cluster_ip(current, wanted)
        if resource.kind == "Deployment":
            admission.unchanged_selector(current, wanted)
        if resource.kind == "Pod" and not subresource:
            admission.unchanged_ephemeral_containers(current, wanted)
        if dry:
            wanted["metadata"]["resourceVersion"] = current["metadata"]["resourceVersion"]
            return wanted

        def replace(obj: Object) -> None:
            wanted["metadata"]["resourceVersion"] = obj["metadata"]["resourceVersion"]
            obj.clear()
            obj.update(wanted)

        updated = self._store.update(key, replace)
        assert updated is not None
        return updated

    def _delete(self, resource: Resource, key: Key, current: Object, *, dry: bool) -> Object:
        if dry:
            return whole(resource, current)
        if resource.kind == "Pod":
            marked = deployments.delete_pod(self._store, key)
            return whole(resource, marked or current)
        if resource.kind == "Namespace":
            self._empty_namespace(key.name)
        self._store.remove(key)
        uid = current["metadata"]["uid"]
        return status.success(resource.name, resource.group, key.name, uid)

    def _empty_namespace(self, namespace: str) -> None:
        for resource in RESOURCES:
            if not resource.namespaced or resource.kind == "Pod":
                continue
            for obj in self._store.all(resource.name, namespace):
                self._store.remove(key_of(resource.name, obj))
        for pod in self._store.all("pods", namespace):
            deployments.delete_pod(self._store, key_of("pods", pod))


def _dry(request: web.Request) -> bool:
    """Whether nothing is to be kept of it; raises ApiError 400."""
    wanted = request.query.getall("dryRun", [])
    if wanted not in ([], ["All"]):
        raise status.bad_request(f'dryRun: Unsupported value: {wanted}: supported values: "All"')
    return bool(wanted)


def _filter(request: web.Request, namespace: str) -> Callable[[Object], bool]:
    labels = selectors.labels(request.query.get("labelSelector", ""))
    fields = selectors.fields(request.query.get("fieldSelector", ""))

    def matches(obj: Object) -> bool:
        metadata = obj["metadata"]
        here = namespace in ("", metadata.get("namespace"))
        return here and labels(metadata.get("labels", {})) and fields(obj)

    return matches


def _renderer(resource: Resource, table: str) -> Callable[[Object], Object]:
    if not table:
        return lambda obj: whole(resource, obj)
    return lambda obj: tables.table(
        resource.kind, [obj], {"resourceVersion": obj["metadata"]["resourceVersion"]}, table
    )


def whole(resource: Resource, obj: Object) -> Object:
    """An object with its kind and version, which are not stored."""
    return {"kind": resource.kind, "apiVersion": resource.api_version, **obj}


def _scale(deployment: Object) -> Object:
    metadata, spec = deployment["metadata"], deployment["spec"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {field: metadata[field] for field in kept},
        "spec": {"replicas": spec["replicas"]},
        "status": {
            "replicas": deployment.get("status", {}).get("replicas", 0),
            "selector": selectors.text(spec["selector"]),
        },
    }


def _check_type(resource: Resource, obj: Object) -> None:
    """The body's `kind` and `apiVersion`, which are not stored, must be the path's."""
    found = (obj.pop("apiVersion", resource.api_version), obj.pop("kind", resource.kind))
    if found != (resource.api_version, resource.kind):
        raise status.bad_request(
            f"the API version in the data ({found[0]}, {found[1]}) does not match the expected "
            f"({resource.api_version}, {resource.kind})"
        )
    if not isinstance(obj.get("metadata", {}), dict):
        raise status.bad_request("metadata is not an object")


async def body(request: web.Request) -> Object:
    """What a request sends; raises ApiError 415 and 400."""
    if request.content_type == protobuf.CONTENT_TYPE:
        try:
            return protobuf.decode(await request.read())
        except (ValueError, IndexError, KeyError) as error:
            raise status.failure(415, "UnsupportedMediaType", str(error), {}) from error
    if not request.content_type.endswith("json"):
        message = f"the body of the request is {request.content_type}: only JSON is understood"
        raise status.failure(415, "UnsupportedMediaType", message, {})
    try:
        found = json.loads(await request.read())
    except ValueError as error:
        raise status.bad_request(f"the body of the request is not JSON: {error}") from error
    if not isinstance(found, (dict, list)):
        raise status.bad_request("the body of the request is not an object")
    return found  # type: ignore[return-value]  # a list is a JSON patch


def _continue_after(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def _continued(token: str) -> Key:
    if not token:
        return Key("", "", "")
    try:
        return Key(*json.loads(base64.urlsafe_b64decode(token)))
    except (binascii.Error, ValueError, TypeError) as error:
        raise status.bad_request("continue key is not valid") from error

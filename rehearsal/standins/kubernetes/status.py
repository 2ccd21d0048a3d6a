"""The `Status` objects with which an API server refuses, and the error that carries one.

Wording and fields follow answers recorded from a real API server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .paths import Attributes

Object = dict[str, Any]


class ApiError(Exception):
    """A refusal: HTTP status, and a Status object (JSON) or, as a kubelet does, plain text."""

    def __init__(
        self, code: int, body: Object | str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(body["message"] if isinstance(body, dict) else body)
        self.code = code
        self.body = body
        self.headers = headers or {}


def failure(code: int, reason: str, message: str, details: Object | None = None) -> ApiError:
    """An ApiError with a Status of kind Failure."""
    body: Object = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
    }
    if details is not None:
        body["details"] = details
    body["code"] = code
    return ApiError(code, body)


def unauthorized() -> ApiError:
    """401: no credentials, or unknown ones."""
    return failure(401, "Unauthorized", "Unauthorized")


def forbidden(who: str, wants: Attributes) -> ApiError:
    """403: `who` may not do this; says so whether or not the object exists."""
    resource = wants.resource + (f"/{wants.subresource}" if wants.subresource else "")
    subject = qualified(wants.resource, wants.group)
    if wants.name:
        subject += f' "{wants.name}"'
    scope = f'in the namespace "{wants.namespace}"' if wants.namespace else "at the cluster scope"
    error = failure(
        403,
        "Forbidden",
        f'{subject} is forbidden: User "{who}" cannot {wants.verb} resource "{resource}" '
        f'in API group "{wants.group}" {scope}',
        details(wants.resource, wants.group, wants.name),
    )
    error.headers["X-Content-Type-Options"] = "nosniff"
    return error


def not_found(resource: str, group: str, name: str) -> ApiError:
    """404 of a named object."""
    message = f'{qualified(resource, group)} "{name}" not found'
    return failure(404, "NotFound", message, details(resource, group, name))


def no_such_resource() -> ApiError:
    """404 of a resource that a known API group does not have."""
    return failure(404, "NotFound", "the server could not find the requested resource", {})


def no_such_path() -> ApiError:
    """404 of a path outside every API group: plain text."""
    return ApiError(404, "404 page not found\n", {"X-Content-Type-Options": "nosniff"})


def method_not_allowed() -> ApiError:
    """405."""
    message = "the server does not allow this method on the requested resource"
    return failure(405, "MethodNotAllowed", message, {})


def bad_request(message: str) -> ApiError:
    """400."""
    return failure(400, "BadRequest", message)


def already_exists(resource: str, group: str, name: str) -> ApiError:
    """409 of a create."""
    message = f'{qualified(resource, group)} "{name}" already exists'
    return failure(409, "AlreadyExists", message, details(resource, group, name))


def conflict(resource: str, group: str, name: str) -> ApiError:
    """409 of an update made from an older version."""
    message = (
        f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": the object has '
        "been modified; please apply your changes to the latest version and try again"
    )
    return failure(409, "Conflict", message, details(resource, group, name))


def invalid(kind: str, group: str, name: str, field: str, message: str) -> ApiError:
    """422: the object's `field` cannot be accepted."""
    subject = f"{kind}.{group}" if group else kind
    about: Object = {"name": name, "kind": kind}
    if group:
        about["group"] = group
    about["causes"] = [{"reason": "FieldValueInvalid", "message": message, "field": field}]
    text = f'{subject} "{name}" is invalid: {field}: {message}'
    return failure(422, "Invalid", text, about)


def success(resource: str, group: str, name: str, uid: str) -> Object:
    """The answer to a delete that took effect at once."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {**details(resource, group, name), "uid": uid},
    }


def qualified(resource: str, group: str) -> str:
    """`deployments.apps`, or the bare resource in the core group."""
    return f"{resource}.{group}" if group else resource


def details(resource: str, group: str, name: str) -> Object:
    """What a Status is about."""
    about: Object = {}
    if name:
        about["name"] = name
    if group:
        about["group"] = group
    about["kind"] = resource
    return about

"""What the one who asks may do, as `kubectl auth can-i` asks: reviews, which are not stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import certificates, status
from .paths import Attributes

if TYPE_CHECKING:
    from .rbac import User
    from .status import Object

GROUP = "authorization.k8s.io"
_OPEN = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*",
         "/readyz", "/version", "/version/"]  # fmt: skip
_ALL = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


def answer(user: User, resource: str, review: Object) -> Object:
    """The review, completed with its status; raises ApiError 400."""
    try:
        if resource == "selfsubjectaccessreviews":
            return {**review, "status": _access(user, review["spec"])}
        return {**review, "status": _rules(user, review["spec"]["namespace"])}
    except (KeyError, TypeError, AttributeError) as error:
        raise status.bad_request(f"no usable {error} in the review") from error


def _access(user: User, spec: Object) -> Object:
    if wanted := spec.get("nonResourceAttributes"):
        return {"allowed": wanted["path"] in _OPEN or user.may(Attributes(wanted["verb"]))}
    wants = spec["resourceAttributes"]
    fields = ("verb", "group", "resource", "subresource", "namespace", "name")
    return {"allowed": user.may(Attributes(**{field: wants.get(field, "") for field in fields}))}


def _rules(user: User, namespace: str) -> Object:
    rules: list[Object] = [
        {
            "verbs": list(rule.verbs),
            "apiGroups": list(rule.api_groups),
            "resources": list(rule.resources),
            **({"resourceNames": list(rule.resource_names)} if rule.resource_names else {}),
        }
        for rule in user.rules
        if rule.namespace in (None, namespace)
    ]
    if certificates.ADMIN_GROUP in user.groups:
        rules = [_ALL]
    own = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    rules.append({"verbs": ["create"], "apiGroups": [GROUP], "resources": own})
    return {
        "resourceRules": rules,
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": _OPEN}],
        "incomplete": False,
    }

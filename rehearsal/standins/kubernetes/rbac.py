"""Who asks, and whether they may: client certificates, bearer tokens, RBAC rules."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import certificates, status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .config import ClusterConfig, PolicyRule

_SUBPROTOCOL_TOKEN = "base64url.bearer.authorization.k8s.io."  # noqa: S105 - a prefix, no secret


@dataclass(frozen=True)
class Attributes:
    """What a request wants: a verb on a resource (`resource` empty: a path such as /version)."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True)
class User:
    """An authenticated user."""

    name: str
    groups: tuple[str, ...]
    rules: tuple[PolicyRule, ...] = ()

    def may(self, wants: Attributes) -> bool:
        """Whether some rule allows it. Every authenticated user may read non-resource paths."""
        if certificates.ADMIN_GROUP in self.groups or not wants.resource:
            return True
        return any(_allows(rule, wants) for rule in self.rules)

    def require(self, wants: Attributes) -> None:
        """Raise ApiError 403 unless allowed."""
        if not self.may(wants):
            raise status.forbidden(self.name, wants)


class Authenticator:
    """Knows the tokens of the cluster's ServiceAccounts."""

    def __init__(self, cluster: ClusterConfig) -> None:
        by_name = certificates.tokens(cluster)
        self._accounts = [(by_name[a.name].encode(), a) for a in cluster.service_accounts]

    def user(
        self, authorization: str, subprotocols: Sequence[str], certificate: dict[str, Any] | None
    ) -> User:
        """The user of a request; raises ApiError 401.

        `certificate` is what `ssl.SSLSocket.getpeercert` returned: verified already against the
        cluster's CA. A browser-like client may carry its token in a WebSocket subprotocol.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and token:
            return self._by_token(token.strip().encode())
        for offer in subprotocols:
            if offer.startswith(_SUBPROTOCOL_TOKEN):
                return self._by_token(_unpadded(offer.removeprefix(_SUBPROTOCOL_TOKEN)))
        if certificate:
            return _by_subject(certificate)
        raise status.unauthorized()

    def _by_token(self, token: bytes) -> User:
        for known, account in self._accounts:
            if hmac.compare_digest(known, token):
                groups = (
                    "system:serviceaccounts",
                    f"system:serviceaccounts:{account.namespace}",
                    "system:authenticated",
                )
                return User(account.username, groups, account.rules)
        raise status.unauthorized()


def _by_subject(certificate: dict[str, Any]) -> User:
    subject = [pair for rdn in certificate["subject"] for pair in rdn]
    names = [value for key, value in subject if key == "commonName"]
    groups = tuple(value for key, value in subject if key == "organizationName")
    if not names:
        raise status.unauthorized()
    return User(names[0], (*groups, "system:authenticated"))


def _unpadded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise status.unauthorized() from error


def _allows(rule: PolicyRule, wants: Attributes) -> bool:
    resource = wants.resource + (f"/{wants.subresource}" if wants.subresource else "")
    return (
        _matches(rule.verbs, wants.verb)
        and _matches(rule.api_groups, wants.group)
        and _matches(rule.resources, resource)
        and (not rule.resource_names or wants.name in rule.resource_names)
        and rule.namespace in (None, wants.namespace)
    )


def _matches(allowed: Sequence[str], value: str) -> bool:
    return "*" in allowed or value in allowed

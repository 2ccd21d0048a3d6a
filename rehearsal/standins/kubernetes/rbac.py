"""Who asks, and whether they may: client certificates, bearer tokens, RBAC rules.

Some ServiceAccounts are configured, with their tokens and rules. The others are objects of the
cluster, as are their Roles and bindings, and get their tokens by `kubectl create token`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from . import certificates, config, status
from .config import ServiceAccount
from .paths import Attributes
from .store import Key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .config import ClusterConfig, PolicyRule
    from .status import Object
    from .store import Store

_TOKENS = "tokens"  # in the store, and no resource that anybody could ask for
_LIFETIME = 3600  # seconds of a token whose requester does not say
_SUBPROTOCOL_TOKEN = "base64url.bearer.authorization.k8s.io."  # noqa: S105 - a prefix, no secret


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

    def __init__(self, cluster: ClusterConfig, store: Store) -> None:
        by_name = certificates.tokens(cluster)
        self._accounts = [(by_name[a.name].encode(), a) for a in cluster.service_accounts]
        self._store = store

    def issue(self, namespace: str, name: str, request: Object) -> Object:
        """A new token for a ServiceAccount, as an answer to a TokenRequest."""
        seconds = int(request.get("spec", {}).get("expirationSeconds") or _LIFETIME)
        ends = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        token = secrets.token_urlsafe(32)
        self._store.create(_TOKENS, {
            "metadata": {"name": token, "namespace": namespace},
            "account": name,
            "ends": ends.timestamp(),
        })  # fmt: skip
        expires = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"expirationSeconds": seconds, "audiences": []},
            "status": {"token": token, "expirationTimestamp": expires},
        }

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

    def impersonated(self, user: User, name: str, groups: Sequence[str]) -> User:
        """The user as whom another one wants to ask; raises ApiError 403 unless that one may."""
        user.require(Attributes("impersonate", "", "users", name=name))
        parts = name.split(":")
        if parts[:2] == ["system", "serviceaccount"] and len(parts) == 4:
            account = ServiceAccount(parts[3], parts[2], tuple(self._bound(parts[2], parts[3])))
            for _, known in self._accounts:
                account = known if known.username == name else account
            return User(name, _groups(account), account.rules)
        return User(name, (*groups, "system:authenticated"))

    def _by_token(self, token: bytes) -> User:
        for known, account in self._accounts:
            if hmac.compare_digest(known, token):
                bound = self._bound(account.namespace, account.name)
                return User(account.username, _groups(account), (*account.rules, *bound))
        for issued in self._store.all(_TOKENS):
            if hmac.compare_digest(issued["metadata"]["name"].encode(), token):
                namespace, name = issued["metadata"]["namespace"], issued["account"]
                known_here = self._store.get(Key("serviceaccounts", namespace, name))
                if known_here and issued["ends"] > datetime.now(timezone.utc).timestamp():
                    account = ServiceAccount(name, namespace, tuple(self._bound(namespace, name)))
                    return User(account.username, _groups(account), account.rules)
        raise status.unauthorized()

    def _bound(self, namespace: str, name: str) -> Iterator[PolicyRule]:
        """The rules of every Role that is bound to a ServiceAccount."""
        subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        for kind in ("rolebindings", "clusterrolebindings"):
            for binding in self._store.all(kind):
                where, role = binding["metadata"].get("namespace", ""), binding["roleRef"]
                wide = role["kind"] == "ClusterRole"
                key = Key(f"{role['kind'].lower()}s", "" if wide else where, role["name"])
                found = self._store.get(key)
                bound = any(subject.items() <= each.items() for each in binding["subjects"])
                for rule in found["rules"] if found and bound else ():
                    yield config.rule({**rule, "namespace": where or None})


def _groups(account: ServiceAccount) -> tuple[str, ...]:
    everybody, own = "system:serviceaccounts", f"system:serviceaccounts:{account.namespace}"
    return (everybody, own, "system:authenticated")


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

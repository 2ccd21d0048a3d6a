"""The official Kubernetes client, over the session of the host whose kubeconfig it is."""

import base64
import binascii
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import yaml

from fleetmesh.sessions.forward import Forward
from fleetmesh.sessions.session import Session

# They name programs and files of the host; run or read here, they would be somebody else's.
FOREIGN = ("exec", "auth-provider", "tokenFile", "client-certificate", "client-key")


class ApiProblem(Exception):
    """The kubeconfig cannot be used; the text says what in it, and what to write instead."""


@dataclass(frozen=True, repr=False)
class Access:
    """What a kubeconfig's current context says; secrets, so it is never printed."""

    host: str
    port: int
    path: str
    server_name: str
    authority: bytes | None
    certificate: bytes | None
    key: bytes | None
    token: str | None


def read(text: str, source: str) -> Access:
    """Read a kubeconfig; `source` names it in messages. Raises ApiProblem."""

    def problem(what: str) -> ApiProblem:
        return ApiProblem(f"{source}: {what}")

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise problem(f"is no YAML ({getattr(error, 'problem', None) or 'unreadable'})") from None
    if not isinstance(document, dict):
        raise problem("is empty or no kubeconfig; copy the cluster's there")

    def named(kind: str, name: object) -> dict[str, Any]:
        entries = document.get(f"{kind}s")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and entry.get("name") == name:
                found = entry.get(kind)
                return found if isinstance(found, dict) else {}
        raise problem(f"has no {kind} named {name!r}")

    def data(entry: dict[str, Any], key: str) -> bytes | None:
        if entry.get(key) is None:
            return None
        try:
            return base64.b64decode(str(entry[key]), validate=True)
        except binascii.Error:
            raise problem(f"{key} is no base64") from None

    if not document.get("current-context"):
        raise problem("names no current-context; set it with kubectl config use-context")
    context = named("context", document["current-context"])
    cluster, user = named("cluster", context.get("cluster")), named("user", context.get("user"))
    for foreign in FOREIGN:
        if foreign in user:
            raise problem(f"{foreign} is not supported; embed a token or client-certificate-data")
    if "certificate-authority" in cluster:
        raise problem("certificate-authority is a path; embed certificate-authority-data instead")
    if cluster.get("insecure-skip-tls-verify"):
        raise problem("insecure-skip-tls-verify is refused; embed certificate-authority-data")
    try:
        server = urlsplit(str(cluster.get("server", "")))
        port = server.port or 443
    except ValueError:
        raise problem(f"server {cluster.get('server')!r} is no address") from None
    if server.scheme != "https" or not server.hostname:
        raise problem(f"server {cluster.get('server')!r} is no https:// address")
    certificate, key = data(user, "client-certificate-data"), data(user, "client-key-data")
    if (certificate is None) != (key is None):
        raise problem("client-certificate-data and client-key-data belong together; one is missing")
    return Access(
        host=server.hostname,
        port=port,
        path=server.path.rstrip("/"),
        server_name=str(cluster.get("tls-server-name") or server.hostname),
        authority=data(cluster, "certificate-authority-data"),
        certificate=certificate,
        key=key,
        token=user.get("token"),
    )


@contextmanager
def api_client(
    session: Session, kubeconfig: str, *, deadline: float = 10.0, patience: float | None = None
) -> Iterator[Any]:
    """A kubernetes.client.ApiClient for the cluster of a kubeconfig's text, until the block ends.

    The API server is asked from where `session` is. `deadline` is in seconds for every request,
    to its last byte; `patience`, by default the same, for a connection on which the client is
    silent, as while a command in a pod runs. Raises ApiProblem for a kubeconfig that cannot be
    used; requests raise what the client raises: ApiException, or urllib3's HTTPError where no
    answer came.
    """
    access = read(kubeconfig, f"the kubeconfig on {session.target.name}")
    with ExitStack() as stack:
        # Patience bounds what the client itself does not: a trickle, a WebSocket's handshake.
        forward = session.forward(
            access.host, access.port, deadline=deadline, patience=patience or deadline
        )
        stack.callback(forward.close)
        client = _client(access, forward, deadline, stack)
        stack.callback(client.close)
        yield client


def _client(access: Access, forward: Forward, deadline: float, stack: ExitStack) -> Any:
    import urllib3  # noqa: PLC0415 - both are heavy
    from kubernetes import client  # noqa: PLC0415

    def file(content: bytes | None) -> str | None:
        return _in_memory(content, stack) if content else None

    configuration = client.Configuration(
        host=f"https://127.0.0.1:{forward.port}{access.path}",
        ssl_ca_cert=file(access.authority),
        tls_server_name=access.server_name,
        # One request, one answer: what failed is seen, not tried again behind our back.
        retries=False,
        # No proxy of the environment. The WebSocket client heeds no_proxy only beside a proxy.
        proxy="http://127.0.0.1:1",
        no_proxy="127.0.0.1",
    )
    configuration.cert_file, configuration.key_file = file(access.certificate), file(access.key)
    if access.token:
        configuration.api_key = {"authorization": f"Bearer {access.token}"}
    api = client.ApiClient(configuration)
    ask: Any = api.rest_client.request

    def request(*arguments: Any, **named: Any) -> Any:
        # The body is read at once: later, nobody would say why it did not arrive.
        try:
            named["_request_timeout"] = named.get("_request_timeout") or deadline
            answer = ask(*arguments, **named)
            answer.read()
        except urllib3.exceptions.HTTPError as error:
            if forward.last_error:
                raise urllib3.exceptions.HTTPError(forward.last_error) from error
            raise
        return answer

    setattr(api.rest_client, "request", request)  # noqa: B010 - mypy forbids the plain way
    return api


def _in_memory(content: bytes, stack: ExitStack) -> str:
    """A path where OpenSSL finds `content`, which never reaches a disk: see memfd_create(2)."""
    descriptor = os.memfd_create("fleetmesh", os.MFD_CLOEXEC)
    stack.callback(os.close, descriptor)
    os.write(descriptor, content)
    return f"/proc/self/fd/{descriptor}"

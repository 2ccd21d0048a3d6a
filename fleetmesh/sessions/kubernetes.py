"""The official Kubernetes client, over the session of the host whose kubeconfig it is."""

import base64
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import Any
from urllib.parse import quote, urlsplit

from fleetmesh.sessions.forward import Forwarder
from fleetmesh.sessions.session import Session
from fleetmesh.text import yaml12
from fleetmesh.text.legible import brief

_ACCOUNT = "embed the token of an account for this, as docs/operating.md makes one"
_FLATTEN = "write a file without it, on that host: kubectl config view --raw --flatten --minify"
FIELDS = {
    "context": {"cluster": "", "user": "", "namespace": "", "extensions": ""},
    "cluster": {
        **{"server": "", "certificate-authority-data": "", "tls-server-name": ""},
        **{"disable-compression": "", "extensions": ""},
        "certificate-authority": _FLATTEN,
        "insecure-skip-tls-verify": "embed certificate-authority-data",
        "proxy-url": "write a server that the host itself reaches",
    },
    "user": {
        **{"token": "", "client-certificate-data": "", "client-key-data": "", "extensions": ""},
        **{"client-certificate": _FLATTEN, "client-key": _FLATTEN, "tokenFile": _ACCOUNT},
        **dict.fromkeys(("exec", "auth-provider", "username", "password"), _ACCOUNT),
        **dict.fromkeys(("as", "as-uid", "as-groups", "as-user-extra"), _ACCOUNT),
    },
}
"""Every field of a kubeconfig that kubectl obeys: honoured, or refused with what to do instead.

What is refused names programs and files of the host, which would be somebody else's here, or makes
another user, way or server of it. Source: k8s.io/client-go/tools/clientcmd/api/v1.
"""

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,252}|::[A-Fa-f0-9:.]*")
_TOKEN = re.compile(r"[!-~]+")

BODY_LIMIT = 4 * 2**20
"""Bytes of one answer's body."""
CONNECTION_LIMIT = 2 * BODY_LIMIT
"""Bytes that may come on a connection before our side sends again: a body, and all around it."""
_CHUNK = 64 * 1024
_CONNECTIONS = 8
"""So many are kept; more would each be given up after an answer."""


@dataclass(frozen=True, repr=False)
class Kubeconfig:
    """A kubeconfig's text, or why there is none. The text is a secret: it is never recorded."""

    text: str = ""
    missing: str | None = None


class ApiProblem(Exception):
    """The kubeconfig cannot be used; the text says what in it, and what to write instead."""


@dataclass(frozen=True, repr=False)
class Access:
    """What a kubeconfig's current context says; secrets, so it is never printed."""

    source: str
    host: str
    port: int
    path: str
    server_name: str
    authority: bytes | None
    certificate: bytes | None
    key: bytes | None
    token: str | None


@lru_cache(maxsize=16)
def read(text: str, source: str, context_name: str | None = None) -> Access:
    """Read a kubeconfig, by its current context or another; `source` names it in messages.

    Raises ApiProblem.
    """

    def problem(what: str) -> ApiProblem:
        return ApiProblem(f"{source}: {what}")

    try:
        document = yaml12.load(text)
    except yaml12.Malformed as malformed:
        where = f"line {malformed.line}: " if malformed.line else ""
        path = f"{brief('.'.join(map(str, malformed.path)))}: " if malformed.path else ""
        raise problem(f"is no YAML to work with: {where}{path}{malformed}") from None
    if not isinstance(document, dict):
        raise problem("is empty or no kubeconfig; copy the cluster's there")

    def usable(kind: str, entry: dict[str, Any]) -> dict[str, Any]:
        # kubectl takes what is empty or false for what is not there.
        for field in filter(entry.get, entry):
            remedy = FIELDS[kind].get(field, "take it out, if kubectl does without it")
            if remedy:
                raise problem(f"{brief(str(field), 80)} of its {kind} is not supported; {remedy}")
        return entry

    def named(kind: str, name: object) -> dict[str, Any]:
        entries = document.get(f"{kind}s")
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and entry.get("name") == name:
                found = entry.get(kind)
                return usable(kind, found if isinstance(found, dict) else {})
        raise problem(f"has no {kind} named {brief(repr(name), 80)}")

    def data(entry: dict[str, Any], key: str) -> bytes | None:
        if entry.get(key) is None:
            return None
        try:
            # In a block, it is broken into lines.
            return base64.b64decode("".join(str(entry[key]).split()), validate=True)
        except ValueError:
            raise problem(f"{key} is no base64") from None

    wanted = context_name or document.get("current-context")
    if not wanted:
        raise problem("names no current-context; write the `context` of the cluster")
    context = named("context", wanted)
    cluster, user = named("cluster", context.get("cluster")), named("user", context.get("user"))
    shown = brief(repr(cluster.get("server")), 120)
    try:
        server = urlsplit(str(cluster.get("server", "")))
        port = server.port or 443
    except ValueError:
        raise problem(f"server {shown} is no address") from None
    if server.username is not None:
        raise problem("server holds a user and password, which are not supported; " + _ACCOUNT)
    if server.scheme != "https" or not _HOST.fullmatch(server.hostname or ""):
        raise problem(f"server {shown} is no https:// address")
    certificate, key = data(user, "client-certificate-data"), data(user, "client-key-data")
    if (certificate is None) != (key is None):
        raise problem("client-certificate-data and client-key-data belong together; one is missing")
    authority = data(cluster, "certificate-authority-data")
    if authority:
        try:
            ssl.create_default_context(cadata=authority.decode("ascii", "replace"))
        except ssl.SSLError:
            raise problem("certificate-authority-data holds no certificate in PEM form") from None
    host = str(server.hostname)
    server_name = str(cluster.get("tls-server-name") or host)
    if not _HOST.fullmatch(server_name):
        raise problem(f"tls-server-name {brief(repr(server_name), 120)} is no name of a server")
    token = user.get("token")
    if token is not None and not (isinstance(token, str) and _TOKEN.fullmatch(token)):
        raise problem("token holds what no header can; embed the token as it was issued")
    return Access(
        source=source,
        host=host,
        port=port,
        path=quote(server.path.rstrip("/")),
        server_name=server_name,
        authority=authority,
        certificate=certificate,
        key=key,
        token=token,
    )


@contextmanager
def api_client(
    session: Session,
    kubeconfig: str,
    *,
    deadline: float = 10.0,
    patience: float | None = None,
    context: str | None = None,
    ahead: int = 0,
) -> Iterator[Any]:
    """A kubernetes.client.ApiClient for the cluster of a kubeconfig's text, until the block ends.

    The API server is asked from where `session` is. `deadline` is in seconds for every request,
    to its last byte; `patience`, by default the same, for a connection on which the client is
    silent, as while a command in a pod runs. `context` is one of the kubeconfig's, instead of its
    current one. So many connections are opened `ahead`. Raises ApiProblem for a kubeconfig that
    cannot be used; requests raise what the client raises: ApiException, or urllib3's HTTPError
    where no answer came.
    """
    access = read(kubeconfig, f"the kubeconfig on {session.target.name}", context)
    with ExitStack() as stack:
        # Patience bounds what the client itself does not: a trickle, a WebSocket's handshake.
        forward = session.forward(
            access.host,
            access.port,
            deadline=deadline,
            patience=patience or deadline,
            limit=CONNECTION_LIMIT,
            ahead=ahead,
        )
        stack.callback(forward.close)
        client = _client(access, forward, deadline, stack)
        stack.callback(client.close)
        yield client


def _client(access: Access, forward: Forwarder, deadline: float, stack: ExitStack) -> Any:
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
    configuration.connection_pool_maxsize = _CONNECTIONS
    configuration.cert_file, configuration.key_file = file(access.certificate), file(access.key)
    if configuration.cert_file:
        try:  # here, since the client would ask the terminal for a password
            ssl.create_default_context().load_cert_chain(
                configuration.cert_file, configuration.key_file, lambda: ""
            )
        except (ssl.SSLError, ValueError):
            raise ApiProblem(
                f"{access.source}: client-certificate-data and client-key-data are no certificate "
                f"with its key, unencrypted and in PEM form; {_ACCOUNT}"
            ) from None
    if access.token:
        configuration.api_key = {"authorization": f"Bearer {access.token}"}
    api = client.ApiClient(configuration)
    ask: Any = api.rest_client.request

    def request(method: str, url: str, headers: Any = None, **named: Any) -> Any:
        # The body is read at once: later, nobody would say why it did not arrive.
        named["_request_timeout"] = seconds = named.get("_request_timeout") or deadline
        until = monotonic() + seconds
        try:
            answer = ask(method, url, {**(headers or {}), "Accept-Encoding": "identity"}, **named)
            answer.data = _body(answer.response, until, seconds)
        except _Refused as refused:
            raise urllib3.exceptions.HTTPError(str(refused)) from None
        except urllib3.exceptions.HTTPError:
            if forward.last_error:  # whichever of its connections broke: all lead to the one API
                raise urllib3.exceptions.HTTPError(forward.last_error) from None
            raise
        # Without a length, a body that was cut looks whole.
        if answer.response.length_remaining is None and not answer.response.chunked:
            ended = any(carried.ended for carried in forward.connections)
            if forward.last_error or not ended:
                raise urllib3.exceptions.HTTPError(forward.last_error or "its answer was cut")
        return answer

    setattr(api.rest_client, "request", request)  # noqa: B010 - mypy forbids the plain way
    return api


class _Refused(Exception):
    """An answer that is not taken, although it may go on; the text says why."""


def _body(response: Any, until: float, seconds: float) -> bytes:
    """The whole body as it was sent; raises _Refused, and what urllib3 does."""
    coding = response.headers.get("Content-Encoding", "identity")
    if coding.lower() != "identity":
        response.close()
        raise _Refused(f"it sent a compressed body ({brief(coding, 40)}), unasked")
    body = bytearray()
    while chunk := response.read1(_CHUNK, decode_content=False):
        body += chunk
        if len(body) > BODY_LIMIT:
            response.close()
            raise _Refused(f"it sent more than {BODY_LIMIT} bytes of body")
        if monotonic() > until:
            response.close()
            raise _Refused(f"no complete answer within {seconds:g} s")
    response.release_conn()
    return bytes(body)


def _in_memory(content: bytes, stack: ExitStack) -> str:
    """A path where OpenSSL finds `content`, which never reaches a disk: see memfd_create(2)."""
    descriptor = os.memfd_create("fleetmesh", os.MFD_CLOEXEC)
    stack.callback(os.close, descriptor)
    os.write(descriptor, content)
    return f"/proc/self/fd/{descriptor}"

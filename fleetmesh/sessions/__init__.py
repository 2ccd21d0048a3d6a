"""How hosts are reached: one strict, bounded SSH connection each, HTTP and Kubernetes over it.

May import: text.
"""

from fleetmesh.sessions.command import Completed
from fleetmesh.sessions.connect import connect, connect_all
from fleetmesh.sessions.forward import Carried, Forwarder
from fleetmesh.sessions.http import HttpAnswer, http_get, http_held, http_post
from fleetmesh.sessions.kubernetes import ApiProblem, Kubeconfig, api_client
from fleetmesh.sessions.session import Session
from fleetmesh.sessions.target import (
    ConfigProblem,
    HostKeyMismatch,
    HostKeyUnknown,
    Identity,
    LoginRefused,
    Target,
    Unreachable,
)

__all__ = [
    "ApiProblem",
    "Carried",
    "Completed",
    "ConfigProblem",
    "Forwarder",
    "HostKeyMismatch",
    "HostKeyUnknown",
    "HttpAnswer",
    "Identity",
    "Kubeconfig",
    "LoginRefused",
    "Session",
    "Target",
    "Unreachable",
    "api_client",
    "connect",
    "connect_all",
    "http_get",
    "http_held",
    "http_post",
]

"""A plain GET with the official Kubernetes client, which brings the credentials and TLS."""

from typing import Any


def get(api: Any, path: str, deadline: float) -> tuple[int, bytes]:
    """HTTP status and body of `path`, whatever the status; `deadline` in seconds."""
    request = api.param_serialize(
        "GET", path, header_params={"Accept": "application/json"}, auth_settings=["BearerToken"]
    )
    response = api.call_api(*request, _request_timeout=deadline)
    return int(response.status), response.read() or b""

"""Readiness probes: httpGet, tcpSocket and exec, asked from the node as a kubelet does."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from .sandbox import StartError, signal_group

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Awaitable, Callable

    from .status import Object

    Spawn = Callable[[list[str]], Awaitable[Process]]


async def passes(probe: Object, container: Object, pod_ip: str, spawn: Spawn) -> bool:
    """One attempt, bounded by the probe's `timeoutSeconds`."""
    if action := probe.get("httpGet"):
        attempt = _http_get(action, container, pod_ip)
    elif action := probe.get("tcpSocket"):
        attempt = _tcp_socket(action, container, pod_ip)
    else:
        attempt = _exec(probe["exec"]["command"], spawn)
    try:
        return await asyncio.wait_for(attempt, probe["timeoutSeconds"])
    except (asyncio.TimeoutError, OSError, StartError, ValueError):
        return False


async def _http_get(action: Object, container: Object, pod_ip: str) -> bool:
    host = action.get("host", pod_ip)
    port = _port(action["port"], container)
    reader, writer = await asyncio.open_connection(host, port)
    try:
        request = (
            f"GET {action['path']} HTTP/1.1\r\nHost: {host}:{port}\r\n"
            "User-Agent: kube-probe/1.32\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        )
        writer.write(request.encode())
        await writer.drain()
        version, code, *_ = (await reader.readline()).split()
        return version.startswith(b"HTTP/1.") and 200 <= int(code) < 400
    finally:
        writer.close()


async def _tcp_socket(action: Object, container: Object, pod_ip: str) -> bool:
    _, writer = await asyncio.open_connection(
        action.get("host", pod_ip), _port(action["port"], container)
    )
    writer.close()
    return True


async def _exec(command: list[str], spawn: Spawn) -> bool:
    process = await spawn(command)
    try:
        return await process.wait() == 0
    finally:
        if process.returncode is None:
            signal_group(process, signal.SIGKILL)


def _port(value: int | str, container: Object) -> int:
    if isinstance(value, int):
        return value
    for port in container.get("ports", []):
        if port.get("name") == value:
            number: int = port["containerPort"]
            return number
    raise ValueError(f"no port named {value}")

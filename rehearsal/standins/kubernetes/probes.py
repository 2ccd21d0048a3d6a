"""Readiness probes: httpGet, tcpSocket and exec, asked from the node as a kubelet does."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from .sandbox import StartError, signal_group

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Awaitable, Callable

    from .status import Object

    Spawn = Callable[[list[str]], Awaitable[Process]]


async def trouble(probe: Object, container: Object, pod_ip: str, spawn: Spawn) -> str | None:
    """One attempt, bounded by the probe's `timeoutSeconds`: why it fails, in a kubelet's words.

    None if it succeeds.
    """
    asked = where = ""
    late = "context deadline exceeded"
    try:
        if action := probe.get("httpGet"):
            where = f"{action.get('host', pod_ip)}:{_port(action['port'], container)}"
            asked = f'Get "http://{where}{action["path"]}": '
            late = f"{late} (Client.Timeout exceeded while awaiting headers)"
            attempt = _http_get(where, action["path"])
        elif action := probe.get("tcpSocket"):
            where = f"{action.get('host', pod_ip)}:{_port(action['port'], container)}"
            attempt = _tcp_socket(where)
        else:
            attempt = _exec(probe["exec"]["command"], spawn)
        return await asyncio.wait_for(attempt, probe["timeoutSeconds"])
    except asyncio.TimeoutError:
        return f"{asked}{late}"
    except OSError as error:
        how = "read" if isinstance(error, ConnectionResetError) else "dial"
        why = os.strerror(error.errno or 0).lower()
        return f"{asked}{how} tcp {where}: {'connect' if how == 'dial' else how}: {why}"
    except (StartError, ValueError) as error:
        return f"{asked}{error}"


async def _http_get(where: str, path: str) -> str | None:
    reader, writer = await asyncio.open_connection(*where.rsplit(":", 1))
    try:
        request = (
            f"GET {path} HTTP/1.1\r\nHost: {where}\r\n"
            "User-Agent: kube-probe/1.32\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        )
        writer.write(request.encode())
        await writer.drain()
        line = await reader.readline()
        if not line:
            raise ValueError("EOF")
        version, code, *_ = line.split()
        if version.startswith(b"HTTP/1.") and 200 <= int(code) < 400:
            return None
        return f"HTTP probe failed with statuscode: {int(code)}"
    finally:
        writer.close()


async def _tcp_socket(where: str) -> None:
    _, writer = await asyncio.open_connection(*where.rsplit(":", 1))
    writer.close()


async def _exec(command: list[str], spawn: Spawn) -> str | None:
    process = await spawn(command)
    try:
        return None if await process.wait() == 0 else ""
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

"""A TCP connection within a deadline, or one sentence why there is none."""

import socket
import threading
from contextlib import suppress
from typing import Any

from fleetmesh.sessions.target import Deadline

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]


def connect(hostname: str, port: int, who: str, deadline: Deadline) -> socket.socket:
    """Connect to the first address that answers; raises ConnectionError, which names `who`."""
    cause = ""
    addresses = _resolve(hostname, port, who, deadline)
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(max(deadline.left / (len(addresses) - index), 0.01))
        try:
            connection.connect(address)
        except TimeoutError:
            cause = f"no answer from {who} on {shown(address)} within {deadline}"
        except ConnectionRefusedError:
            cause = f"{who} refused the connection on {shown(address)}"
        except OSError as error:
            cause = f"{who} cannot be reached on {shown(address)}: {error.strerror}"
        else:
            _watch(connection, deadline.seconds)
            return connection
        connection.close()
    raise ConnectionError(cause)


def shown(address: tuple[Any, ...]) -> str:
    """`host:port`, with brackets around an IPv6 address."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _resolve(hostname: str, port: int, who: str, deadline: Deadline) -> list[AddressInfo]:
    """getaddrinfo knows no deadline, so a thread of its own waits for it."""
    found: list[AddressInfo] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(hostname, port, type=socket.SOCK_STREAM))
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=ask, daemon=True, name=f"resolve {hostname}")
    thread.start()
    thread.join(deadline.left)
    if thread.is_alive():
        raise ConnectionError(
            f"{who}: no name server told the address of {hostname} within {deadline}"
        )
    if failed:
        raise ConnectionError(f"{who}: the name {hostname} does not resolve ({failed[0].strerror})")
    return found


def _watch(connection: socket.socket, seconds: float) -> None:
    """Let the kernel give a silent connection up: tcp(7), TCP_USER_TIMEOUT and keepalive."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(AttributeError):  # not on every system
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2)

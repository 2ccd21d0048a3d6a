"""A TCP connection within a deadline, or one sentence why there is none."""

import fcntl
import socket
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fleetmesh.sessions.target import Deadline

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
_SIOCGIFADDR = 0x8915
_IPV6_OF_INTERFACES = Path("/proc/net/if_inet6")
_ONLY = {
    socket.AF_INET: " to IPv4, which AddressFamily wants",
    socket.AF_INET6: " to IPv6, which AddressFamily wants",
}
_PAUSE = 1.0  # seconds between two attempts, as with ssh


@dataclass(frozen=True)
class Source:
    """From where to connect, and over which protocol; ssh_config(5), BindAddress and others."""

    family: socket.AddressFamily = socket.AF_UNSPEC
    address: str | None = None
    interface: str | None = None


def connect(
    hostname: str,
    port: int,
    who: str,
    deadline: Deadline,
    source: Source = Source(),
    attempts: int = 1,
) -> socket.socket:
    """Connect to the first address that answers; raises ConnectionError, which names `who`."""
    addresses = _resolve(hostname, port, who, deadline, source.family)
    while True:
        attempts -= 1
        try:
            return _attempt(addresses, who, deadline, source)
        except ConnectionError:
            if attempts <= 0 or deadline.left <= _PAUSE:
                raise
            time.sleep(_PAUSE)


def _attempt(
    addresses: list[AddressInfo], who: str, deadline: Deadline, source: Source
) -> socket.socket:
    cause = ""
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(max(deadline.left / (len(addresses) - index), 0.01))
        try:
            _bind(connection, source)
            connection.connect(address)
        except TimeoutError:
            cause = f"no answer from {who} on {shown(address)} within {deadline}"
        except ConnectionRefusedError:
            cause = f"{who} refused the connection on {shown(address)}"
        except _NotBound as error:
            cause = f"{who} cannot be reached on {shown(address)}: {error}"
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


class _NotBound(Exception):
    """There is no such address here to connect from."""


def _bind(connection: socket.socket, source: Source) -> None:
    option, value = "BindAddress", source.address
    try:
        if value is None and source.interface is not None:
            option, value = "BindInterface", source.interface
            connection.bind((_of_interface(source.interface, connection), 0))
        elif value is not None:
            found = socket.getaddrinfo(
                value, None, connection.family, connection.type, 0, socket.AI_PASSIVE
            )
            connection.bind(found[0][4])
    except OSError as error:
        raise _NotBound(f"ssh_config's {option} {value} is no address here ({error})") from None


def _of_interface(name: str, connection: socket.socket) -> str:
    """An address of a network interface; for IPv6, not a link-local one if there is another."""
    if connection.family == socket.AF_INET:
        request = struct.pack("256s", name.encode()[:15])
        return socket.inet_ntoa(fcntl.ioctl(connection, _SIOCGIFADDR, request)[20:24])
    lines = [line.split() for line in _IPV6_OF_INTERFACES.read_text().splitlines()]
    found = [socket.inet_ntop(socket.AF_INET6, bytes.fromhex(x[0])) for x in lines if x[5] == name]
    if not found:
        raise OSError(f"{name} has no IPv6 address")
    return next((a for a in found if not a.startswith("fe80:") and a != "::1"), found[0])


def _resolve(
    hostname: str, port: int, who: str, deadline: Deadline, family: socket.AddressFamily
) -> list[AddressInfo]:
    """getaddrinfo knows no deadline, so a thread of its own waits for it."""
    found: list[AddressInfo] = []
    failed: list[OSError] = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(hostname, port, family, socket.SOCK_STREAM))
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
        asked = _ONLY.get(family, "")
        raise ConnectionError(
            f"{who}: the name {hostname} does not resolve{asked} ({failed[0].strerror})"
        )
    return found


def _watch(connection: socket.socket, seconds: float) -> None:
    """Let the kernel give a silent connection up: tcp(7), TCP_USER_TIMEOUT and keepalive."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(AttributeError):  # not on every system
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2)

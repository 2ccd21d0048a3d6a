"""What a kube-proxy of eBPF does: connections to one address are made to another, from the start.

A program on a control group changes the address before connect(2) does anything, so that the socket
itself is one to the endpoint. Source: bpf(2); BPF_PROG_TYPE_CGROUP_SOCK_ADDR and bpf_sock_addr in
linux/bpf.h.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from contextlib import contextmanager
from socket import inet_aton
from typing import TYPE_CHECKING

from rehearsal.errors import RehearsalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SYSCALL = {"x86_64": 321, "aarch64": 280}
_PROG_LOAD, _PROG_ATTACH, _PROG_DETACH = 5, 8, 9
_CGROUP_SOCK_ADDR, _INET4_CONNECT = 18, 10
_USER_IP4 = 4  # its place in bpf_sock_addr


def redirect(group: Path, address: str, to: str) -> None:
    """Have whatever runs in `group` reach `to` (IPv4) where it means `address`.

    Raises RehearsalError where the kernel does not allow it.
    """
    with _opened(group) as where:
        program = _load(_program(address, to))
        _bpf(_PROG_ATTACH, struct.pack("<IIII", where, program, _INET4_CONNECT, 0))
        os.close(program)


def restore(group: Path) -> None:
    """Take that away again."""
    with _opened(group) as where:
        _bpf(_PROG_DETACH, struct.pack("<IIII", where, 0, _INET4_CONNECT, 0))


def _program(address: str, to: str) -> bytes:
    def number(ip: str) -> int:
        return int.from_bytes(inet_aton(ip), "little", signed=True)

    return b"".join(
        struct.pack("<BBhi", code, registers, offset, value)
        for code, registers, offset, value in (
            (0x61, 0x12, _USER_IP4, 0),  # r2 = context->user_ip4
            (0x56, 0x02, 2, number(address)),  # if r2 != address, two further
            (0xB4, 0x03, 0, number(to)),  # r3 = to
            (0x63, 0x31, _USER_IP4, 0),  # context->user_ip4 = r3
            (0xB7, 0x00, 0, 1),  # r0 = 1: let it connect
            (0x95, 0x00, 0, 0),  # exit
        )
    )


def _load(program: bytes) -> int:
    code, license_ = ctypes.create_string_buffer(program), ctypes.create_string_buffer(b"GPL")
    places = ctypes.addressof(code), ctypes.addressof(license_)
    start = struct.pack("<IIQQ", _CGROUP_SOCK_ADDR, len(program) // 8, *places)
    no_log_no_name = struct.pack("<IIQII16sI", 0, 0, 0, 0, 0, b"", 0)
    return _bpf(_PROG_LOAD, start + no_log_no_name + struct.pack("<I", _INET4_CONNECT))


def _bpf(command: int, attributes: bytes) -> int:
    kernel = ctypes.CDLL(None, use_errno=True)
    given = ctypes.create_string_buffer(attributes, 128)
    done: int = kernel.syscall(_SYSCALL[platform.machine()], command, given, len(given))
    if done < 0:
        raise RehearsalError(f"bpf({command}): {os.strerror(ctypes.get_errno())}")
    return done


@contextmanager
def _opened(group: Path) -> Iterator[int]:
    descriptor = os.open(group, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)

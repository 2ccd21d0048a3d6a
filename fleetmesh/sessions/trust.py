"""Whether a host is the one that is meant: what it must show, and whether it did."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass

from fleetmesh.sessions import host_certificate, host_keys, known_hosts_command, options
from fleetmesh.sessions.algorithms import CERTIFIED, Algorithms
from fleetmesh.sessions.host_certificate import NotCertified
from fleetmesh.sessions.host_keys import Expected, HostKey
from fleetmesh.sessions.keys import type_of
from fleetmesh.sessions.revoked import revoked
from fleetmesh.sessions.ssh_config import Settings, SshConfigError, where
from fleetmesh.sessions.target import (
    ConfigProblem,
    Deadline,
    HostKeyMismatch,
    HostKeyUnknown,
)
from fleetmesh.sessions.transport import Transport


@dataclass(frozen=True)
class Trust:
    """What a host must show to be believed; `pins` are the inventory's keys for it, if it has any.

    `host` is the inventory's name, which errors carry, and `who` the words for it in messages.
    """

    host: str
    who: str
    found: Settings
    pins: Iterable[str] | None
    deadline: Deadline

    def algorithms(self) -> Algorithms:
        """What to propose, so that a host with several keys shows the one that is known."""
        expected = self._expected(None)
        return self.found.algorithms.with_host_keys(
            expected.algorithms, certificates=bool(expected.authorities)
        )

    def verify(self, transport: Transport) -> HostKey:
        """The key that the host has shown; raises ConfigProblem, HostKeyMismatch, HostKeyUnknown.

        Of a certificate that an authority vouches with, that is the key in it.
        """
        blob = transport.proof[0]
        kind = type_of(blob)
        shown = plain = HostKey(kind, blob)
        signed, authority = kind.endswith(CERTIFIED), None
        why = ""
        if signed:
            try:
                plain, authority, _ = host_certificate.parts(blob, kind)
            except NotCertified as problem:
                raise HostKeyMismatch(
                    self.host, f"{self.who}'s host certificate {problem}"
                ) from None
        expected = self._expected(plain)
        self._refuse_revoked(expected, [shown, plain, *([authority] if authority else [])])
        if signed:
            try:
                name = self.found.host_key_alias or self.found.hostname
                host_certificate.check(
                    blob, kind, name, expected.authorities, self.found.ca_algorithms
                )
            except NotCertified as problem:  # as with ssh, its plain key may still be known
                why = f"; its certificate {problem}"
            else:
                return plain
        if not expected.keys:
            raise HostKeyUnknown(self.host, self._not_pinned(expected, plain) + why)
        if plain not in expected.keys:
            pinned = ", ".join(str(key) for key in expected.keys)
            raise HostKeyMismatch(
                self.host,
                f"{self.who}'s host key changed: pinned {pinned} ({expected.source}), "
                f"offered {plain}{why}",
            )
        self._check_address(transport, plain)
        return plain

    def _expected(self, key: HostKey | None) -> Expected:
        found = self.found
        try:
            told = known_hosts_command.ask(found, key, self.deadline)
            expected = host_keys.known(
                found.hostname, found.port, found.host_key_alias, found.known_hosts_files, told
            )
            return expected if self.pins is None else host_keys.pinned(self.pins, expected)
        except SshConfigError as error:
            raise ConfigProblem(self.host, f"{self.who}: ssh_config: {error}") from None
        except (OSError, ValueError) as error:
            raise ConfigProblem(self.host, f"{self.who}: host keys: {error}") from None

    def _refuse_revoked(self, expected: Expected, keys: list[HostKey]) -> None:
        listed = next((key for key in keys if key in expected.revoked), None)
        try:
            listed = listed or revoked(keys, self.found.revoked_keys_files, self.deadline)
        except (OSError, ValueError) as error:
            raise ConfigProblem(
                self.host, f"{self.who}: ssh_config: RevokedHostKeys cannot be consulted: {error}"
            ) from None
        if listed:
            raise HostKeyMismatch(
                self.host, f"{self.who} offered a host key that is revoked: {listed}"
            )

    def _not_pinned(self, expected: Expected, offered: HostKey) -> str:
        found = self.found
        how = "only through a certificate authority" if expected.authorities else "not at all"
        missed = "".join(
            f"; {where(keyword, found.name, found.config)}: {options.refusal(keyword)}"
            for keyword in options.missed_at_host_key(found.given)
        )
        return (
            f"{self.who}'s host key is not pinned: {expected.source} knows "
            f"{found.host_key_alias or found.hostname} {how}; offered {offered}. "
            f"Compare it on the host itself, then pin it{missed}"
        )

    def _check_address(self, transport: Transport, key: HostKey) -> None:
        """CheckHostIP: the address must not be known for another key."""
        connection, found = transport.sock, self.found
        direct = isinstance(connection, socket.socket) and connection.family != socket.AF_UNIX
        if not found.check_host_ip or not direct or found.proxy_command:
            return
        address = str(connection.getpeername()[0])
        if address == found.hostname or address in ("127.0.0.1", "::1"):
            return
        known = host_keys.known(address, found.port, None, found.known_hosts_files)
        same = [pinned for pinned in known.keys if pinned.type == key.type]
        if same and key not in same:
            raise HostKeyMismatch(
                self.host,
                f"{self.who}'s address {address} is known for another host key, {same[0]} "
                f"({known.source}), as CheckHostIP found; offered {key}",
            )

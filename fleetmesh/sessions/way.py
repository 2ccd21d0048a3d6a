"""The way to a host: configuration, TCP or proxies, key exchange, host key, login."""

import socket
import threading
from contextlib import ExitStack
from dataclasses import replace

import paramiko

from fleetmesh.sessions import host_keys, proxy_command, tcp
from fleetmesh.sessions.host_keys import Expected, HostKey
from fleetmesh.sessions.link import Link
from fleetmesh.sessions.login import LoginFailed, log_in
from fleetmesh.sessions.ssh import SshSession
from fleetmesh.sessions.ssh_config import Settings, SshConfigError, jump_host, settings
from fleetmesh.sessions.target import (
    ConfigProblem,
    Deadline,
    HostKeyMismatch,
    HostKeyUnknown,
    Identity,
    LoginRefused,
    Target,
    Unreachable,
)
from fleetmesh.sessions.transport import KEEPALIVE, ChannelRefused, Transport
from fleetmesh.text.legible import brief, said

MOST_JUMPS = 8


def open_session(target: Target) -> SshSession:
    """Go the whole way to `target`; raises Unreachable within its `connect_deadline`."""
    with ExitStack() as stack:
        link = Link()
        stack.callback(link.close)
        identity = _Way(target, link).go()
        stack.pop_all()
        return SshSession(target, identity, link)


class _Way:
    """The way to one target, over its jump hosts, within one deadline."""

    def __init__(self, target: Target, link: Link) -> None:
        self.target = target
        self.link = link
        self.deadline = Deadline(target.connect_deadline)
        self.jumps: list[str] = []

    def go(self) -> Identity:
        target = self.target
        identity = self._reach(target.ssh, target.user, target.port, None, hop=False)
        return replace(identity, jumps=tuple(self.jumps))

    def _reach(
        self,
        name: str,
        user: str | None,
        port: int | None,
        jumps: tuple[str, ...] | None,
        *,
        hop: bool,
    ) -> Identity:
        """Log in to `name`, over `jumps` or, if None, over what ssh_config says."""
        who = f"{name} (jump host of {self.target.name})" if hop else self.target.name
        try:
            found = settings(name, user, port, self.target.ssh_config, self.deadline)
        except SshConfigError as error:
            raise ConfigProblem(self.target.name, f"{who}: ssh_config: {error}") from None
        if found.connect_timeout and found.connect_timeout < self.deadline.left:
            self.deadline = Deadline(found.connect_timeout)
        expected = self._expected(found, who, hop=hop)
        stream, address = self._stream(found, found.proxy_jump if jumps is None else jumps, who)
        transport = Transport(stream)
        self.link.transports.append(transport)
        self._exchange_keys(transport, expected, who, address)
        offered = self._verify(transport, expected, found, who)
        login = self._log_in(transport, found, who)
        transport.set_keepalive(KEEPALIVE)
        return Identity(
            address=address,
            user=found.user,
            host_key=offered.line,
            fingerprint=offered.fingerprint,
            server=brief(transport.remote_version or ""),
            login=login,
        )

    def _fail(self, cause: str) -> Unreachable:
        return Unreachable(self.target.name, cause)

    def _expected(self, found: Settings, who: str, *, hop: bool) -> Expected:
        try:
            expected = host_keys.known(
                found.hostname, found.port, found.host_key_alias, found.known_hosts_files
            )
            if self.target.host_keys is not None and not hop:
                expected = host_keys.pinned(self.target.host_keys, expected)
        except (OSError, ValueError) as error:
            raise ConfigProblem(self.target.name, f"{who}: host keys: {error}") from None
        return expected

    def _stream(
        self, found: Settings, jumps: tuple[str, ...], who: str
    ) -> tuple[socket.socket | paramiko.Channel, str]:
        address = f"{found.hostname}:{found.port}"
        if jumps:
            if len(self.jumps) >= MOST_JUMPS:
                raise ConfigProblem(self.target.name, f"{who}: ProxyJump leads in a circle")
            self.jumps.insert(0, jumps[-1])
            name, user, port = self._jump(jumps[-1], who)
            # The last of several jumps is reached over the others, not over its own ProxyJump.
            self._reach(name, user, port, jumps[:-1] or None, hop=True)
            try:
                there = (found.hostname, found.port)
                transport = self.link.transports[-1]
                channel = transport.open("direct-tcpip", self.deadline, there, ("127.0.0.1", 0))
            except ChannelRefused as refused:
                raise self._fail(f"{name} could not reach {who} on {address}: {refused}") from None
            return channel, address
        if found.proxy_command:
            try:
                proxy = proxy_command.start(found.proxy_command)
            except OSError as error:
                raise self._fail(f"{who}: its ProxyCommand cannot be run: {error}") from None
            self.link.proxies.append(proxy)
            return proxy.stream, address
        try:
            connection = tcp.connect(found.hostname, found.port, who, self.deadline)
        except ConnectionError as error:
            raise self._fail(str(error)) from None
        self.link.sockets.append(connection)
        return connection, tcp.shown(connection.getpeername())

    def _jump(self, text: str, who: str) -> tuple[str, str | None, int | None]:
        try:
            return jump_host(text)
        except SshConfigError as error:
            raise ConfigProblem(self.target.name, f"{who}: ssh_config: {error}") from None

    def _exchange_keys(
        self, transport: Transport, expected: Expected, who: str, address: str
    ) -> None:
        # Types that are expected come first: a host with several keys then shows the one we know.
        options = transport.get_security_options()
        possible = list(options.key_types)
        first = [name for name in expected.algorithms if name in possible]
        options.key_types = first + [name for name in possible if name not in first]
        transport.banner_timeout = transport.handshake_timeout = max(self.deadline.left, 0.01)
        done = threading.Event()
        transport.start_client(event=done)
        done.wait(self.deadline.left)
        if transport.is_active() and transport.initial_kex_done:
            return
        said = transport.remote_version
        error = transport.get_exception()
        if self.deadline.passed:
            stage = "finish the key exchange" if said else "greet as an SSH server"
            raise self._fail(
                f"{who} accepted the connection on {address} "
                f"but did not {stage} within {self.deadline}"
            )
        raise self._fail(self._why_no_keys(transport, error, who, address))

    def _why_no_keys(
        self, transport: Transport, error: Exception | None, who: str, address: str
    ) -> str:
        for proxy in self.link.proxies:
            if words := proxy.failure():
                return f"{who}: its ProxyCommand {words}"
        if transport.farewell:
            return f"{who} ended the connection on {address}: {transport.farewell}"
        if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
            return f"{who} and this suite have no algorithm in common: {said(error)}"
        if not transport.remote_version:
            if error and "Indecipherable" in str(error):
                return f"{who}: what listens on {address} does not speak SSH ({said(error)})"
            return f"{who} closed the connection on {address} before it greeted as an SSH server"
        return (
            f"{who} broke off the key exchange on {address}: {said(error or 'connection closed')}"
        )

    def _verify(
        self, transport: Transport, expected: Expected, found: Settings, who: str
    ) -> HostKey:
        key = transport.get_remote_server_key()
        offered = HostKey(key.get_name(), key.asbytes())
        if offered in expected.revoked:
            raise HostKeyMismatch(
                self.target.name, f"{who} offered a host key that is revoked: {offered}"
            )
        if not expected.keys:
            why = (
                "only through a certificate authority, which this suite does not check"
                if expected.only_by_authority
                else "not at all"
            )
            raise HostKeyUnknown(
                self.target.name,
                f"{who}'s host key is not pinned: {expected.source} knows "
                f"{found.host_key_alias or found.hostname} {why}; offered {offered}. "
                "Compare it on the host itself, then pin it",
            )
        if offered not in expected.keys:
            pinned = ", ".join(str(key) for key in expected.keys)
            raise HostKeyMismatch(
                self.target.name,
                f"{who}'s host key changed: pinned {pinned} ({expected.source}), offered {offered}",
            )
        return offered

    def _log_in(self, transport: Transport, found: Settings, who: str) -> str:
        try:
            return log_in(transport, found, self.deadline)
        except LoginFailed as failed:
            raise LoginRefused(self.target.name, f"{who} {failed}") from None
        except TimeoutError:
            raise self._fail(f"{who} did not answer the login within {self.deadline}") from None

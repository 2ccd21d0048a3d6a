"""The way to a host: configuration, TCP or proxies, key exchange, host key, login."""

import socket
import threading
from contextlib import ExitStack
from dataclasses import replace

import paramiko

from fleetmesh.sessions import proxy_command, tcp
from fleetmesh.sessions.algorithms import Algorithms, nothing_in_common
from fleetmesh.sessions.link import Link
from fleetmesh.sessions.login import LoginFailed, log_in
from fleetmesh.sessions.ssh import SshSession
from fleetmesh.sessions.ssh_config import Settings, SshConfigError, jump_host, settings
from fleetmesh.sessions.target import (
    ChannelRefused,
    ConfigProblem,
    Deadline,
    Identity,
    LoginRefused,
    Target,
    Unreachable,
)
from fleetmesh.sessions.transport import KEEPALIVE, Transport
from fleetmesh.sessions.trust import Trust
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
        # ssh_config bounds the connection and the key exchange, and no confirmation of a key.
        patience = self.deadline
        if found.connect_timeout and found.connect_timeout < self.deadline.left:
            patience = Deadline(found.connect_timeout)
        pins = None if hop else self.target.host_keys
        trust = Trust(self.target.name, who, found, pins, self.deadline)
        algorithms = trust.algorithms()
        stream, address = self._stream(
            found, found.proxy_jump if jumps is None else jumps, who, patience
        )
        transport = Transport(stream, algorithms)
        if found.version_addendum:
            transport.local_version += f" {found.version_addendum}"
        transport.environment = found.environment
        self.link.transports.append(transport)
        self._exchange_keys(transport, algorithms, who, address, patience)
        key = trust.verify(transport)
        login = self._log_in(transport, found, who)
        transport.set_keepalive(KEEPALIVE)
        return Identity(
            address=address,
            user=found.user,
            host_key=key.line,
            fingerprint=key.fingerprint,
            server=brief(transport.remote_version or ""),
            login=login,
        )

    def _fail(self, cause: str) -> Unreachable:
        return Unreachable(self.target.name, cause)

    def _stream(
        self, found: Settings, jumps: tuple[str, ...], who: str, patience: Deadline
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
                channel = transport.open("direct-tcpip", patience, there, ("127.0.0.1", 0))
            except ChannelRefused as refused:
                raise self._fail(f"{name} could not reach {who} on {address}: {refused}") from None
            return channel, address
        if found.proxy_command:
            try:
                proxy = proxy_command.start(found.proxy_command)
            except OSError as error:
                raise self._fail(f"{who}: its ProxyCommand cannot be run: {error}") from None
            self.link.proxies.append(proxy)
            if not found.proxy_passes_socket:
                return proxy.stream, address
            passed = proxy.passed(patience)
            if passed is None:
                ending = proxy.failure() or "handed no connection over, as ProxyUseFdpass wants"
                raise self._fail(f"{who}: its ProxyCommand {ending}")
            self.link.sockets.append(passed)
            return passed, address
        source = tcp.Source(found.family, found.bind_address, found.bind_interface)
        try:
            connection = tcp.connect(
                found.hostname, found.port, who, patience, source, found.attempts
            )
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
        self,
        transport: Transport,
        algorithms: Algorithms,
        who: str,
        address: str,
        patience: Deadline,
    ) -> None:
        transport.banner_timeout = transport.handshake_timeout = max(patience.left, 0.01)
        done = threading.Event()
        transport.start_client(event=done)
        done.wait(patience.left)
        if transport.is_active() and transport.initial_kex_done:
            return
        greeted = transport.remote_version
        error = transport.get_exception()
        if patience.passed:
            stage = "finish the key exchange" if greeted else "greet as an SSH server"
            raise self._fail(
                f"{who} accepted the connection on {address} but did not {stage} within {patience}"
            )
        if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
            why = "; ".join(nothing_in_common(algorithms, transport.offered)) or said(error)
            raise self._fail(f"{who} and this suite have no algorithm in common: {why}")
        raise self._fail(self._why_no_keys(transport, error, who, address))

    def _why_no_keys(
        self, transport: Transport, error: Exception | None, who: str, address: str
    ) -> str:
        for proxy in self.link.proxies:
            if words := proxy.failure():
                return f"{who}: its ProxyCommand {words}"
        if transport.farewell:
            return f"{who} ended the connection on {address}: {transport.farewell}"
        if not transport.remote_version:
            if error and "Indecipherable" in str(error):
                return f"{who}: what listens on {address} does not speak SSH ({said(error)})"
            words = brief(" ".join(transport.preamble))
            told = f"; it says: {words}" if words else ""
            return (
                f"{who} closed the connection on {address} before it greeted as an SSH server{told}"
            )
        return (
            f"{who} broke off the key exchange on {address}: {said(error or 'connection closed')}"
        )

    def _log_in(self, transport: Transport, found: Settings, who: str) -> str:
        try:
            return log_in(transport, found, self.deadline)
        except LoginFailed as failed:
            raise LoginRefused(self.target.name, f"{who} {failed}") from None
        except TimeoutError as late:
            told = f": {late}" if str(late) else ""
            raise self._fail(
                f"{who} did not answer the login within {self.deadline}{told}"
            ) from None

"""The client's side of SSH authentication (RFC 4252), in the place of paramiko's AuthHandler.

paramiko signs before the server has said that it takes the key. So an agent asks for a confirmation
or a touch in vain, and a key that it does not sign with ends the log-in before the right one had
its turn. Here a key is offered first and signs only then (section 7), as with ssh. paramiko also
knows no way on after a method of several, and forgets what the server says meanwhile.
"""

import queue
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import paramiko
from paramiko.common import (
    MSG_SERVICE_ACCEPT,
    MSG_USERAUTH_BANNER,
    MSG_USERAUTH_FAILURE,
    MSG_USERAUTH_INFO_REQUEST,
    MSG_USERAUTH_SUCCESS,
    cMSG_SERVICE_REQUEST,
    cMSG_USERAUTH_INFO_RESPONSE,
    cMSG_USERAUTH_REQUEST,
)

from fleetmesh.sessions.algorithms import CERTIFIED
from fleetmesh.sessions.keys import Offer
from fleetmesh.sessions.target import Deadline

_MOST_BANNERS = 20
_MOST_UNREAD = 16
"""Answers that a server may give without being asked."""
_Arrived = tuple[int, paramiko.Message] | None


class Ended(Exception):
    """The connection was lost during the log-in."""


@dataclass(frozen=True)
class Answer:
    """What the server makes of a request: whether it is satisfied, or how to go on."""

    success: bool = False
    acceptable: bool = False
    partial: bool = False
    methods: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()


class Userauth:
    """The authentication of one user on one transport."""

    def __init__(self, transport: Any, user: str, deadline: Deadline) -> None:
        self.banners: list[str] = []
        self._transport = transport  # a Transport, whose inner names are used
        self._user = user
        self._deadline = deadline
        self._arrived: queue.Queue[_Arrived] = queue.Queue(_MOST_UNREAD)
        self._authenticated = False
        self._served = True
        """Whether the service that was asked for is known to be there."""
        # What paramiko's transport looks up for each message of these kinds.
        self._handler_table = {
            MSG_SERVICE_ACCEPT: lambda message: self._put((MSG_SERVICE_ACCEPT, message)),
            MSG_USERAUTH_FAILURE: lambda message: self._put((MSG_USERAUTH_FAILURE, message)),
            # PK_OK and INFO_REQUEST share a number; which it is, the request decides.
            MSG_USERAUTH_INFO_REQUEST: lambda message: self._put(
                (MSG_USERAUTH_INFO_REQUEST, message)
            ),
            MSG_USERAUTH_SUCCESS: self._succeed,
            MSG_USERAUTH_BANNER: self._keep_banner,
        }
        self._transport.auth_handler = self

    def start(self) -> None:
        """Ask for the service (RFC 4253, 10); the first request need not wait for its answer."""
        message = paramiko.Message()
        message.add_byte(cMSG_SERVICE_REQUEST)
        message.add_string("ssh-userauth")
        self._transport._send_message(message)
        self._served = False

    def none(self) -> Answer:
        """Ask to be let in without a proof; the refusal tells which proofs count."""
        return self._ask(self._request("none"))

    def probe(self, offer: Offer, algorithm: str) -> Answer:
        """Ask whether the server would take a key, or rather a certificate."""
        message = self._request("publickey")
        message.add_boolean(False)
        message.add_string(algorithm)
        message.add_string(offer.blob)
        return self._ask(message)

    def prove(self, offer: Offer, algorithm: str) -> Answer:
        """Sign with it. Raises AgentProblem where the agent does not."""
        message = self._request("publickey")
        message.add_boolean(True)
        message.add_string(algorithm)
        message.add_string(offer.blob)
        data = paramiko.Message()
        data.add_string(self._transport.session_id)
        signature = offer.signer.sign(
            data.asbytes() + message.asbytes(), algorithm.removesuffix(CERTIFIED)
        )
        message.add_string(signature)
        return self._ask(message)

    def keyboard_interactive(self) -> Answer:
        """RFC 4256, without an answer to any prompt: some servers have none, and tell something."""
        message = self._request("keyboard-interactive")
        message.add_string("")
        message.add_string("")
        answer = self._ask(message, interactive=True)
        for _ in range(_MOST_BANNERS):
            if not answer.acceptable or answer.prompts:
                break
            message = paramiko.Message()
            message.add_byte(cMSG_USERAUTH_INFO_RESPONSE)
            message.add_int(0)
            answer = self._ask(message, interactive=True)
        return answer

    # What paramiko's transport calls.

    def is_authenticated(self) -> bool:
        """Whether the server has let us in."""
        return self._authenticated

    def get_username(self) -> str:
        """Whom we logged in as."""
        return self._user

    def abort(self) -> None:
        """The connection is lost."""
        with suppress(queue.Full):
            self._arrived.put_nowait(None)

    def _request(self, method: str) -> paramiko.Message:
        message = paramiko.Message()
        message.add_byte(cMSG_USERAUTH_REQUEST)
        message.add_string(self._user)
        message.add_string("ssh-connection")
        message.add_string(method)
        return message

    def _ask(self, message: paramiko.Message, *, interactive: bool = False) -> Answer:
        self._transport._send_message(message)
        kind, answer = self._next()
        if not self._served and kind == MSG_SERVICE_ACCEPT:
            self._served = True
            kind, answer = self._next()
        if kind == MSG_USERAUTH_SUCCESS:
            return Answer(success=True)
        if kind == MSG_USERAUTH_FAILURE:
            methods = answer.get_text().split(",")
            return Answer(partial=answer.get_boolean(), methods=tuple(filter(None, methods)))
        if kind == MSG_USERAUTH_INFO_REQUEST:
            return Answer(acceptable=True, prompts=self._prompts(answer) if interactive else ())
        raise Ended

    def _prompts(self, request: paramiko.Message) -> tuple[str, ...]:
        for told in (request.get_string(), request.get_string()):  # title and instructions
            self._hear(told)
        request.get_string()
        return tuple(
            request.get_string().decode("utf-8", "replace")
            for _ in range(min(request.get_int(), _MOST_BANNERS))
        )

    def _next(self) -> tuple[int, paramiko.Message]:
        while True:
            try:
                arrived = self._arrived.get(timeout=min(max(self._deadline.left, 0.01), 0.1))
            except queue.Empty:
                if self._deadline.passed:
                    raise TimeoutError from None
                if not self._transport.is_active():
                    raise Ended from None
                continue
            if arrived is None:
                raise Ended
            return arrived

    def _put(self, arrived: _Arrived) -> None:
        try:
            self._arrived.put_nowait(arrived)
        except queue.Full:
            raise paramiko.SSHException("answers that nobody asked for") from None

    def _succeed(self, message: paramiko.Message) -> None:
        self._authenticated = True
        self._transport._auth_trigger()
        self._put((MSG_USERAUTH_SUCCESS, message))

    def _keep_banner(self, message: paramiko.Message) -> None:
        self._hear(message.get_string())

    def _hear(self, told: bytes) -> None:
        words = told[:4096].decode("utf-8", "replace").strip()
        if words and len(self.banners) < _MOST_BANNERS and words not in self.banners:
            self.banners.append(words)

"""The log-in against a server that does not keep to it."""

import paramiko
import pytest
from paramiko.common import MSG_USERAUTH_BANNER, MSG_USERAUTH_FAILURE, MSG_USERAUTH_SUCCESS

from fleetmesh.sessions.target import Deadline
from fleetmesh.sessions.userauth import Ended, Userauth


class Wire:
    """A transport that sends nowhere, and on which messages arrive when a test says so."""

    auth_handler: Userauth
    active = True
    compressed = False

    def _send_message(self, message: paramiko.Message) -> None:
        pass

    def _auth_trigger(self) -> None:
        self.compressed = True

    def is_active(self) -> bool:
        return self.active

    def arrives(self, kind: int, *strings: str, more: bytes = b"") -> None:
        message = paramiko.Message()
        for string in strings:
            message.add_string(string)
        self.auth_handler._handler_table[kind](paramiko.Message(message.asbytes() + more))


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def auth(wire: Wire) -> Userauth:
    return Userauth(wire, "tegwick", Deadline(0.3))


def test_the_methods_that_are_left(wire: Wire, auth: Userauth) -> None:
    wire.arrives(MSG_USERAUTH_FAILURE, "publickey,password", more=b"\1")
    answer = auth.none()
    assert (answer.partial, answer.methods) == (True, ("publickey", "password"))
    assert not auth.is_authenticated()


def test_success_is_known_to_the_transport(wire: Wire, auth: Userauth) -> None:
    wire.arrives(MSG_USERAUTH_SUCCESS)
    assert auth.none().success
    assert auth.is_authenticated()
    assert wire.compressed


def test_no_answer_is_no_log_in(auth: Userauth) -> None:
    with pytest.raises(TimeoutError):
        auth.none()


def test_a_lost_connection_is_no_log_in(wire: Wire, auth: Userauth) -> None:
    auth.abort()
    with pytest.raises(Ended):
        auth.none()
    wire.active = False
    with pytest.raises(Ended):
        auth.none()


def test_answers_that_nobody_asked_for_do_not_pile_up(wire: Wire, auth: Userauth) -> None:
    for _ in range(16):
        wire.arrives(MSG_USERAUTH_FAILURE, "publickey", more=b"\0")
    with pytest.raises(paramiko.SSHException, match="nobody asked for"):
        wire.arrives(MSG_USERAUTH_FAILURE, "publickey", more=b"\0")
    assert auth.none().methods == ("publickey",)


def test_banners_are_kept_once_and_not_without_end(wire: Wire, auth: Userauth) -> None:
    for number in range(1000):
        wire.arrives(MSG_USERAUTH_BANNER, f"banner {number % 500}\n")
    assert auth.banners[:2] == ["banner 0", "banner 1"]
    assert len(auth.banners) == 20

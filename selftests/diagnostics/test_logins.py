"""The line that tells why a log-in fails, from either end."""

import pytest

from fleetmesh.diagnostics.logins import LOGIN, LogIn
from fleetmesh.diagnostics.sshd import SSHD
from fleetmesh.diagnostics.subject import Inquiry
from fleetmesh.facts.logins import LOGINS
from fleetmesh.inventory import Inventory
from selftests.diagnostics.answers import heard, journal, known

OPENED = 'Authenticated to 192.0.2.1 ([192.0.2.1]:22) using "publickey".\n'
DENIED = (
    "debug1: No more authentication methods to try.\nme@192.0.2.1: Permission denied (publickey).\n"
)


def subject(inventory: Inventory) -> LogIn:
    return LogIn(inventory.logins[0])


def quoted(inventory: Inventory, ssh: str, *sshd: tuple[float, str]) -> list[str]:
    one = subject(inventory)
    asked = known(
        heard(LOGIN, one.id, ssh), heard(SSHD, "coulombcore", journal(*sshd), "coulombcore")
    )
    return [str(line) for line in one.quotes(inventory, asked)]


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (DENIED, "me@192.0.2.1: Permission denied (publickey)."),
        (
            'Load key "/home/me/.ssh/id": bad permissions\n' + DENIED,
            'Load key "/home/me/.ssh/id": bad permissions',
        ),
        (
            "no such identity: /home/me/.ssh/id: No such file or directory\n" + DENIED,
            "no such identity: /home/me/.ssh/id: No such file or directory",
        ),
        (
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n"
            "Offending ED25519 key in /home/me/.ssh/known_hosts:3\nHost key verification failed.",
            "Offending ED25519 key in /home/me/.ssh/known_hosts:3",
        ),
        (
            "No ED25519 host key is known for 192.0.2.1 and you have requested strict checking.\n"
            "Host key verification failed.",
            "No ED25519 host key is known for 192.0.2.1 and you have requested strict checking.",
        ),
        (
            "debug1: connect to address 192.0.2.1 port 22: Connection refused\n"
            "ssh: connect to host 192.0.2.1 port 22: Connection refused",
            "ssh: connect to host 192.0.2.1 port 22: Connection refused",
        ),
        (
            "Not allowed at this time\n"
            "kex_exchange_identification: Connection closed by remote host",
            "Not allowed at this time",
        ),
        (
            OPENED + "channel 0: open failed: administratively prohibited: open failed",
            "channel 0: open failed: administratively prohibited: open failed",
        ),
        ("command-line: line 0: Bad configuration option: x", None),
    ],
)  # fmt: skip
def test_what_ssh_says(inventory: Inventory, said: str, line: str | None) -> None:
    (found,) = quoted(inventory, said)
    assert found == f"railiance01, ssh -v of railiance01: {line or said}"


def test_the_far_end_knows_better_and_goes_first(inventory: Inventory) -> None:
    bad = "sshd-session[7]: Authentication refused: bad ownership or modes for directory /home/me"
    far, near = quoted(inventory, DENIED, (3600, f"{bad} long ago"), (10, bad))
    assert far.startswith(
        "coulombcore, journal of sshd: 2026-11-27T03:29:50+0000 sshd-session[7]: "
    )
    assert far.endswith("for directory /home/me")
    assert near.endswith("Permission denied (publickey).")


def test_the_far_end_speaks_of_this_host_alone(inventory: Inventory) -> None:
    """Whom else it turns away is another matter."""
    near, other = "198.51.100.1", "198.51.100.2"
    for name, address in (("railiance01", near), ("workstation", other)):
        host = inventory.hosts[name].model_copy(update={"addresses": (address,)})
        inventory = inventory.model_copy(update={"hosts": {**inventory.hosts, name: host}})
    refused = "sshd[1]: drop connection #0 from [{}]:5 on [192.0.2.1]:22 penalty: failed"
    said = [(10, refused.format(near)), (5, refused.format(other))]
    far, _ = quoted(inventory, "Not allowed at this time\n", *said)
    assert near in far


def test_a_log_in_that_opens_is_quoted_nothing(inventory: Inventory) -> None:
    """Not even what the far end has said meanwhile: it is about another."""
    refused = "sshd[7]: error: connect_to 192.0.2.9 port 8000: failed."
    assert quoted(inventory, OPENED + "debug1: Exit status 0\n", (5, refused)) == []
    assert quoted(inventory, "", (5, refused)) == []


def test_the_log_in_that_the_run_has_made_is_not_made_again(inventory: Inventory) -> None:
    one = subject(inventory)
    assert (LOGIN, one.id) in one.asks(inventory, known())
    made = known(heard(LOGINS.name, one.id, "own\ntunnel t\nsource unit\n| " + DENIED))
    assert (LOGIN, one.id) not in one.asks(inventory, made)
    (line,) = one.quotes(inventory, made)
    assert line.text == "me@192.0.2.1: Permission denied (publickey)."
    lost = known(heard(LOGINS.name, one.id, "", lost="railiance01 does not answer"))
    assert (LOGIN, one.id) in one.asks(inventory, lost)


def test_it_runs_true_there_as_the_tunnel_does_and_asks_nobody(inventory: Inventory) -> None:
    one = subject(inventory)
    probe = one.asks(inventory, known())[LOGIN, one.id]
    assert isinstance(probe, Inquiry)
    for words in (
        "ssh -v",
        '"$@" true',
        "BatchMode=yes",
        "ClearAllForwardings=yes",
        str(one.login.key),
    ):
        assert words in probe.command

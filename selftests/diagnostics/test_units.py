"""The line that tells why a unit does not run; and none, if it is well."""

import pytest

from fleetmesh.diagnostics.subject import Inquiry
from fleetmesh.diagnostics.units import JOURNAL, STATUS, USER_MANAGER, Unit
from fleetmesh.inventory import Inventory
from selftests.diagnostics.answers import heard, journal, known

UNIT = "tunnel.service"
RUNS = "     Active: active (running) since Fri 2026-11-27 03:00:00 UTC; 30min ago"
FAILED = "     Active: failed (Result: exit-code) since Fri 2026-11-27 03:29:00 UTC; 1min ago"
AGAIN = "     Active: activating (auto-restart) (Result: exit-code) since Fri 2026-11-27 03:29:59"
STOPPED = "     Active: inactive (dead) since Fri 2026-11-27 03:29:00 UTC; 1min ago"
STARTED = "systemd[9]: Started tunnel.service - A tunnel."
STOPPING = "systemd[9]: Stopping tunnel.service - A tunnel..."
EXITED = "systemd[9]: tunnel.service: Main process exited, code=exited, status=255/EXCEPTION"
RESULT = "systemd[9]: tunnel.service: Failed with result 'exit-code'."
ONCE_MORE = "systemd[9]: tunnel.service: Scheduled restart job, restart counter is at 1."
DENIED = "ssh[7]: me@192.0.2.1: Permission denied (publickey)."


def quoted(
    inventory: Inventory, status: str, *lines: tuple[float, str], unit: str = UNIT
) -> list[str]:
    subject = Unit("railiance01", unit, by_system=False)
    asked = known(
        heard(STATUS, subject.id, f"● {unit} - A tunnel\n     Loaded: loaded (…)\n{status}\n"),
        heard(JOURNAL, subject.id, journal(*lines)),
    )
    return [str(one) for one in subject.quotes(inventory, asked)]


def test_last_words_of_what_ended(inventory: Inventory) -> None:
    (line,) = quoted(
        inventory, FAILED, (60, STARTED), (60, DENIED), (60, EXITED), (60, RESULT)
    )  # fmt: skip
    assert line.startswith(
        "railiance01, journal of tunnel.service: 2026-11-27T03:29:00+0000 ssh[7]: "
    )
    assert line.endswith("Permission denied (publickey).")


def test_what_was_said_long_before_the_end_is_not_why(inventory: Inventory) -> None:
    refused = "ssh[7]: channel 2: open failed: connect failed: Connection refused"
    killed = "systemd[9]: tunnel.service: Main process exited, code=killed, status=9/KILL"
    (line,) = quoted(inventory, FAILED, (900, STARTED), (800, refused), (60, killed))
    assert line.endswith("code=killed, status=9/KILL")


def test_between_two_tries_it_is_the_last_one_that_tells(inventory: Inventory) -> None:
    said = [(20, STARTED), (20, DENIED), (20, EXITED), (20, RESULT), (10, ONCE_MORE), (10, STARTED)]
    (line,) = quoted(inventory, AGAIN, *said)
    assert line.endswith(DENIED.removeprefix("ssh[7]: "))


def test_of_what_runs_again_what_ended_it_lately(inventory: Inventory) -> None:
    def once(ago: float) -> list[str]:
        said = [(ago + 9, STARTED), (ago, DENIED), (ago, EXITED), (ago - 1, ONCE_MORE)]
        return quoted(inventory, RUNS, *said, (ago - 1, STARTED))

    assert len(once(300)) == 1
    assert once(3600) == []


def test_who_started_it_anew_has_ended_what_was(inventory: Inventory) -> None:
    """A failure before a deliberate start tells nothing of what follows it."""
    said = [(20, STARTED), (20, DENIED), (20, EXITED), (20, RESULT), (10, STARTED)]
    assert quoted(inventory, RUNS, *said) == []
    assert quoted(inventory, RUNS, *said[:-1], (9, STOPPING), (8, STARTED)) == []


def test_a_unit_that_is_well_is_quoted_nothing(inventory: Inventory) -> None:
    assert quoted(inventory, RUNS, (1800, STARTED)) == []
    assert quoted(inventory, RUNS, (1800, STARTED), (600, "ssh[7]: open failed: refused")) == []
    assert quoted(inventory, RUNS, (1800, STARTED), (6, "ssh[7]: open failed: refused")) != []


def test_what_another_program_says_of_a_unit_that_runs_is_no_complaint(
    inventory: Inventory,
) -> None:
    assert quoted(inventory, RUNS, (1800, STARTED), (6, "sh[7]: other-tunnel: up (pid 7)")) == []
    assert quoted(inventory, RUNS, (1800, STARTED), (6, "autossh[7]: open failed: refused")) != []


def test_ssh_says_why_before_it_concludes(inventory: Inventory) -> None:
    said = [
        "ssh[7]: bind [127.0.0.1]:18000: Address already in use",
        "ssh[7]: channel_setup_fwd_listener_tcpip: cannot listen to port: 18000",
        "ssh[7]: Could not request local forwarding.",
    ]
    ended = [(60, line) for line in (STARTED, *said, EXITED, RESULT)]
    (line,) = quoted(inventory, AGAIN, *ended)
    assert line.endswith("Address already in use")
    (line,) = quoted(inventory, AGAIN, (60, STARTED), (60, said[-1]), (60, EXITED))
    assert line.endswith("Could not request local forwarding.")


def test_who_stopped_it_while_it_waited_for_its_next_try_has_ended_it(inventory: Inventory) -> None:
    stopped = "systemd[9]: Stopped tunnel.service - A tunnel."
    said = [(20, STARTED), (20, DENIED), (20, EXITED), (20, RESULT)]
    (line,) = quoted(inventory, STOPPED, *said, (10, stopped))
    assert "status of tunnel.service: Active: inactive (dead) since Fri" in line
    (line,) = quoted(inventory, AGAIN, *said, (10, ONCE_MORE), (10, stopped), (10, STARTED))
    assert line.endswith(DENIED.removeprefix("ssh[7]: "))


def test_since_when_a_stopped_one_is_stopped(inventory: Inventory) -> None:
    (line,) = quoted(inventory, STOPPED, (60, STARTED), (50, STOPPING))
    assert "status of tunnel.service: Active: inactive (dead) since Fri" in line


@pytest.mark.parametrize(
    "said",
    [
        "Unit tunnel.service could not be found.",
        "Failed to connect to user scope bus via local transport: No such file or directory",
        "     Loaded: masked (Reason: masked.)\n     Active: inactive (dead)",
        "     Loaded: bad-setting (Reason: Unit tunnel.service has a bad unit file setting.)",
    ],
)
def test_why_it_cannot_be_run(inventory: Inventory, said: str) -> None:
    subject = Unit("railiance01", UNIT, by_system=False)
    asked = known(heard(STATUS, subject.id, said, exit_status=4))
    (line,) = subject.quotes(inventory, asked)
    assert line.text == said.strip().splitlines()[0]


def test_without_an_answer_nothing_is_quoted(inventory: Inventory) -> None:
    subject = Unit("railiance01", UNIT, by_system=False)
    assert not list(subject.quotes(inventory, known()))
    lost = heard(STATUS, subject.id, FAILED, lost="railiance01: may not: …")
    assert not list(subject.quotes(inventory, known(lost)))


def test_lines_of_another_form_fall_away(inventory: Inventory) -> None:
    hint = "Hint: You are currently not seeing messages from other users and the system."
    subject = Unit("railiance01", UNIT, by_system=True)
    asked = known(
        heard(STATUS, subject.id, STOPPED),
        heard(JOURNAL, subject.id, f"now yesterday\n{hint}\n-- No entries --\n-- Boot 1 --\n"),
    )
    (line,) = subject.quotes(inventory, asked)
    assert line.source == "status of tunnel.service"


def test_the_users_manager_is_asked_for_by_its_shell(inventory: Inventory) -> None:
    subject = Unit("railiance01", USER_MANAGER, by_system=True)
    for probe in subject.asks(inventory, known()).values():
        assert isinstance(probe, Inquiry)
        assert "user@$(id -u).service" in probe.command
    assert subject.id == "railiance01/user manager"

"""A check that lost an assertion, and a check that nobody proves, fail the matrix by name."""

from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.faults import FAULTS
from selftests.matrix.weakened import assertions, copy_of_the_checkout, judged, unnoticed

# A check, and words of the one assertion that it loses.
WEAKENED = [
    ("host_is_the_right_one", "hostname"),
    ("fleet_identity_logs_in", "succeeded"),
    ("identity_is_private", "found.private"),
    ("host_key_is_pinned", "assert pinned"),
    ("systemd_has_loaded_it", "need_reload"),
    ("systemd_has_loaded_it", "drop_ins"),
    ("port_is_held_by_its_own_unit", "socket.local == tunnel.listen"),
    ("running_ssh_forwards_what_it_should", "forwards == wanted"),
    ("running_is_what_would_start", "now == after_reboot"),
    ("unit_is_enabled", "survives_reboot"),
    ("linger_is_on", "yes"),
    ("retired_tunnel_neither_runs_nor_would_start", "would start"),
    ("only_interactive_tunnels_run", "command.remote"),
    ("service_answers_through_its_tunnel", "unhealthy is None"),
    ("unit_is_running_and_steady", "age >= window"),
    ("tunnels_use_a_valid_certificate", "attempt.succeeded"),
]

UNPROVEN = '''
from fixtures import check


@check("PROD-99", runbook="–", hint="none")
def test_nothing_ever_turns_this(carrier: str, linger) -> None:
    """A check that no fault turns."""
    assert linger[carrier]
'''


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.mark.parametrize(("check", "words"), WEAKENED, ids=lambda value: value)
def test_a_weakened_check_is_named(check: str, words: str, checkout: Path) -> None:
    found = [a for a in assertions() if check in a.checks and words in a.source]
    assert len(found) == 1, f"{len(found)} assertions of {check} say {words!r}"
    assert unnoticed(found[0], checkout) is None


def test_a_check_that_lost_nothing_is_not_named(checkout: Path) -> None:
    """Else whatever is wrong with the copy would pass for what was weakened."""
    whole = next(a for a in assertions() if a.checks == ("linger_is_on",))
    untouched = replace(whole, line=1, last_line=1)  # the module's docstring
    assert unnoticed(untouched, checkout) == "problems: []"


def test_a_check_without_a_fault_is_named(checkout: Path) -> None:
    added = checkout / "tests" / "production" / "test_unproven.py"
    added.write_text(UNPROVEN)
    try:
        found = judged(checkout)
    finally:
        added.unlink()
    assert found["uncovered"] == ["nothing_ever_turns_this"]
    assert found["holds"] is False
    assert found["problems"].keys() == FAULTS.keys()
    told = [problem for problems in found["problems"].values() for problem in problems]
    assert all(problem.startswith("nothing_ever_turns_this") for problem in told), told

"""Every check is proven able to fail, and every fault is noticed: from recordings, anywhere."""

from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.faults import FAULTS, Fault
from rehearsal.faults.bases import RolledBack
from rehearsal.matrix.recordings import name_of, title
from rehearsal.matrix.rows import Matrix
from rehearsal.paths import RECORDINGS
from selftests.matrix.losses import Failures, write_failures
from selftests.matrix.weakened import copy_of_the_checkout, lose_every_assertion

NEEDLESS = "    assert unit.restarts != -1\n"
GROUNDS = {fault.ground for fault in FAULTS.values()}


def test_every_fault_has_a_recording_and_every_recording_a_fault() -> None:
    recorded = {name_of(file) for file in RECORDINGS.iterdir()}
    assert recorded == FAULTS.keys() | {title(ground) for ground in GROUNDS}


def test_no_fault_takes_the_name_of_another() -> None:
    kinds = [Fault]
    for kind in kinds:  # which grows meanwhile
        kinds += kind.__subclasses__()
    ours = [
        kind.title()
        for kind in dict.fromkeys(kinds)
        if kind.__module__.startswith("rehearsal.faults.")
    ]
    assert sorted(ours) == sorted(set(ours))


@pytest.mark.parametrize("name", FAULTS)
def test_fault_turns_what_it_must_and_nothing_else(name: str, matrix: Matrix) -> None:
    row = next(row for row in matrix.rows if row.fault is FAULTS[name])
    assert not row.problems, "\n".join(row.problems)


def test_every_check_is_proven_able_to_fail(matrix: Matrix) -> None:
    assert not matrix.uncovered, f"no fault fails {', '.join(matrix.uncovered)}"


def test_a_check_that_no_fault_turns_fails_the_matrix(matrix: Matrix) -> None:
    unproven = {"PROD-99.never": next(iter(matrix.checks.values()))}
    found = replace(matrix, checks=matrix.checks | unproven)
    assert (found.uncovered, found.holds) == (["PROD-99.never"], False)
    assert "unproven        PROD-99.never" in found.summary()


def test_only_an_assertion_that_no_fault_needs_may_go_unnoticed(
    judged_once: tuple[Matrix, Failures], tmp_path: Path
) -> None:
    """Taken out one at a time, each but a planted one is missed, and its check is named."""
    checkout = copy_of_the_checkout(tmp_path)
    file = checkout / "tests" / "production" / "test_persistence.py"
    file.write_text(file.read_text() + NEEDLESS)  # at the end, where it moves no other
    failing = checkout / "failing.json"
    write_failures(judged_once[1], failing)
    done = lose_every_assertion(checkout, [str(failing)], quiet=True)
    unnoticed = [line for line in done.stdout.splitlines() if line.startswith("✕")]
    assert len(unnoticed) == done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    assert unnoticed[0].endswith(NEEDLESS.strip()), unnoticed


def test_the_matrix_holds(matrix: Matrix) -> None:
    assert matrix.complete
    assert matrix.holds, "\n".join(matrix.summary())
    assert len(matrix.rows) >= 60
    assert len(matrix.checks) >= 40


LOST = {
    "host railiance01": {
        *("host-names-swapped", "railiance-unreachable", "ssh-folder-writable-by-everybody")
    },
    "host coulombcore": {
        *("alias-leads-to-another-host", "coulombcore-host-key-rotated", "coulombcore-off"),
        *("forced-command", "host-names-swapped", "link-cut-half-open", "login-shell-hangs"),
        *("login-shell-reads-input", "no-sessions", "sshd-killed"),
        "sshd-stopped",
    },
    "host workstation": {"workstation-off"},
    "API railiance01": {
        *("api-down", "api-hangs", "api-of-another-server", "forwarding-forbidden-to-the-suite"),
        *("kubeconfig-behind-a-proxy", "kubeconfig-empty", "kubeconfig-impersonates"),
        *("kubeconfig-malformed", "kubeconfig-missing", "kubeconfig-multiplies"),
        *("kubeconfig-names-files", "kubectl-not-allowed", "token-expired"),
    },
    "API coulombcore": {"api-of-the-services-hangs", "forwarding-forbidden-to-the-tunnels"},
    "log-in railiance01-coulombcore": {
        *("another-host-key-pinned", "ca-not-trusted-by-sshd", "certificate-expired"),
        *("certificate-for-another", "certificate-for-another-address", "certificate-gone"),
        *("certificate-of-unknown-ca", "coulombcore-host-key-rotated", "principal-unregistered"),
        *("fleet-key-for-the-workstation-only", "fleet-key-gone", "fleet-key-not-authorized"),
        *("fleet-key-of-another-user", "fleet-key-readable-by-others", "fleet-key-replaced"),
        *("fleet-key-with-passphrase", "host-key-not-pinned", "host-key-revoked"),
        *("host-key-vouched-for-in-vain", "ssh-config-broken", "ssh-missing", "unit-crash-loops"),
    },
    "log-in railiance01-coulombcore-fleet-issue-core-coulombcore": {
        *("key-of-one-tunnel-gone", "other-user-not-let-in")
    },
    "name railiance01": {"cluster-dns-silent", "cluster-names-unknown"},
}
"""In which faults something is lost that explains checks; in all others nothing is."""


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_lost_explains_checks_and_nothing_else_does(name: str, matrix: Matrix) -> None:
    row = next(row for row in matrix.rows if row.fault is FAULTS[name])
    causes = {cell.judged.cause for cell in row.cells} - {""}
    assert causes == {cause for cause, faults in LOST.items() if name in faults}
    for cell in row.cells:
        assert not cell.judged.cause or cell.judged.outcome in ("fail", "inconclusive")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_fleet_that_was_cut_over_is_never_called_not_yet(
    name: str, matrix: Matrix
) -> None:
    row = next(row for row in matrix.rows if row.fault is FAULTS[name])
    states = {cell.check: cell.judged.state for cell in row.cells}
    if row.fault.ground.name != RolledBack.name:
        assert "not yet" not in states.values(), states
    for cell in row.cells:
        explained = cell.judged.outcome in ("fail", "inconclusive", "warn")
        assert bool(cell.judged.state) == explained, cell.check


def test_every_fault_says_what_happens_and_why() -> None:
    for name, fault in FAULTS.items():
        assert (fault.__doc__ or "").strip(), f"{name} does not say what happens"
        for key, turn in {**fault.turns, **fault.blinds}.items():
            assert turn.words or turn.outcome in ("pass", "deferred"), (
                f"{name}: any reason would do for {key}"
            )

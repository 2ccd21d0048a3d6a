"""The conftest.py of nested runs: the pytest layer as it is, and answers without a fleet."""

from datetime import UTC, datetime

import pytest

pytest_plugins = (
    "fixtures.command_line",
    "fixtures.selection",
    "fixtures.rehearsal",
    "fixtures.subjects",
    "fixtures.results",
    "fixtures.foreign",
    "fixtures.redaction",
    "fixtures.testinfra_host",
    "fixtures.replay",
    "fixtures.facts",
    "fixtures.live_paths",
    "fixtures.terminal_report",
    "fixtures.html_report",
    "fixtures.record",
    "fixtures.monitoring",
    "fixtures.interrupts",
    "fixtures.waiting",
    "fixtures.run_end",
)


@pytest.fixture(scope="session")
def snapshot() -> object:
    """`linger` of every host; of coulombcore it is lost, the workstation's is not understood."""
    from fleetmesh.gather.snapshot import Snapshot  # noqa: PLC0415 - see selftests/checks_page.py
    from fleetmesh.gather.transcript import Transcript  # noqa: PLC0415

    found = Snapshot()
    for host, said, lost in (
        ("railiance01", b"Linger=yes\n", None),
        ("coulombcore", b"", "coulombcore does not answer"),
        ("workstation", b"what?\n", None),
    ):
        found.add(
            Transcript(
                fact="linger", subject=host, host=host, command=f"ssh {host} loginctl",
                started=datetime.now(UTC), seconds=0.01, exit_status=0, stdout=said, lost=lost,
            )
        )  # fmt: skip
    return found

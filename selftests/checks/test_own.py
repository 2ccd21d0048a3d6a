"""testinfra's `host` in a check of one's own: never falsely green, and in the evidence."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from selftests.checks.conftest import Ran, Suite

# The machine of the test stands for railiance01. Nobody listens where coulombcore should be, and
# the workstation is another machine than the inventory says.
HOSTS = {
    "railiance01": {"transport": "local", "hostname": socket.gethostname()},
    "coulombcore": {"ssh": "127.0.0.1", "port": 1},
    "workstation": {"transport": "local", "hostname": "elsewhere"},
}
FLEET = """
@pytest.fixture(scope="session")
def standing_fleet(pytestconfig):
    from fixtures.command_line import inventory
    return inventory(pytestconfig)
"""
CHECK = '''
@check("OWN-90.{name}", runbook="Own checks", hint="Mend it.")
def test_{name}(host: Any) -> None:
    """It holds."""
    {body}
'''
Own = Callable[..., Ran]


@pytest.fixture
def own(suite: Suite) -> Own:
    """Runs checks of one's own, given by name and body."""
    conftest = suite.folder / "conftest.py"
    conftest.write_text(conftest.read_text().partition("@pytest.fixture")[0] + FLEET)
    file = suite.folder / "fleets/rehearsal.yaml"
    document = yaml.safe_load(file.read_text())
    for name, host in HOSTS.items():
        document["hosts"][name] |= host
    document["ssh_config"] = str(suite.folder / "ssh_config")
    (suite.folder / "ssh_config").touch()
    document["limits"] |= {"command": 1, "connect": 1}
    file.write_text(yaml.safe_dump(document))

    def run(*arguments: str, **bodies: str) -> Ran:
        text = "".join(CHECK.format(name=name, body=body) for name, body in bodies.items())
        suite.write("tests/own/test_own.py", text)
        return suite.run("-m", "own", *arguments, HOME=str(suite.folder))

    return run


def here(ran: Ran) -> dict[str, tuple[str, str]]:
    """The ends of the checks on the one host that answers, by name."""
    assert ran.outcomes, ran.terminal
    ends = ran.outcomes.items()
    return {n[len("OWN-90.") : -len("[railiance01]")]: e for n, e in ends if "railiance01" in n}


def record(suite: Suite) -> Path:
    return max((suite.folder / "reports").iterdir(), key=lambda folder: folder.stat().st_mtime)


def test_what_testinfra_knows_is_at_hand(own: Own) -> None:
    ran = own(
        passes="assert host.file('/etc/passwd').contains('^root:') and host.exists('sh')",
        fails="assert host.run('echo no >&2; exit 4').rc == 0, 'it is 4'",
        quotes="assert host.run('printf %s', \"it's; echo no\").stdout == \"it's; echo no\"",
        decodes="assert host.check_output('printf \\'\\\\303\\\\274\\'') == 'ü'",
        idles="assert host",
        breaks="host.check_output('exit 3')",
    )
    assert here(ran) == {
        "passes": ("pass", ""),
        "fails": ("fail", "it is 4"),
        "quotes": ("pass", ""),
        "decodes": ("pass", ""),
        "idles": ("inconclusive", "the check looked at nothing"),
        "breaks": here(ran)["breaks"],
    }
    outcome, reason = here(ran)["breaks"]
    assert outcome in ("fail", "inconclusive")
    assert "exit 3" in reason


def test_what_is_not_seen_is_inconclusive(own: Own) -> None:
    body = "assert not host.file('/nowhere').exists"
    ran = own(absent=body, hangs="assert host.run('echo partial; sleep 5').rc")
    ends = ran.outcomes
    assert ends["OWN-90.absent[railiance01]"] == ("pass", "")
    assert ends["OWN-90.hangs[railiance01]"] == (
        "inconclusive",
        "railiance01: `host.run` did not end within 1 s",
    )
    for name in ("absent", "hangs"):
        outcome, reason = ends[f"OWN-90.{name}[coulombcore]"]
        assert outcome == "inconclusive"
        assert "127.0.0.1:1" in reason
        told = f"workstation calls itself {socket.gethostname()}, not elsewhere"
        assert ends[f"OWN-90.{name}[workstation]"] == ("inconclusive", told)
    assert ran.exit_status == 6


def test_a_command_is_run_once_and_is_in_the_record(own: Own, suite: Suite) -> None:
    mark = suite.folder / "mark"
    command = f"echo TOKEN=zz9plural >>{mark}; cat {mark}"
    ran = own(twice=f"assert host.run('{command}').stdout == host.run('{command}').stdout != ''")
    assert here(ran) == {"twice": ("pass", "")}
    assert mark.read_text().count("zz9plural") == 1
    events = (record(suite) / "events.jsonl").read_text()
    assert events.count('"fact": "host.run"') == 2  # the other is lost, of coulombcore
    assert "TOKEN=[REDACTED:" in events
    assert "zz9plural" not in events


def test_a_replay_judges_what_was_recorded_and_asks_nobody(own: Own, suite: Suite) -> None:
    bodies = {
        "holds": "assert host.run('echo yes').stdout == 'yes\\n'",
        "fails": "assert host.run('echo no').stdout == 'yes\\n', 'it says no'",
        "secret": "assert 'zz9plural' in host.run('echo TOKEN=zz9plural').stdout",
    }
    before = here(own(**bodies))
    assert [outcome for outcome, _ in before.values()] == ["pass", "fail", "pass"]
    ran = own(f"--replay={record(suite)}", new="assert host.run('true').rc == 0", **bodies)
    after = here(ran)
    assert (after["holds"], after["fails"]) == (before["holds"], before["fails"])
    assert after["new"] == ("inconclusive", "railiance01: what is replayed did not ask true")
    assert after["secret"][0] == "inconclusive"
    assert "was recorded without a secret" in after["secret"][1]
    assert ran.contacted == []

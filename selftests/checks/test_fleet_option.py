"""A fleet that cannot be used ends the command line at once: status 4, words, no connection."""

from pathlib import Path

import pytest

from selftests.checks.conftest import Ran, Suite

CHECK = '''
@check("PROD-07.it", runbook="Goal", hint="Mend it.")
def test_it(linger: Mapping[str, str]):
    """It holds."""
    linger["railiance01"]
'''


@pytest.fixture
def real(suite: Suite) -> Suite:
    """A suite whose conftest.py is the real one: it would connect, were it to go so far."""
    conftest = suite.folder / "conftest.py"
    conftest.write_text((Path(__file__).parents[2] / "conftest.py").read_text())
    suite.write("tests/production/test_it.py", CHECK)
    return suite


def refused(ran: Ran, *says: str) -> None:
    assert ran.exit_status == 4, ran.terminal
    for words in says:
        assert words in ran.terminal
    assert "Traceback" not in ran.terminal
    assert "INTERNALERROR" not in ran.terminal
    assert "READY" not in ran.terminal
    assert ran.contacted == []


def test_the_guard_sees_what_would_be_contacted(real: Suite) -> None:
    inventory = real.folder / "fleets/rehearsal.yaml"
    text = inventory.read_text().replace("kind: rehearsal", "kind: production")
    assert "connect: 5 " in text
    text = text.replace("connect: 5 ", "connect: 1 ").replace("198.18.77.11", "127.0.0.1")
    text = text.replace("ssh_config: ", "# ").replace("ssh: railiance01", "ssh: 127.0.0.1")
    inventory.write_text(text.replace("user: tegwick", "user: tegwick\n    port: 1", 1))
    ran = real.run()
    assert ran.exit_status == 6
    assert any("socket.connect" in line and "127.0.0.1" in line for line in ran.contacted)


@pytest.mark.parametrize("arguments", [[], ["--co"], ["-m", "production"], ["--fixtures"]], ids=str)
def test_no_such_fleet(real: Suite, arguments: list[str]) -> None:
    says = "no fleet is called 'nonsense'; write one of: rehearsal, or the path of an inventory"
    refused(real.run("--fleet", "nonsense", *arguments), says)
    assert not (real.folder / "reports").exists()


def test_no_such_fleet_in_the_environment(real: Suite) -> None:
    refused(real.run(FLEET="nonsense"), "no fleet is called 'nonsense'")
    refused(real.run(FLEET=""), "no fleet is called ''")


def test_the_option_goes_before_the_environment(suite: Suite) -> None:
    suite.write("tests/production/test_it.py", CHECK)
    assert suite.run("--fleet", "rehearsal", FLEET="nonsense").exit_status == 0


def test_no_such_file(real: Suite) -> None:
    refused(real.run("--fleet", "none.yaml"), "none.yaml: no such file; see fleets/")
    refused(real.run("--fleet", "./fleets"), "fleets: cannot be read: ", "Is a directory")


@pytest.mark.parametrize("arguments", [[], ["--co"]], ids=str)
def test_a_wrong_inventory_tells_every_problem(real: Suite, arguments: list[str]) -> None:
    text = (real.folder / "fleets/rehearsal.yaml").read_text()
    real.write("bad.yaml", text.replace("to: state-hub", "to: hub", 1).replace("port:", "prt:", 1))
    ran = real.run("--fleet", "bad.yaml", *arguments)
    refused(
        ran,
        "the inventory cannot be used:",
        ": services.state-hub.port: is missing",
        ": services.state-hub.prt: is not a key that an inventory knows; write one of:",
        ": tunnels.fleet-state-hub-coulombcore.to: 'hub' is not among the services",
    )
    assert ran.terminal.count("bad.yaml:") == 3
    real.write("worse.yaml", "a: [\n")
    refused(real.run(FLEET="./worse.yaml"), "worse.yaml:2: is not valid YAML")


def test_help_needs_no_fleet(real: Suite) -> None:
    for option in ("--help", "--version", "--markers"):
        ran = real.run(option, "--fleet", "nonsense")
        assert (ran.exit_status, ran.contacted) == (0, []), ran.terminal
    assert "--allow-writes" in real.run("--help").terminal


def test_reports_that_cannot_be_written(real: Suite) -> None:
    (real.folder / "reports").write_text("a file is in the way")
    refused(real.run(), "no report can be written there", "see --reports")

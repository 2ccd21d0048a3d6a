"""What makes no sense beside `--wait` ends the command line; selftests/fleet/test_wait.py waits."""

import pytest

from selftests.checks.conftest import Suite

CHECK = '''
@check("PROD-01.it", runbook="Goal", hint="Mend it.")
def test_it(linger: Mapping[str, str]):
    """It holds."""
    linger["railiance01"]
'''


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--wait=soon"], "'soon' is no span of time such as 90s, 5m or 1h"),
        (["--wait=5"], "'5' is no span of time"),
        (["--steady=5s"], "--steady says how long all must hold: it needs --wait"),
        (["--wait=5s", "--steady=1m"], "--wait must be at least as long as --steady"),
        (["--wait=5s", "--allow-writes"], "each attempt would write"),
        (["--wait=5s", "--replay={folder}/fleets"], "what is replayed does not change"),
    ],
    ids=str,
)
def test_it_is_refused(suite: Suite, options: list[str], why: str) -> None:
    suite.write("tests/production/test_it.py", CHECK)
    copy = suite.folder / "fleets/inventory.yaml"
    copy.write_text((suite.folder / "fleets/rehearsal.yaml").read_text())
    ran = suite.run(*(option.format(folder=suite.folder) for option in options))
    assert ran.exit_status == 4, ran.terminal
    assert why in ran.terminal
    assert "READY" not in ran.terminal
    assert "Traceback" not in ran.terminal

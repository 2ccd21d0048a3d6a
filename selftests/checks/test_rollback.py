"""The checks of a rollback run only if they are named; then they are a phase like any other."""

import pytest

from selftests.checks.conftest import Suite

CHECK = '''
@check("{id}", runbook="Goal", hint="Mend it.")
def test_{name}(linger: Mapping[str, str]):
    """It holds."""
    linger["railiance01"]
'''


@pytest.fixture
def two(suite: Suite) -> Suite:
    for phase, prefix in (("production", "PROD"), ("rollback", "ROLL")):
        text = CHECK.format(id=f"{prefix}-01.it", name=phase)
        suite.write(f"tests/{phase}/test_{phase}.py", text)
    return suite


@pytest.mark.parametrize(
    "arguments",
    [[], ["tests"], ["."], ["-m", "not own"], ["-k", "it or rollback"], ["-m", "production"]],
    ids=str,
)
def test_they_do_not_run_unasked_nor_are_they_left_out(two: Suite, arguments: list[str]) -> None:
    ran = two.run(*arguments)
    assert ran.headline == "READY: production on rehearsal (rehearsal): 1 pass"
    assert list(ran.outcomes) == ["PROD-01.it"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["-m", "rollback"],
        ["tests/rollback"],
        ["tests/rollback/test_rollback.py"],
        ["tests/rollback/test_rollback.py::test_rollback"],
        ["--check", "ROLL-01.it"],
    ],
    ids=str,
)
def test_they_run_by_name(two: Suite, arguments: list[str]) -> None:
    ran = two.run(*arguments)
    assert ran.headline == "READY: rollback on rehearsal (rehearsal): 1 pass"
    assert list(ran.outcomes) == ["ROLL-01.it"]


def test_both_run_if_both_are_named(two: Suite) -> None:
    for arguments in (["-m", "production or rollback"], ["tests", "tests/rollback"]):
        ran = two.run(*arguments)
        assert ran.headline == "READY: production + rollback on rehearsal (rehearsal): 2 pass"


def test_one_that_is_named_and_hidden_is_missing(two: Suite) -> None:
    two.write(
        "tests/rollback/conftest.py",
        "def pytest_collection_modifyitems(items):\n"
        "    items[:] = [item for item in items if 'rollback' not in item.nodeid]\n",
    )
    ran = two.run("-m", "rollback or production")
    assert ran.headline.startswith("INCOMPLETE: production on rehearsal")
    assert "tests/rollback/test_rollback.py::test_rollback, which something" in ran.terminal
    assert two.run().headline == "READY: production on rehearsal (rehearsal): 1 pass"


def test_a_part_of_them_is_passed_in_part(two: Suite) -> None:
    two.write("tests/rollback/test_more.py", CHECK.format(id="ROLL-02.more", name="more"))
    ran = two.run("--check", "ROLL-01.it")
    assert ran.headline.startswith("PASSED IN PART: rollback on rehearsal (rehearsal): 1 pass")

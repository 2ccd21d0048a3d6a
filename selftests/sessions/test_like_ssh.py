"""Whatever `ssh HOST true` reaches, the suite reaches; and where they differ, that is declared."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .configurations import ALL, Configuration
from .stage import Stage

pytestmark = pytest.mark.root


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    tmp_path.chmod(0o755)  # sshd reads authorized_keys as the user
    stage = Stage(tmp_path)
    yield stage
    stage.close()


@pytest.mark.parametrize("configuration", ALL, ids=lambda each: each.name)
def test_ssh_and_the_suite(
    configuration: Configuration, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration.arrange(stage)
    for name, value in stage.environment.items():
        monkeypatch.setenv(name, value)
    ssh, ssh_said = stage.ssh()
    suite, suite_said = stage.suite()
    assert (ssh, suite) == (configuration.ssh, configuration.suite), (
        f"ssh: {ssh_said!r}; the suite: {suite_said!r}"
    )
    if not suite:
        assert re.search(configuration.says, suite_said), suite_said
    assert (ssh != suite) == bool(configuration.declared)

"""Loads the pytest layer; see fixtures/."""

import pytest

_PLUGINS = (
    "fixtures.command_line",
    "fixtures.selection",
    "fixtures.rehearsal",
    "fixtures.subjects",
    "fixtures.results",
    "fixtures.foreign",
    "fixtures.redaction",
    "fixtures.testinfra_host",
    "fixtures.replay",
    "fixtures.questions",
    "fixtures.facts",
    "fixtures.live_paths",
    "fixtures.terminal_report",
    "fixtures.html_report",
    "fixtures.record",
    "fixtures.monitoring",
    "fixtures.interrupts",
    "fixtures.diagnosing",
    "fixtures.waiting",
    "fixtures.watched",
    "fixtures.run_end",
)


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Load them: as `pytest_plugins`, each is first looked for in all installed packages."""
    for name in _PLUGINS:
        pluginmanager.import_plugin(name)

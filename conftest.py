"""Loads the pytest layer; see fixtures/."""

pytest_plugins = (
    "fixtures.options",
    "fixtures.selection",
    "fixtures.rehearsal",
    "fixtures.cases",
    "fixtures.results",
    "fixtures.foreign",
    "fixtures.redaction",
    "fixtures.hosts",
    "fixtures.replay",
    "fixtures.facts",
    "fixtures.paths",
    "fixtures.terminal",
    "fixtures.html_report",
    "fixtures.record",
    "fixtures.interrupts",
    "fixtures.closing",
)

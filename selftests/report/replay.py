"""A pytest plugin: a run whose results are synthetic, for the report's sake."""

from collections.abc import Generator

import pytest

from fixtures.results import RUN
from fleetmesh.evidence.outcomes import Outcome
from fleetmesh.evidence.run import Result
from selftests.report.synthetic import RUNS

pytest_plugins = ("fixtures.html_report",)

_ENDS = {
    Outcome.FAIL: "failed",
    Outcome.INCONCLUSIVE: "failed",
    Outcome.DEFERRED: "skipped",
    Outcome.WAIVED: "skipped",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--synthetic", choices=sorted(RUNS))


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RUN] = RUNS[config.getoption("--synthetic")]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    results = metafunc.config.stash[RUN].results
    metafunc.parametrize("synthetic", results, ids=[f"{r.id}<b class=escaped>" for r in results])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call":
        result = item.callspec.params["synthetic"]
        assert isinstance(result, Result)
        report.result = result  # type: ignore[attr-defined]
        report.outcome = _ENDS.get(result.outcome, "passed")  # type: ignore[assignment]
        report.longrepr = (
            ("x", 0, result.reason) if report.outcome == "skipped" else result.reason or None
        )
    return report

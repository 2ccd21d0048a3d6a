"""A plugin for nested runs: writes what came of the run, and what it cost, to $RESULTS."""

import json
import os
from pathlib import Path

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    from fixtures.hosts import FLEET  # noqa: PLC0415 - after pytest has rewritten the plugins
    from fixtures.results import RUN  # noqa: PLC0415

    run = session.config.stash[RUN]
    fleet = session.config.stash.get(FLEET, None)
    results = [
        {
            "id": result.id,
            "subject": result.subject,
            "outcome": result.outcome.value,
            "reason": result.reason,
            "hosts": list(result.hosts),
            "paths": [str(path) for path in result.paths],
        }
        for result in run.results
    ]
    written = {"verdict": run.verdict.value, "results": results}
    Path(os.environ["RESULTS"]).write_text(
        json.dumps({**written, "channels": fleet.channels if fleet else {}})
    )

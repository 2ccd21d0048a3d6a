"""statement.json: the run as an in-toto Statement with a test result, for policies to judge.

Statement v1 and predicate test-result v0.1, https://github.com/in-toto/attestation/tree/main/spec.
"""

import json
from base64 import b64encode
from pathlib import PurePath
from typing import Any

from fleetmesh.evidence.outcomes import Outcome, Verdict
from fleetmesh.evidence.run import Run
from fleetmesh.gather.plain import rfc3339


def statement(run: Run) -> str:
    """The statement as JSON. A deferred check stands in none of the lists: it did not pass."""
    told = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {
                "name": run.fleet,
                "digest": {"sha256": run.chain},
                "annotations": {
                    "run": run.id,
                    "kind": run.kind,
                    "verdict": run.conclusion,
                    "phases": list(run.phases),
                    "started": rfc3339(run.started),
                    "finished": rfc3339(run.finished) if run.finished else None,
                    "replayed": run.replayed,
                    "left_out": run.deselected,
                    "deferred": _listed(run, None),
                    "missing": list(run.missing),
                    "causes": {cause.name: cause.told for cause in run.lost},
                    "conditions": {
                        result.nodeid: {"condition": str(result.condition), "cause": result.cause}
                        for result in run.results
                        if result.condition
                    },
                },
            }
        ],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": _result(run),
            "configuration": _configuration(run),
            "passedTests": _listed(run, "passed"),
            "warnedTests": _listed(run, "warned"),
            "failedTests": [*_listed(run, "failed"), *run.missing],
        },
    }
    return json.dumps(told, indent=1) + "\n"  # ASCII, so that nothing in it hides


def _result(run: Run) -> str:
    if run.verdict is not Verdict.READY:
        return "FAILED"
    whole = run.counts.keys() == {Outcome.PASS} and run.conclusion == Verdict.READY.value
    return "PASSED" if whole else "WARNED"


def _listed(run: Run, test: str | None) -> list[str]:
    return [result.nodeid for result in run.results if result.outcome.test == test]


def _configuration(run: Run) -> list[dict[str, Any]]:
    """ResourceDescriptors; each needs a digest or a content, and an unknown commit has none."""
    described: list[dict[str, Any]] = [
        {"name": PurePath(run.inventory).name, "digest": {"sha256": run.inventory_digest}},
        {
            "name": "runbook",
            "content": b64encode(run.runbook.encode(errors="backslashreplace")).decode(),
            "mediaType": "text/plain",
        },
    ]
    if run.origin.commit:
        suite = {
            "name": "suite",
            "digest": {"gitCommit": run.origin.commit},
            "annotations": {"dirty": run.origin.dirty},
        }
        described.insert(0, suite)
    return described

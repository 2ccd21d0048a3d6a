"""junit.xml: the run for CI. A check that did not report is an error in it."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from fleetmesh.evidence.run import Run
from fleetmesh.gather.plain import rfc3339
from fleetmesh.text.legible import brief, cut, legible
from fleetmesh.views import words

_LONGEST = 8192
"""The most characters of a reason."""
_ENDS = {"failed": "failure", "skipped": "skipped"}


def junit(run: Run) -> bytes:
    """The file, in the form that pytest writes: one test case per result or missing check."""
    unreported = words.unreported(run)
    ended = [_ENDS.get(result.outcome.report) for result in run.results]
    root = Element("testsuites", name="pytest tests")
    suite = SubElement(
        root,
        "testsuite",
        name="pytest",
        errors=str(len(unreported)),
        failures=str(ended.count("failure")),
        skipped=str(ended.count("skipped")),
        tests=str(len(ended) + len(unreported)),
        time=f"{((run.finished or run.started) - run.started).total_seconds():.3f}",
        timestamp=rfc3339(run.started),
        hostname=legible(run.origin.host) or "unknown",
    )
    given = {
        "fleet": run.fleet,
        "kind": run.kind,
        "verdict": words.conclusion(run),
        "inventory.digest": run.inventory_digest,
        "runbook": run.runbook,
    }
    given |= {f"cause {cause.name}": cause.told for cause in run.lost}
    _properties(suite, given)
    for result, end in zip(run.results, ended, strict=True):
        case = _case(suite, result.nodeid, result.seconds)
        told = {"outcome": result.outcome.value, "id": result.id, "runbook": result.runbook}
        if result.condition:
            told["condition"] = str(result.condition)
        if result.cause:
            told["cause"] = result.cause
        _properties(case, told)
        if end:
            reason = f"{result.outcome.value}: {cut(result.reason, _LONGEST)}"
            SubElement(case, end, message=brief(reason)).text = reason
    for nodeid in unreported:
        SubElement(_case(suite, nodeid), "error", message=words.NEVER)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _case(suite: Element, nodeid: str, seconds: float = 0) -> Element:
    file, _, name = cut(nodeid, 1000).partition("::")
    classname = file.removesuffix(".py").replace("/", ".")
    return SubElement(suite, "testcase", classname=classname, name=name, time=f"{seconds:.3f}")


def _properties(parent: Element, given: dict[str, str]) -> None:
    properties = SubElement(parent, "properties")
    for name, value in given.items():
        SubElement(properties, "property", name=legible(name), value=legible(value))

"""The pod from which "inside the cluster" is asked: its Deployment, its container, its Python."""

from typing import Any

from fleetmesh.discover.answers import Answers
from fleetmesh.discover.clusters import Object, read
from fleetmesh.discover.found import Finding, Found, Seen, Settled, Value
from fleetmesh.discover.kubeconfigs import Way
from fleetmesh.facts.fact import Fact, NotUnderstood
from fleetmesh.gather.pod_exec import Asked, ExecInPod
from fleetmesh.gather.probe import Probe
from fleetmesh.gather.transcript import Transcript
from fleetmesh.inventory import Inventory
from fleetmesh.text.legible import brief

_PYTHONS = (
    *("python", "python3", "/usr/bin/python3", "/usr/local/bin/python3"),
    *("/opt/venv/bin/python", "/venv/bin/python", "/app/.venv/bin/python", "/app/venv/bin/python"),
)


def deployment(inventory: Inventory, way: Way, seen: Seen) -> Found:
    """The Deployment to ask from: the runbook's, or else the one that is told the bridges' names.

    One that exists is kept, however few of its pods run.
    """
    probe = inventory.probe
    place = ("probe", "deployment")
    known = read(way, f"deployments {probe.namespace}")
    if known is None:
        what = f"the account may not list the Deployments of {probe.namespace}"
        yield Finding(place, what, seen, "docs/operating.md has the rights that the suite needs")
        return
    names = [each["metadata"]["name"] for each in known]
    if probe.deployment in names:
        yield Value(place, probe.deployment, seen)
        return
    bridges = [b.id for b in inventory.bridges.values() if b.namespace == probe.namespace]
    told = [
        each
        for each in known
        if each["metadata"]["name"] not in bridges
        and all(any(bridge in text for text in _texts(each.get("spec"))) for bridge in bridges)
    ]
    if len(told) == 1:
        yield from _container(told[0], bridges, seen)  # first, while the Deployment is open
        yield Value(place, told[0]["metadata"]["name"], seen)
        return
    what = (
        f"there is no Deployment {probe.deployment} in {probe.namespace}; told of every bridge "
        f"are: {brief(', '.join(each['metadata']['name'] for each in told)) or 'none'}; there are: "
        f"{brief(', '.join(names), 160) or 'none'}"
    )
    yield Finding(place, what, seen, "write the one whose pods use the bridges")


def _container(found: Object, bridges: list[str], seen: Seen) -> Found:
    """The container that is told of the bridges, if it is not the one that kubectl takes."""
    template = (found.get("spec") or {}).get("template") or {}
    containers = (template.get("spec") or {}).get("containers") or []
    told = [c for c in containers if any(b in text for b in bridges for text in _texts(c))]
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    default = annotations.get("kubectl.kubernetes.io/default-container")
    names = [each.get("name") for each in told]
    if names and default not in names and containers[0].get("name") not in names:
        yield Value(("probe", "container"), names[0], seen)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in _texts(each)]


_OTHERS = ("curl", "wget")
"""Programs that can ask where there is no Python."""

# A shell looks for all of them at once, and runs each that it finds.
_WHICH = (
    "for p in {}; do command -v $p >/dev/null && "
    "$p -c 'import sys; sys.exit(sys.version_info < (3, 7))' && echo $p; done; "
    "for p in curl wget; do command -v $p >/dev/null && echo $p; done; echo end"
).format(" ".join(_PYTHONS))


def _pythons(inventory: Inventory) -> dict[str, Probe]:
    probe, limits = inventory.probe, inventory.limits
    asked = ExecInPod(
        probe.cluster,
        probe.namespace,
        probe.deployment,
        probe.container,
        Asked("python", ("sh", "-c", _WHICH)),
        limits.http + limits.command,
        limits.http,
    )
    return {probe.deployment: asked}


def parse_pythons(transcript: Transcript) -> tuple[str, ...]:
    """Read the names, a line each, until `end`."""
    *names, end = transcript.out.splitlines() or [""]
    if end != "end":
        raise NotUnderstood("the list of Pythons was cut off")
    return tuple(name for name in names if name in (*_PYTHONS, *_OTHERS))


PYTHONS = Fact("pythons", _pythons, parse_pythons)


def python(inventory: Inventory, answers: Answers) -> Found:
    """How Python is called in the pod; the inventory's own is kept if it runs."""
    probe = inventory.probe
    place = ("probe", "python")
    told = answers.of(PYTHONS, probe.deployment)
    if told is None:
        cause = str(answers.cause(PYTHONS, probe.deployment))
        yield Finding(place, brief(cause), None, "PROD-03.inside judges it")
    elif probe.with_ != "python" or probe.debug:
        return  # somebody has chosen another program, or another image
    elif probe.python in told.value:
        yield Value(place, probe.python, told.seen)
    elif not told.value:
        what = f"neither Python 3.7 or later nor curl or wget in the pods of {probe.deployment}"
        yield Finding(
            place,
            what,
            told.seen,
            "write `with: nc`, or `debug:` and an image that has one of them",
        )
    elif told.value[0] in _OTHERS:
        yield Value((*place[:-1], "with"), told.value[0], told.seen)
        yield Settled(place, told.seen)
    else:
        yield Value(place, told.value[0], told.seen)

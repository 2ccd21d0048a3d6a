"""Objects of the Kubernetes API, as its answers hold them."""

from http import HTTPStatus
from typing import Any

from fleetmesh.facts.fact import NotUnderstood
from fleetmesh.gather.by_kubectl import no_object
from fleetmesh.gather.transcript import Transcript
from fleetmesh.text import strict_json
from fleetmesh.text.legible import brief, said

UNUSABLE = (AttributeError, KeyError, TypeError, ValueError)
"""What reading a JSON value of an unexpected shape raises."""


def http_status(transcript: Transcript) -> int | None:
    """The API's HTTP status, whoever asked it: of kubectl's ends, what they amount to."""
    if transcript.details.get("by") != "kubectl":
        return transcript.exit_status
    if transcript.exit_status == 0:
        return HTTPStatus.OK
    return HTTPStatus.NOT_FOUND if no_object(transcript) else None


def items_of(transcript: Transcript, kind: str) -> list[dict[str, Any]]:
    """The items of a whole list of this kind; raises NotUnderstood otherwise."""
    body = body_of(transcript, kind)
    items = body.get("items")
    if not isinstance(items, list):
        raise NotUnderstood(f"a {kind} without items")
    metadata = body.get("metadata")
    if isinstance(metadata, dict) and metadata.get("continue"):
        raise NotUnderstood(f"only the first part of a {kind}")
    return items


def object_of(transcript: Transcript) -> dict[str, Any]:
    """The answer's JSON object, whatever its status; raises NotUnderstood for anything else."""
    try:
        body = strict_json.loads(transcript.stdout)
    except strict_json.Ambiguous as error:
        raise NotUnderstood(f"HTTP {http_status(transcript)}, with JSON that {error}") from None
    except strict_json.NotJson:
        body = None
    if not isinstance(body, dict):
        raise NotUnderstood(f"HTTP {http_status(transcript)}, and no JSON object")
    return body


def not_found(transcript: Transcript) -> bool:
    """Whether the API knows the resource and has no object of that name."""
    if no_object(transcript):
        return True
    return transcript.exit_status == 404 and object_of(transcript).get("reason") == "NotFound"


def body_of(transcript: Transcript, kind: str) -> dict[str, Any]:
    """The object of this kind that the API answered with 200; raises NotUnderstood otherwise."""
    body = object_of(transcript)
    if http_status(transcript) != 200:
        raise NotUnderstood(
            f"HTTP {http_status(transcript)}: {said(body.get('message', 'no message'))}"
        )
    if body.get("kind") != kind:
        raise NotUnderstood(f"expected a {kind}, found {brief(repr(body.get('kind')), 80)}")
    return body

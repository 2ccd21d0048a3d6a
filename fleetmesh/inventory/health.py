"""What a healthy answer of a service is, and what is too little to tell it from another answer."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from fleetmesh.inventory.base import Model
from fleetmesh.inventory.values import (
    BodyPart,
    BodyPattern,
    BodyText,
    HeaderName,
    HttpPath,
    JsonObject,
    Line,
)

_OF_EVERY_ANSWER = frozenset(
    (
        *("age", "allow", "cache-control", "connection", "content-encoding", "content-language"),
        *("content-length", "content-type", "date", "etag", "expires", "keep-alive"),
        *("last-modified", "transfer-encoding", "vary"),
    )
)
"""Headers that describe an answer, and not who gives it (RFC 9110, RFC 9111, RFC 9112)."""


def _says_something(value: Any) -> Any:
    """Refuse objects without members, which any object would match."""
    if isinstance(value, dict) and not value:
        raise ValueError("holds {}, which matches any object; write the members that it must have")
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, (dict, list)):
            _says_something(inner)
    return value


class Health(Model):
    """A healthy answer: its status, and all that is expected of its body and headers.

    Give something by which the service names itself, so that another program which answers 200 on
    the same path is told apart.
    """

    path: HttpPath
    status: int = Field(200, ge=200, le=299, strict=True)
    json_: Annotated[JsonObject, AfterValidator(_says_something)] | None = Field(None, alias="json")
    """At least these members, at any depth. A list has these elements, in this order, no others."""
    text: BodyText | None = None
    """The whole body, but for white space around it."""
    contains: BodyPart | None = None
    matches: BodyPattern | None = None
    """An RE2 expression for some part of the body; `^` and `$` are its two ends."""
    headers: dict[HeaderName, Line] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _expects_something(self) -> Self:
        of_body = (self.json_, self.text, self.contains, self.matches)
        if any(expected is not None for expected in of_body):
            return self
        if not self.headers:
            raise ValueError(
                "expects nothing of the answer; write json, text, contains, matches or headers"
            )
        if _OF_EVERY_ANSWER.issuperset(name.lower() for name in self.headers):
            raise ValueError(
                "expects only headers that any program may send; add one by which the service "
                "names itself, or something of its body"
            )
        return self

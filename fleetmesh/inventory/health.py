"""What a healthy answer of a service is, and what is too little to tell it from another answer."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from fleetmesh.inventory.section import Model
from fleetmesh.inventory.values import (
    BodyPart,
    BodyPattern,
    BodyText,
    HeaderName,
    HttpPath,
    JsonObject,
    Line,
)
from fleetmesh.text import strict_json

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

    def excludes(self, other: "Health") -> bool:
        """Whether no answer can be the healthy one of both.

        Only what contradicts beyond doubt counts: two expressions may both match, two parts may
        both be found.
        """
        if self.status != other.status or _contradict(self.json_, other.json_):
            return True
        mine, its = ({k.lower(): v for k, v in (h.headers or {}).items()} for h in (self, other))
        if any(mine[name].strip() != its[name].strip() for name in mine.keys() & its.keys()):
            return True
        return any(
            one.text is not None
            and (
                (two.text is not None and one.text.strip() != two.text.strip())
                or (two.contains is not None and two.contains.strip() not in one.text)
            )
            for one, two in ((self, other), (other, self))
        )


def mistakable(healths: Mapping[str, Health]) -> dict[str, list[str]]:
    """By name, the others whose healthy answer might be its own, too.

    Only those are compared that agree in every simple value of JSON which all of them expect: of a
    thousand services that name themselves, none with any other.
    """
    expected = {name: dict(_leaves(health.json_)) for name, health in healths.items()}
    common = set.intersection(*map(set, expected.values())) if expected else set()
    apart: dict[tuple[str, ...], list[str]] = {}
    for name, leaves in expected.items():
        apart.setdefault(tuple(leaves[path] for path in sorted(common)), []).append(name)
    return {
        name: [
            other for other in names if other != name and not healths[name].excludes(healths[other])
        ]
        for names in apart.values()
        for name in names
    }


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """The texts in objects within objects, each by its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, str):
        yield path, value


def _contradict(one: Any, two: Any) -> bool:
    """Whether no value of JSON can be at least both."""
    if one is None or two is None:  # no expectation; a null in JSON then only agrees by chance
        return False
    if isinstance(one, dict) and isinstance(two, dict):
        return any(_contradict(one[key], two[key]) for key in one.keys() & two.keys())
    if isinstance(one, list) and isinstance(two, list):
        return len(one) != len(two) or any(map(_contradict, one, two))
    return not strict_json.same(one, two)

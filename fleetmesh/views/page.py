"""Templates in which no value can become markup, and none can hide a character."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fleetmesh.views.text import cut, duration, legible, shown, utc


def _finalize(value: Any) -> Any:
    """Make every value legible before it is escaped; markup of our own passes as it is."""
    return value if isinstance(value, Markup) else legible(str(value))


_environment = Environment(
    loader=PackageLoader("fleetmesh.views"),
    autoescape=True,
    finalize=_finalize,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(cut=cut, duration=duration, shown=shown, utc=utc)


def render(template: str, **values: Any) -> Markup:
    """The named template, filled in."""
    return Markup(_environment.get_template(template).render(**values))  # noqa: S704 - escaped


def render_file(template: Path, **values: Any) -> Markup:
    """A template that lies elsewhere, filled in by the same rules."""
    found = _environment.from_string(template.read_text("utf-8"))
    return Markup(found.render(**values))  # noqa: S704 - escaped


def fill(markup: str, *values: Any) -> Markup:
    """`markup` with each `{}` replaced by a value, legible and escaped."""
    return Markup(markup).format(*map(_finalize, values))  # noqa: S704 - a literal of ours

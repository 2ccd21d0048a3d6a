"""Templates in which no value can become markup, and none can hide a character."""

from base64 import b64encode
from hashlib import sha256
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fleetmesh.text.legible import cut, legible
from fleetmesh.views.text import duration, shown, utc


def _finalize(value: Any) -> Any:
    """Make every value legible before it is escaped; markup of our own passes as it is."""
    return value if isinstance(value, Markup) else legible(str(value))


def _prose(text: Any) -> Markup:
    """A sentence of ours, in which words between backticks are code."""
    parts = legible(str(text)).split("`")
    if len(parts) % 2 == 0:  # one that stands alone
        return fill("{}", text)
    return Markup("").join(
        fill("<code>{}</code>" if place % 2 else "{}", part) for place, part in enumerate(parts)
    )


_environment = Environment(
    loader=PackageLoader("fleetmesh.views"),
    autoescape=True,
    finalize=_finalize,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(cut=cut, duration=duration, prose=_prose, shown=shown, utc=utc)


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


def style(*sheets: Traversable, more: str = "") -> dict[str, str]:
    """The one style sheet of a page, and the digest by which its policy (CSP level 2) admits it.

    `more` are rules of our own that depend on the page.
    """
    css = "\n".join([*(sheet.read_text("utf-8") for sheet in sheets), more]).strip()
    digest = sha256(f"\n{css}\n".encode()).digest()  # as it stands between the tags
    return {"css": Markup(css), "css_digest": b64encode(digest).decode()}  # noqa: S704 - our own

"""Secrets in bytes and text: what they look like, and the mark that stands in their place.

May import: text.
"""

from fleetmesh.redaction.redactor import Redactor
from fleetmesh.redaction.remaining import remaining

__all__ = ["Redactor", "remaining"]

"""Secrets are replaced where something is written; what is judged is what was said."""

from fleetmesh.redaction.redactor import Redactor
from fleetmesh.redaction.remaining import remaining

__all__ = ["Redactor", "remaining"]

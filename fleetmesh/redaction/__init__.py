"""Secrets are replaced before anything is parsed, judged or written."""

from fleetmesh.redaction.redactor import Redactor
from fleetmesh.redaction.remaining import remaining

__all__ = ["Redactor", "remaining"]

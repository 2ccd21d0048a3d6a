"""Why a check does not hold: a second, bounded batch of questions about the subjects that failed.

Each subject (a unit, a port, a log-in, pods) says what to ask about it, and picks the line that
tells why from the answers: a pure function, so that a replay quotes the same. No check reads any of
it. What the run has asked already is quoted and not asked again.

May import: text, inventory, sessions, gather, facts.
"""

from fleetmesh.diagnostics.asking import ask, everything
from fleetmesh.diagnostics.diagnosis import Diagnosis, concerning, diagnose
from fleetmesh.diagnostics.subject import MARK, Quote

__all__ = ["MARK", "Diagnosis", "Quote", "ask", "concerning", "diagnose", "everything"]

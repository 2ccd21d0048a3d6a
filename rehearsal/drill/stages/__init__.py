"""The stages of the drill, in their order."""

from __future__ import annotations

from rehearsal.drill.stages.before import Before, Install, InstallAgain
from rehearsal.drill.stages.cutover import Cutover, Verify

STAGES = (Before, Install, InstallAgain, Cutover, Verify)

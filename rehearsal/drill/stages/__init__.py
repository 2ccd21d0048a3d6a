"""The stages of the drill, in their order."""

from __future__ import annotations

from rehearsal.drill.stages.before import Before, Install, InstallAgain
from rehearsal.drill.stages.certificates import Migrate, Renew
from rehearsal.drill.stages.cutover import Cutover, CutoverAgain, Verify
from rehearsal.drill.stages.disturbances import (
    NetworkCut,
    NetworkHealed,
    RebootCoulombcore,
    RebootRailiance01,
    WorkstationOff,
    WorkstationOn,
)
from rehearsal.drill.stages.rollback import BackToTheStart, Rollback

STAGES = (
    *(Before, Install, InstallAgain, Cutover, Verify),
    *(RebootRailiance01, RebootCoulombcore, WorkstationOff, WorkstationOn),
    *(NetworkCut, NetworkHealed, Rollback, CutoverAgain),
    *(Migrate, Renew, BackToTheStart),
)

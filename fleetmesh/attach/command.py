"""`python -m fleetmesh attach`: uploads a bundle, or says what it would upload."""

import os
from argparse import Namespace
from pathlib import Path
from typing import Any

from fleetmesh.attach.attach import attach, parcel
from fleetmesh.attach.issue import target
from fleetmesh.evidence.sums import Refused
from fleetmesh.text.terminal import say

TOKEN = "FORGE_TOKEN"  # noqa: S105 - the variable's name


def add(commands: Any) -> None:
    """Add the command to those of `python -m fleetmesh`."""
    command = commands.add_parser(
        "attach", help="attach a bundle to an issue", description=f"The token comes from {TOKEN}."
    )
    command.add_argument("bundle", type=Path, metavar="BUNDLE")
    command.add_argument("--to", required=True, metavar="URL", help="the issue's address")
    command.add_argument("--forge", choices=("forgejo", "github"), help="forgejo also means Gitea")
    command.add_argument(
        "--allowed-signers", type=Path, metavar="FILE", help="who must have signed"
    )
    command.add_argument(
        "--unsigned", action="store_true", help="attach it even if nobody signed it"
    )
    command.add_argument("--incomplete", action="store_true", help="attach it even if INCOMPLETE")
    command.add_argument("--dry-run", action="store_true", help="only say what would be sent")
    command.set_defaults(do=_attach)


def _attach(given: Namespace) -> int:
    place = target(given.to, given.forge)
    sent = parcel(
        given.bundle, given.allowed_signers, unsigned=given.unsigned, incomplete=given.incomplete
    )
    if given.dry_run:
        say(f"would upload {given.bundle} ({len(sent.content)} bytes) to {place.issue}")
        say("would say there:")
        for line in ("", *sent.body("ADDRESS").splitlines()):
            say(line)
        return 0
    token = os.environ.get(TOKEN)
    if not token:
        raise Refused(f"{TOKEN} is not in the environment: it holds the forge's token")
    address, said = attach(sent, place, token)
    say(f"bundle: {address}")
    say(f"comment: {said}")
    return 0

"""`python -m fleetmesh`: what can be done with the evidence of runs."""

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

from fleetmesh.evidence.folder import BrokenRecord
from fleetmesh.evidence.journal import CannotRecord
from fleetmesh.evidence.seal import seal
from fleetmesh.evidence.sums import Refused
from fleetmesh.evidence.verify import Trust, holds, verify
from fleetmesh.views.render import VIEWS, NotRendered, render

_SIGNS = {True: "holds", False: "REFUSED", None: "note"}


def _seal(given: Namespace) -> int:
    sealed = seal(given.folder, given.sign)
    print(f"sealed: {sealed.bundle}")
    print(f"sha256: {sealed.digest}")
    print(f"signed: {f'by {sealed.signer}' if sealed.signer else 'no; say --sign KEY to sign it'}")
    return 0


def _render(given: Namespace) -> int:
    print(render(given.folder).headline)
    for name in VIEWS:
        print(f"written: {given.folder / name}")
    return 0


def _verify(given: Namespace) -> int:
    if given.allowed_signers is None and not given.unsigned:
        raise Refused("say --allowed-signers FILE, or --unsigned where nobody need vouch for it")
    trust = Trust(
        given.allowed_signers, given.at or datetime.now(UTC), given.principal, given.unsigned
    )
    found = verify(given.target, trust)
    for finding in found:
        print(f"{_SIGNS[finding.holds]:<8} {finding.what}")
    good = holds(found)
    print(f"{given.target.name}: {'holds' if good else 'DOES NOT HOLD'}")
    return 0 if good else 1


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone, such as Z")
    return moment


def _arguments() -> ArgumentParser:
    parser = ArgumentParser("python -m fleetmesh", description=__doc__.split(": ", 1)[1])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("seal", help="make later changes to a run's folder visible")
    command.add_argument("folder", type=Path, metavar="DIR")
    command.add_argument("--sign", type=Path, metavar="KEY", help="an OpenSSH key or certificate")
    command.set_defaults(do=_seal)

    command = commands.add_parser("render", help="write the views of a run anew, from its record")
    command.add_argument("folder", type=Path, metavar="DIR")
    command.set_defaults(do=_render)

    command = commands.add_parser("verify", help="say what holds of a bundle, and what does not")
    command.add_argument("target", type=Path, metavar="BUNDLE|DIR")
    command.add_argument("--allowed-signers", type=Path, metavar="FILE", help="see ssh-keygen(1)")
    command.add_argument("--principal", help="who of them it must be; anyone, otherwise")
    command.add_argument("--unsigned", action="store_true", help="hold it without a signature")
    command.add_argument(
        "--at", type=_time, metavar="TIME", help="judge certificates as of then (RFC 3339)"
    )
    command.set_defaults(do=_verify)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; returns the exit status. 2 is for what was asked wrongly."""
    given = _arguments().parse_args(arguments)
    try:
        done: int = given.do(given)
    except (Refused, BrokenRecord, CannotRecord, NotRendered) as error:
        print(f"fleetmesh: {error}", file=sys.stderr)
        return 2
    return done


if __name__ == "__main__":
    sys.exit(main())

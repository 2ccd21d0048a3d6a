"""`python -m fleetmesh seal` and `verify`: say what was sealed, and what of a seal holds."""

from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fleetmesh.evidence.sums import Refused
from fleetmesh.sealing.sealed_run import seal_folder
from fleetmesh.sealing.verify import Report, verify
from fleetmesh.sealing.vouched import Trust
from fleetmesh.text.terminal import say

ROOTS = "demand a time stamp for which a certificate in FILE (PEM) vouches, and judge as of then"
"""What --timestamp-roots is for."""
_SIGNS = {True: "holds", False: "REFUSED", None: "note"}


def add(commands: Any) -> None:
    """Add the commands to those of `python -m fleetmesh`."""
    command = commands.add_parser("seal", help="seal a run's folder, so that later changes show")
    command.add_argument("folder", type=Path, metavar="DIR")
    command.add_argument("--sign", type=Path, metavar="KEY", help="an OpenSSH key or certificate")
    command.add_argument(
        "--timestamp",
        metavar="URL",
        help="a time stamping authority (RFC 3161) that vouches for when",
    )
    command.set_defaults(do=_seal)

    command = commands.add_parser("verify", help="say what holds in a bundle, and what does not")
    command.add_argument("target", type=Path, metavar="BUNDLE|DIR")
    command.add_argument("--allowed-signers", type=Path, metavar="FILE", help="see ssh-keygen(1)")
    command.add_argument("--principal", help="which of them must have signed (default: any)")
    command.add_argument("--unsigned", action="store_true", help="accept it without a signature")
    command.add_argument(
        "--record-only",
        action="store_true",
        help="judge the record alone if another version made its views",
    )
    when = command.add_mutually_exclusive_group()
    when.add_argument(
        "--at", type=_time, metavar="TIME", help="judge certificates as of then (RFC 3339)"
    )
    when.add_argument("--timestamp-roots", type=Path, metavar="FILE", help=ROOTS)
    command.set_defaults(do=_verify)


def _seal(given: Namespace) -> int:
    sealed = seal_folder(given.folder, given.sign, given.timestamp)
    say(f"sealed: {sealed.bundle}")
    say(f"sha256: {sealed.digest}")
    if sealed.workplan:
        say(f"to paste: {sealed.workplan}")
    say(f"signed: {f'by {sealed.signer}' if sealed.signer else 'no; say --sign KEY to sign it'}")
    if sealed.stamp:
        say(f"stamped: {sealed.stamp}")
    return 0


def _verify(given: Namespace) -> int:
    if given.allowed_signers is None and not given.unsigned:
        raise Refused("say --allowed-signers FILE, or --unsigned where nobody need vouch for it")
    trust = Trust(
        given.allowed_signers,
        given.at or datetime.now(UTC),
        given.principal,
        given.unsigned,
        given.timestamp_roots,
    )
    report = verify(given.target, trust)
    for finding in report.findings:
        say(f"{_SIGNS[finding.holds]:<8} {finding.what}")
    status, told = _concluded(report, record_only=given.record_only)
    say(f"{given.target.name}: {told}")
    return status


def _concluded(report: Report, *, record_only: bool) -> tuple[int, str]:
    if not report.holds:
        return 1, "DOES NOT HOLD"
    if not report.uncompared:
        return 0, "holds"
    unseen = ", ".join(report.uncompared)
    if record_only:
        return 0, f"its record holds; believe no word of {unseen}"
    return 6, (
        f"NOT ALL COMPARED: its record holds, but nobody here can say what {unseen} should be. "
        "Verify with the version of the suite that sealed it, or hold the record alone: "
        "--record-only"
    )


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone, such as Z")
    return moment

#!/usr/bin/python3
"""Rehearsal stand-in for `warden`: signs a public key with the fleet's user CA.

The certificate goes to standard output, as a cert_command's does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

CA = Path.home() / ".config/warden/fleet_user_ca"
ROLES = {"atm-fleet-mesh"}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="warden", description="Short-lived SSH certificates")
    parser.add_argument("--version", action="version", version="warden (rehearsal stand-in) 1.0")
    sign = parser.add_subparsers(dest="action", required=True).add_parser("sign")
    sign.add_argument("role", help="whose certificate: the principal it names")
    sign.add_argument("--pubkey", type=Path, required=True, metavar="FILE")
    sign.add_argument("--lifetime", type=int, default=3600, metavar="SECONDS")
    wanted = parser.parse_args()
    if wanted.role not in ROLES:
        sys.exit(f"warden: unknown role {wanted.role}; known are: {', '.join(sorted(ROLES))}")
    try:
        public_key = wanted.pubkey.read_text()
    except OSError as error:
        sys.exit(f"warden: the public key cannot be read: {error}")
    with tempfile.TemporaryDirectory() as directory:
        key = Path(directory) / "key.pub"
        key.write_text(public_key)
        signing = ["ssh-keygen", "-q", "-s", str(CA), "-I", f"{wanted.role}@rehearsal"]
        # A minute of the past, because clocks differ.
        signing += ["-n", wanted.role, "-V", f"-60s:+{wanted.lifetime}s", str(key)]
        done = subprocess.run(signing, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"warden: {done.stderr.strip()}")
        print(key.with_name("key-cert.pub").read_text(), end="")


if __name__ == "__main__":
    main()

"""Command line: `serve` a cluster, or write a `kubeconfig` for one of its users."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from . import certificates, config


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status: 0, 1 for a failure, 2 for a wrong configuration."""
    parser = argparse.ArgumentParser(prog="standins.kubernetes", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run the cluster until SIGTERM")
    kubeconfig = commands.add_parser("kubeconfig", help="write a kubeconfig, mode 0600")
    for command in (serve, kubeconfig):
        command.add_argument("--config", type=Path, required=True, metavar="FILE")
    kubeconfig.add_argument("--user", required=True, help="admin or a ServiceAccount's name")
    kubeconfig.add_argument("--out", type=Path, required=True, metavar="FILE")
    kubeconfig.add_argument("--server", help="default: https://127.0.0.1 and the cluster's port")
    given = parser.parse_args(arguments)
    try:
        cluster = config.load(given.config)
        if given.command == "kubeconfig":
            server = given.server or f"https://127.0.0.1:{cluster.listen_port}"
            certificates.write_kubeconfig(cluster, given.user, server, given.out)
        else:
            from .server import serve as run  # noqa: PLC0415 - aiohttp is slow to import

            asyncio.run(run(cluster))
    except config.ConfigError as error:
        print(f"configuration: {error}", file=sys.stderr)
        return 2
    except (OSError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What `ssh HOST true` and the suite make of each configuration, and the classes of options.

    sudo .venv/bin/python benchmarks/ssh.py [NAME …]

Exits with 1 if the two differ where that is not declared. selftests/sessions/test_like_ssh.py holds
the same, one test for each configuration.
"""

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[1]))

from fleetmesh.text.legible import brief
from selftests.sessions import servers
from selftests.sessions.configurations import ALL, Configuration
from selftests.sessions.stage import Stage
from selftests.sessions.test_options import CLASSES, printed


def main(names: list[str]) -> int:
    """Print both tables; returns the exit status."""
    wrong = 0
    for configuration in ALL:
        if not names or configuration.name in names:
            wrong += _row(configuration)
    print(f"\n{wrong} not as declared")
    print("\nwhat `ssh -G` prints, by class:")
    for release in servers.RELEASES:
        keywords = printed(release)
        counts = Counter({c: len(keywords & {n.lower() for n in CLASSES[c]}) for c in CLASSES})
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        unknown = len(keywords) - counts.total()
        print(f"  {servers.version_of(release)}: {len(keywords)}: {told}, {unknown} in none")
    return 1 if wrong else 0


def _row(configuration: Configuration) -> int:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        stage = Stage(Path(folder))
        try:
            configuration.arrange(stage)
            with patch.dict(os.environ, stage.environment):
                ssh, said = stage.ssh()
                suite, told = stage.suite()
        finally:
            stage.close()
    declared = (ssh, suite) == (configuration.ssh, configuration.suite)
    result = ["refused", "reached"]
    print(f"{'ok' if declared else 'WRONG'}\t{configuration.title}")
    print(f"\tssh    {result[ssh]}  {'' if ssh else brief(said, 160)}")
    print(f"\tsuite  {result[suite]}  {'' if suite else brief(told, 400)}")
    if configuration.declared:
        print(f"\tthey differ: {configuration.declared}")
    return not declared


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

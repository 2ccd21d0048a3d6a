"""Takes every assertion out of every check, one at a time, and shows which ones nobody would miss.

    .venv/bin/python -m benchmarks.weakened [CHECK…]

Judged from the recordings, without a fleet. Exit status 1 if any would go unnoticed.
"""

import sys
import tempfile
from pathlib import Path

from selftests.matrix.weakened import copy_of_the_checkout, lose_every_assertion


def main() -> int:
    """Do so in a copy of the checkout, and print a line for each assertion."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = copy_of_the_checkout(Path(folder))
        return lose_every_assertion(checkout, sys.argv[1:]).returncode


if __name__ == "__main__":
    sys.exit(main())

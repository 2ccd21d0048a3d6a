"""Takes every assertion out of every check, one at a time, and shows which ones nobody would miss.

    .venv/bin/python -m benchmarks.weakened [CHECK…]

Judged from the recordings, without a fleet; a few minutes. Exit status 1 if any would go unnoticed.
"""

import sys
import tempfile
from pathlib import Path

from selftests.matrix.weakened import assertions, copy_of_the_checkout, unnoticed


def main() -> int:
    """Judge each weakened checkout and print a line for it."""
    chosen = [a for a in assertions() if not sys.argv[1:] or set(a.checks) & set(sys.argv[1:])]
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        checkout = copy_of_the_checkout(Path(folder))
        for assertion in chosen:
            why = unnoticed(assertion, checkout)
            missed += why is not None
            place = f"{assertion.file}:{assertion.line}"
            print(f"{'✕' if why else '✓'} {place}  {assertion.source[:100]}", flush=True)
            if why:
                print(f"    {why[:300]}")
    print(f"{len(chosen)} assertions; the matrix would not notice the loss of {missed}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Where the suite's own files are: its checks, its first inventories, the runbook's reference."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
SUITE = next(place for place in (_PACKAGE / "_suite", _PACKAGE.parent) if place.is_dir())
"""Inside the installed package, or the checkout: what has tests/, fleets/ and infra/."""
TEMPLATE = Path(__file__).with_name("runbook.yaml")
"""The runbook's inventory, from which a new one is made; it is meant from `SUITE`/fleets."""

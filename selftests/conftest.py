"""What the suite's own tests share: where root or Chromium is missing they say so, except in CI."""

import os
import shutil

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, with the reason; in CI nothing is skipped for that."""
    if os.environ.get("CI"):
        return
    missing = {}
    if os.geteuid() != 0:
        missing["root"] = "needs root: run `sudo make test`"
    if shutil.which("chromium") is None:
        missing["browser"] = "needs Chromium: apt install chromium"
    for item in items:
        for marker, reason in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))

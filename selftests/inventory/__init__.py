"""Tests of the inventory, and the one that tests are made with."""

from pathlib import Path

RUNBOOK = Path(__file__).with_name("runbook.yaml")

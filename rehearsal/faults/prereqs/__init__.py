"""Faults of the checks in tests/prereqs/, file by file."""

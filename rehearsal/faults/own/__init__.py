"""Faults of the checks in tests/own/, file by file."""

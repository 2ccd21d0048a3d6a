"""Faults of the checks in tests/production/, file by file."""

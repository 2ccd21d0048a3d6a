"""Faults of the checks in tests/cutover/, file by file."""

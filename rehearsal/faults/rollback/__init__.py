"""Faults of the checks in tests/rollback/, file by file."""

"""Faults × checks: what each check must make of each fault, and what it does."""

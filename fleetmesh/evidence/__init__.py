"""How a run ended and what it saw, written as it happens and read back; and the runs before it.

May import: outages, redaction, gather, facts, tunnels, diagnostics.
"""

"""Watches a fleet while it moves: samples every hop, tells outages, and shows how far the step is.

What is seen goes to the process that judges the checks and keeps the record; `judge.py` starts it.

May import: evidence, facts, gather, inventory, outages, sessions, text, tunnels.
"""

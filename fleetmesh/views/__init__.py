"""The record as pages, JUnit, a statement and a block for the workplan: functions without effects.

May import: text, gather, tunnels, evidence, outages.
"""

"""Why a check does not hold: what is lost, which step is not done, what settles by itself.

It explains outcomes, and changes none. What is not certain explains nothing.

May import: text, inventory, by_hand, gather, facts, tunnels, evidence.
"""

"""What the facts amount to: whose a socket is, where a request went, what a tunnel forwards.

It asks nobody anything.

May import: text, inventory, facts.
"""

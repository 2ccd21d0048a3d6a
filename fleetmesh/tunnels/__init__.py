"""What the facts amount to: whose a socket is, where a request went, what a tunnel forwards.

Imports text, inventory and facts. It asks nobody anything.
"""

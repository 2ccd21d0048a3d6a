"""Makes a machine verify a fleet by itself: `install-timer`, and what takes all of it away again.

What is wanted is worked out first and compared with what is there; only then is anything changed.
So a second run changes nothing, and one that broke off is mended by the next.

May import: text, inventory, by_hand, sessions, evidence.
"""

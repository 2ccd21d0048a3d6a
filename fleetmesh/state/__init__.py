"""What is there, without what changes by itself; and what of that differs between two moments.

Each fact says in one of these modules what of its value is state, and what is volatile by nature.

May import: text, inventory, gather, facts, tunnels, evidence.
"""

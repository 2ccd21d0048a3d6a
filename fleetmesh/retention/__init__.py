"""What need not be kept of the runs before.

May import: evidence, views.
"""

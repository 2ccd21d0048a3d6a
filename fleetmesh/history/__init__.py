"""The runs before: how old their evidence is, what changed, and what need not be kept.

May import: text, evidence, sealing, views.
"""

"""Evidence brought to an issue of a forge: the bundle as an attachment, the block as a comment.

May import: text, evidence, sealing.
"""

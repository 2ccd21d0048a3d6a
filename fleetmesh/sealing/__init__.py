"""A run sealed, so that any later change shows; a sealed run verified.

May import: text, redaction, sessions, gather, evidence, views.
"""

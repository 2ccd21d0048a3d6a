"""A run sealed, so that any later change shows; a sealed run verified.

Imports everything below it (text, redaction, evidence, views); only attach stands above.
"""

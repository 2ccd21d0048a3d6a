"""Text that others wrote, read without trust; text for others, written so that it does no harm.

YAML, JSON and files with bounds; the words of an ssh command and what `ssh -G` adds to them; one
word for a shell, one legible line for a reader.

May import: nothing.
"""

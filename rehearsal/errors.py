"""What the rehearsal fleet reports to its user instead of a traceback."""


class RehearsalError(Exception):
    """A step could not be done; the message says what is wrong and what to do."""

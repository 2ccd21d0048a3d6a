"""When something answered, when it did not, and when nobody looked, from samples: pure functions.

Times are seconds of one clock that never jumps, since a moment of which the caller knows.
May import: nothing.
"""

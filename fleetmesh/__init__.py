"""The domain of the suite: what a fleet should be, how it is observed, what was seen.

Nothing here knows pytest. Data flows one way: inventory → sessions → facts → outcomes → evidence.
"""

"""What runs before a run have seen: their verdicts, what changed, and how old good evidence is."""

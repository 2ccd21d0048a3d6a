"""The drill: the whole runbook, there and back, with what each check must make of every stage."""

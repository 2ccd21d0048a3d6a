"""What a run tells those who watch the fleet: Prometheus, a dead man's switch, people.

Nothing in here changes a verdict. What needs the network is done by the courier, a process of its
own, and ends by its deadline.

May import: text, inventory, gather, evidence.
"""

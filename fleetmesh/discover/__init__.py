"""Asks a fleet, read-only, for what the runbook leaves open, and edits an inventory by it.

An inventory holds two kinds of values:

- What the runbook *claims*: listen addresses, ClusterIPs and their ports, the far host and its
  address, user, key, names of tunnels and bridges, health paths, limits. Checks hold the fleet to
  these. None is ever proposed: if the fleet has another, that is a finding, beside the runbook's.
- How to *ask*: ssh aliases, host names, a kubeconfig and its context, namespace and name of a
  Service, what a healthy answer says, the pod to ask from, how `bridge` is called. The runbook
  leaves them open, and a claim finds them: a Service by its ClusterIP, a unit by its forward.

Four rules keep a fault from being written into the inventory, where no check would see it again:

1. Only a value whose line is marked `OPEN` may change. Writing it takes the mark away: from then on
   a difference is a finding. A host that the command line names is open, as far as names go.
2. A name that the fleet knows is never replaced, however broken is what bears it.
3. A value needs a claim that finds it, one candidate, and no witness against it.
4. Nothing is proposed for trust: no host key, no known_hosts line, no right, no waiver.

What nobody could tell stays `OPEN`. A guess that is wrong makes a check fail, never pass.

May import: text, inventory, by_hand, redaction, sessions, gather, facts, tunnels.
"""

"""A stand-in for a single-node Kubernetes cluster: API server, kubelet, kube-proxy in one process.

It keeps the wire behaviour of a real API server for the objects the runbook touches (see
`selftests/standin_kubernetes`), and runs pods as real processes in their own namespaces, so that a
connection through a Service crosses the same kernel machinery as on a real node.

What differs from a real node, and is meant:

- An image is a label: every container sees the machine's own files. An image with `no-such` in its
  name cannot be had.
- The back-off of a crashing container starts at 1 s and ends at 8 s, not at 5 minutes; a pod gets
  2 s to end, whatever its grace period.
- A probe is repeated every 0.2 s until its first success, in the first 5 s of a container.
- Cluster DNS is each pod's /etc/hosts. ReplicaSets follow the Deployments; by themselves they make
  no pods.
- A file `etcd-down` in the state directory stands for an etcd that does not answer, and
  `kubelet-down` for a node that is not heard of: its pods run on, and are unready at once.
- StatefulSets, DaemonSets and CronJobs are objects that nobody acts on. Events are fewer than a
  real cluster's, and the newest 200 are kept.
- exec is over WebSocket only. A kubectl that may not `get` pods/exec would succeed over SPDY at a
  real server; here it is refused.
- Request bodies are JSON; as protobuf only what `kubectl auth can-i`, `create token` and
  `create namespace` send is understood. Fields are checked for their names, and not for what they
  hold. No server-side apply, no volumes, no liveness probes.
- A client certificate of another CA ends the TLS handshake, where a real server answers 401.
"""

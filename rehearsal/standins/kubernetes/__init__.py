"""A stand-in for a single-node Kubernetes cluster: API server, kubelet, kube-proxy in one process.

It keeps the wire behaviour of a real API server for the objects the runbook touches (see
`selftests/standin_kubernetes`), and runs pods as real processes in their own namespaces, so that a
connection through a Service crosses the same kernel machinery as on a real node.
"""

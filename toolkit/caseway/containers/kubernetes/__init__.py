"""Containers on a Kubernetes cluster: manifests (pure), what a pod says (pure), the cluster, its pipes."""

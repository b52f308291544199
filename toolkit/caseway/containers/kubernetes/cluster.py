"""Speaks to a Kubernetes cluster through its official client: namespaces, policies, Jobs and their pods.

Rule: no error of the client gets past here; see `api_errors`. Calls block; whoever must not wait calls them
in a thread. Answers are plain JSON: what it says is read by `readings`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from caseway.containers.engine import State
from caseway.containers.errors import lost
from caseway.containers.kubernetes import manifests
from caseway.containers.kubernetes.api_errors import cluster_errors
from caseway.containers.kubernetes.names import namespace_of
from caseway.containers.kubernetes.readings import Pod, state_in
from caseway.containers.kubernetes.settings import ClusterSettings
from caseway.containers.owner import OURS

_TIMEOUT = (5, 30)  # seconds to connect, to answer
_RAW: dict[str, Any] = {"_preload_content": False, "_request_timeout": _TIMEOUT}
_PAGE = 500


class Cluster:
    """One cluster. Connecting happens with the first call. A pod is known as `namespace/job`."""

    def __init__(self, settings: ClusterSettings, configuration: client.Configuration | None = None) -> None:
        self.settings = settings
        self._configuration = configuration
        self._client: Any = None
        self._ready: set[str] = set()
        self._lock = threading.Lock()

    @property
    def configuration(self) -> client.Configuration:
        """Where it is and how one shows who one is: the pod's service account, else the kubeconfig. Raises
        `ContainerFailed` (`no-such-engine`)."""
        with self._lock, cluster_errors("kubernetes"):
            if self._configuration is None:
                self._configuration = _configuration(self.settings.context)
            return self._configuration

    def prepare(self, organization: str) -> str:
        """The organization's namespace, which exists and has its network policies."""
        name = namespace_of(self.settings.prefix, organization)
        if name not in self._ready:
            with cluster_errors(name):
                self._have_namespace(name, organization)
                for policy in manifests.policies(name, self.settings):
                    self._have_policy(name, policy)
            self._ready.add(name)
        return name

    def create(self, asked: manifests.Asked) -> str:
        """The id of a new Job."""
        with cluster_errors(asked.sandbox.image):
            try:
                self._batch().create_namespaced_job(
                    asked.namespace, manifests.job(asked, self.settings), **_RAW
                )
            except ApiException as error:
                if error.status == 404:  # somebody removed the namespace since we looked
                    self._ready.discard(asked.namespace)
                raise
        return f"{asked.namespace}/{asked.name}"

    def pod(self, job: str) -> Pod | None:
        """The Job's pod, None as long as there is none. Raises `ContainerLost`."""
        space, _, name = job.partition("/")
        with cluster_errors(job):
            found = _json(
                self._core().list_namespaced_pod(
                    space, label_selector=f"batch.kubernetes.io/job-name={name}", **_RAW
                )
            )
        pods = [pod for pod in found["items"] if isinstance(pod, dict)]
        return max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp") or ""), default=None)

    def state(self, container: str) -> State:
        """How the Job's pod stands; raises `ContainerLost` when it is gone."""
        pod = self.pod(container)
        if pod is None:
            raise lost(container, "there is no such pod")
        return state_in(pod)

    def remove(self, container: str) -> None:
        """Remove the Job and its pod; nothing happens when they are gone."""
        space, _, name = container.partition("/")
        options = {"propagationPolicy": "Background", "gracePeriodSeconds": 0}
        with cluster_errors(container):
            try:
                self._batch().delete_namespaced_job(name, space, body=options, **_RAW)
            except ApiException as error:
                if error.status != 404:
                    raise

    def ours(self, labels: Mapping[str, str] | None = None) -> list[Mapping[str, Any]]:
        """All Jobs of ours with these labels, in every namespace."""
        selector = ",".join(f"{name}={value}" for name, value in {**OURS, **(labels or {})}.items())
        found: list[Mapping[str, Any]] = []
        page = ""
        with cluster_errors("kubernetes"):
            while True:
                more = {"_continue": page} if page else {}
                answer = _json(
                    self._batch().list_job_for_all_namespaces(
                        label_selector=selector, limit=_PAGE, **more, **_RAW
                    )
                )
                found += answer["items"]
                page = str((answer.get("metadata") or {}).get("continue") or "")
                if not page:
                    return found

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _have_namespace(self, name: str, organization: str) -> None:
        if _absent(lambda: self._core().read_namespace(name, **_RAW)):
            _unless_there(
                lambda: self._core().create_namespace(manifests.namespace(name, organization), **_RAW)
            )

    def _have_policy(self, space: str, policy: Any) -> None:
        """Create it, or set it right when its rules are others: a hole in it is a hole for everybody."""
        name = policy["metadata"]["name"]
        api = self._networking()
        try:
            there = _json(api.read_namespaced_network_policy(name, space, **_RAW))
        except ApiException as error:
            if error.status != 404:
                raise
            _unless_there(lambda: api.create_namespaced_network_policy(space, policy, **_RAW))
            return
        if there.get("spec") != policy["spec"]:
            version = {"resourceVersion": there["metadata"].get("resourceVersion")}
            right: Any = {**policy, "metadata": {**policy["metadata"], **version}}
            api.replace_namespaced_network_policy(name, space, right, **_RAW)

    def _core(self) -> Any:
        return client.CoreV1Api(self._connected())

    def _batch(self) -> Any:
        return client.BatchV1Api(self._connected())

    # Any: the client's own types know its objects only, and we speak plain JSON.
    def _networking(self) -> Any:
        return client.NetworkingV1Api(self._connected())

    def _connected(self) -> Any:
        configuration = self.configuration
        with self._lock:
            if self._client is None:
                self._client = client.ApiClient(configuration)
            return self._client


def _configuration(context: str) -> client.Configuration:
    load: Any = config  # without types
    made = client.Configuration()
    try:
        if context:
            raise config.ConfigException("a context was asked for")
        load.load_incluster_config(client_configuration=made)
    except config.ConfigException:
        load.load_kube_config(context=context or None, client_configuration=made)
    made.retries = False
    return made


def _json(answer: Any) -> dict[str, Any]:
    found = json.loads(answer.data)
    return found if isinstance(found, dict) else {}


def _absent(read: Callable[[], Any]) -> bool:
    try:
        read()
    except ApiException as error:
        if error.status != 404:
            raise
        return True
    return False


def _unless_there(create: Callable[[], Any]) -> None:
    """Another worker may have been quicker."""
    try:
        create()
    except ApiException as error:
        if error.status != 409:
            raise

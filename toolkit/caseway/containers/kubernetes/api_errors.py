"""Turns what the cluster's client raises into our errors.

Rule: it happens once, here; what is not known keeps the cluster's own words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3.exceptions
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from caseway.containers.errors import ContainerFailed, ContainerLost, lost
from caseway.model.errors import CasewayError

_DETAIL = 1000
_LATER = frozenset({0, 401, 408, 429})


@contextmanager
def cluster_errors(place: str) -> Iterator[None]:
    """Raise what the cluster's client raises as one of ours; `place` is what was worked on."""
    try:
        yield
    except (ApiException, ConfigException, urllib3.exceptions.HTTPError, OSError) as error:
        raise of(error, place) from error


def of(error: Exception, place: str) -> CasewayError:
    """The error in our words."""
    if isinstance(error, ConfigException):
        return ContainerFailed(
            f"no cluster is set up: {error}",
            code="no-such-engine",
            place=place,
            hint="run in a pod with a service account, or give a kubeconfig with KUBECONFIG",
        )
    if not isinstance(error, ApiException):
        return unreachable(str(error), place)
    status, said = int(error.status or 0), _words(error)
    if status in _LATER or status >= 500:
        return unreachable(f"{status} {said}", place)
    if status == 404:
        return lost(place, said)
    if status == 403:
        return _forbidden(said, place)
    return ContainerFailed(
        f"the cluster refused: {said}",
        code="container-refused",
        place=place,
        hint="see the resources and the runtime of the use case",
    )


def unreachable(detail: str, place: str) -> ContainerLost:
    """The API server does not answer, or not now."""
    return ContainerLost(
        f"the cluster does not answer: {detail[:_DETAIL]}",
        code="engine-unreachable",
        place=place,
        hint="is the API server up, and may this worker speak to it? see docs/kubernetes.md",
    )


def _forbidden(said: str, place: str) -> CasewayError:
    if "exceeded quota" in said:
        return lost(place, said)
    return ContainerFailed(
        f"the cluster refused: {said}",
        code="container-refused",
        place=place,
        hint="the worker's service account lacks a right; deploy/kubernetes has those that it needs",
    )


def _words(error: ApiException) -> str:
    """The message of the cluster's Status object, else the whole answer."""
    body = error.body if isinstance(error.body, str) else (error.body or b"").decode("utf-8", "replace")
    try:
        said = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        said = body or str(error.reason)
    return said[:_DETAIL]

"""What executions need of the store that never changes there, kept for one worker's life."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from caseway.model.canonical import JsonObject
from caseway.platform import body as template_body
from caseway.platform import prepared
from caseway.platform.statements import Raw
from caseway.platform.templates import decoded

KEPT = 512  # documents are read again when more are in use

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deployment says about its executions; without `has_secrets` they have none."""

    limits: JsonObject
    has_secrets: bool


@dataclass(frozen=True, slots=True)
class Remembered:
    """Rendered documents by their digest, deployments by their id."""

    _documents: OrderedDict[str, JsonObject] = field(default_factory=OrderedDict)
    _deployed: OrderedDict[str, Deployed] = field(default_factory=OrderedDict)

    def document(self, connection: Raw, digest: str) -> JsonObject:
        """A rendered workflow."""
        return _kept(self._documents, digest, lambda: json.loads(prepared.definition(connection, digest)))

    def deployed(self, connection: Raw, deployment_id: str) -> Deployed:
        """What executions of a deployment are held to."""
        return _kept(self._deployed, deployment_id, lambda: deployed(connection, deployment_id))


def deployed(connection: Raw, deployment_id: str) -> Deployed:
    """As `Remembered.deployed`, read now."""
    body, digest, version, inputs = prepared.template(connection, deployment_id)
    limits = template_body.limits(decoded(body, digest, version))
    return Deployed(limits, has_secrets=bool(json.loads(inputs).get("credentials")))


def _kept(kept: OrderedDict[str, _Value], key: str, read: Callable[[], _Value]) -> _Value:
    if key not in kept:
        kept[key] = read()
        if len(kept) > KEPT:
            kept.popitem(last=False)
    return kept[key]

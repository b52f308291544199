"""What executions need of the store that never changes there, kept by digest: for one worker's life."""

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
class Remembered:
    """Rendered documents by their digest, limits by that of their template."""

    _documents: OrderedDict[str, JsonObject] = field(default_factory=OrderedDict)
    _limits: OrderedDict[str, JsonObject] = field(default_factory=OrderedDict)

    def document(self, connection: Raw, digest: str) -> JsonObject:
        """A rendered workflow."""
        return _kept(self._documents, digest, lambda: json.loads(prepared.definition(connection, digest)))

    def limits(self, connection: Raw, digest: str, deployment_id: str) -> JsonObject:
        """What executions of a template may use."""
        return _kept(
            self._limits,
            digest,
            lambda: template_body.limits(decoded(*prepared.template(connection, deployment_id))),
        )


def _kept(kept: OrderedDict[str, _Value], key: str, read: Callable[[], _Value]) -> _Value:
    if key not in kept:
        kept[key] = read()
        if len(kept) > KEPT:
            kept.popitem(last=False)
    return kept[key]

"""JSON Schemas that are external resources: fetched when a value is first checked, once per execution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from caseway_runner.activation import Activation
from caseway_runner.calls.resource import Endpoint, fetch, parse_document, resource_at
from caseway_runner.errors import fault
from caseway_runner.scope import Scope
from caseway_runner.shape import BadSchema, Shape, prepare


@dataclass(frozen=True, slots=True)
class ExternalShape:
    """Where the schema is."""

    resource: Endpoint

    async def loaded(self, activation: Activation) -> Shape:
        """The schema. Raises a configuration fault when it cannot be had or is none."""
        url, content = await fetch(self.resource, activation)
        known = activation.run.session.shapes
        if url not in known:
            try:
                known[url] = prepare(dict(parse_document(content, f"the schema {url[:200]}")))
            except BadSchema as error:
                raise fault("configuration", f"{url[:200]} is not a valid JSON Schema: {error}") from error
        return known[url]


def external_shape(value: Any, scope: Scope) -> ExternalShape | None:
    """A `schema.resource`."""
    resource = resource_at(value, scope)
    return ExternalShape(resource) if resource is not None else None

"""`call` of a function that is elsewhere: in a catalog of `use.catalogs`, or at a URL.

Rule: the definition is fetched once and kept in the journal, so that a resume runs the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from caseway_runner.activation import Activation
from caseway_runner.calls.resource import Endpoint, content_of, endpoint_at, parse_document
from caseway_runner.catalog import Reference, function_path, raw_url
from caseway_runner.errors import LimitExceeded, fault
from caseway_runner.interpret import run_function
from caseway_runner.problem import InvalidWorkflow
from caseway_runner.program import Task
from caseway_runner.scope import Scope
from caseway_runner.template import Template


@dataclass(frozen=True, slots=True)
class CatalogBody:
    """A function by its place below an endpoint; "" is the endpoint itself."""

    label: str
    endpoint: Endpoint
    path: str
    arguments: Template | None
    nature: ClassVar[str] = "composite"

    async def run(self, activation: Activation) -> Any:
        """The function's output."""
        value = activation.input if self.arguments is None else await activation.fill(self.arguments)
        is_stubbed, answer = activation.stubbed("function", {"function": self.label, "with": value})
        if is_stubbed:
            return answer
        limit = activation.run.session.ports.policy.limits.depth
        if activation.position.count("/()") >= limit:
            raise LimitExceeded(f"functions call each other deeper than {limit}")
        return await run_function(activation, await self._task(activation), value)

    async def _task(self, activation: Activation) -> Task:
        noted = activation.noted("fetched")
        definition = noted.data if noted is not None else await self._fetched(activation)
        document = {
            "document": {"dsl": "1.0.3", "namespace": "catalog", "name": "function", "version": "1.0.0"},
            "use": {"functions": {"function": definition}},
            "do": [{"call": {"call": "function"}}],
        }
        try:
            return activation.run.session.compile(document).functions["function"]
        except InvalidWorkflow as error:
            raise fault("configuration", f"the function {self.label} is not valid: {error}") from error

    async def _fetched(self, activation: Activation) -> Any:
        base = await self.endpoint.url(activation)
        url = raw_url(f"{base.rstrip('/')}/{self.path}" if self.path else base)
        content = await content_of(url, self.endpoint.authentication, activation)
        definition = parse_document(content, f"the function {self.label}")
        activation.note("fetched", definition)
        await activation.flush()
        return definition


def compile_catalog(
    name: str, reference: Reference | None, arguments: Template | None, scope: Scope
) -> CatalogBody | None:
    """A call of `name`: a reference into one of `use.catalogs`, or a URL."""
    if reference is None:
        endpoint = endpoint_at(name, scope.at("call"))
        return CatalogBody(name, endpoint, "", arguments) if endpoint is not None else None
    found = scope.at("call").reused("catalogs", reference.catalog)
    if found is None:
        return None
    endpoint = compile_catalog_endpoint(*found)
    path = function_path(reference.name, reference.version)
    return CatalogBody(name, endpoint, path, arguments) if endpoint is not None else None


def compile_catalog_endpoint(value: Any, scope: Scope) -> Endpoint | None:
    """One of `use.catalogs`."""
    fields: Mapping[str, Any] | None = scope.mapping(value, {"endpoint"}, ("endpoint",))
    return endpoint_at(fields["endpoint"], scope.at("endpoint")) if fields is not None else None

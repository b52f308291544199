"""`call: a2a`: one method of an agent, by JSON-RPC over HTTP as the Agent2Agent protocol has it.

Methods are named as in protocol 0.3. To an agent whose card offers only 1.0 they go under their new names;
parameters are the author's and go as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urljoin
from uuid import UUID

from caseway_runner.activation import Activation
from caseway_runner.authentication import resolve
from caseway_runner.calls.http import check_status
from caseway_runner.calls.jsonrpc import events, result_of
from caseway_runner.calls.resource import Endpoint, endpoint_at, fetch, parse_document, resource_at
from caseway_runner.derived import id_of
from caseway_runner.errors import fault
from caseway_runner.http_client import Request, Response
from caseway_runner.scope import Scope
from caseway_runner.template import Template, constant

_KEYS = frozenset({"agentCard", "server", "method", "parameters"})
# Each method of 0.3 and its name in 1.0.
METHODS: Mapping[str, str] = {
    "message/send": "SendMessage",
    "message/stream": "SendStreamingMessage",
    "tasks/get": "GetTask",
    "tasks/list": "ListTasks",
    "tasks/cancel": "CancelTask",
    "tasks/resubscribe": "SubscribeToTask",
    "tasks/pushNotificationConfig/set": "CreateTaskPushNotificationConfig",
    "tasks/pushNotificationConfig/get": "GetTaskPushNotificationConfig",
    "tasks/pushNotificationConfig/list": "ListTaskPushNotificationConfigs",
    "tasks/pushNotificationConfig/delete": "DeleteTaskPushNotificationConfig",
    "agent/getAuthenticatedExtendedCard": "GetExtendedAgentCard",
}
_STREAMS = frozenset({"message/stream", "tasks/resubscribe"})
_OLD = "0.3"
_NAMESPACE = UUID("6f6b2c1e-5b1d-4d1f-9a53-0e2b8f1c7a10")


@dataclass(frozen=True, slots=True)
class A2aBody:
    """Which method to call, of which agent, with what."""

    card: Endpoint | None
    server: Endpoint | None
    method: str
    parameters: Template
    nature: ClassVar[str] = "effect"

    async def run(self, activation: Activation) -> Any:
        """The method's result; a list of results when it streams. Raises a communication fault."""
        parameters = await activation.fill(self.parameters)
        if not isinstance(parameters, Mapping):
            raise fault("expression", "the parameters are not an object")
        parameters = _identified(parameters, activation.key)
        url, version = "", _OLD
        if self.server is not None:
            url = await self.server.url(activation)
        arguments = {"method": self.method, "parameters": parameters, "server": url}
        is_stubbed, answer = activation.stubbed("a2a", arguments)
        if is_stubbed:
            return answer
        if self.card is not None:
            place, content = await fetch(self.card, activation)
            found, version = interface(parse_document(content, "the agent card"), place)
            url = url or found
        return await self._called(activation, url, version, parameters)

    async def _called(
        self, activation: Activation, url: str, version: str, parameters: Mapping[str, Any]
    ) -> Any:
        policy = (self.server or self.card or _NOWHERE).authentication
        credentials = None
        if policy is not None:
            credentials = await resolve(policy, activation)
            activation.authorization = {"scheme": credentials.scheme, "parameter": credentials.parameter}
        method = self.method if version == _OLD else METHODS[self.method]
        sent = {"jsonrpc": "2.0", "id": activation.key, "method": method, "params": parameters}
        headers = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "a2a-version": version,
            "idempotency-key": activation.key,
        }
        request = Request("POST", url, headers, (), json.dumps(sent, ensure_ascii=False).encode())
        response = await activation.run.session.http.send(request, credentials)
        check_status(response, request, False)
        results = _results(response, url)
        return results if self.method in _STREAMS else results[-1]


_NOWHERE = Endpoint(constant(""), False, None)


def _identified(parameters: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The parameters, their message with an id that stays the same when the task is repeated."""
    message = parameters.get("message")
    if not isinstance(message, Mapping) or "messageId" in message:
        return parameters
    return {**parameters, "message": {"messageId": id_of(_NAMESPACE, key), **message}}


def interface(card: Mapping[str, Any], place: str) -> tuple[str, str]:
    """The URL and protocol version under which the agent speaks JSON-RPC. Raises a configuration fault."""
    offers: list[tuple[str, str]] = []
    if card.get("url") and _is_json(card.get("preferredTransport", "JSONRPC")):
        offers.append((str(card["url"]), _OLD))
    for key, kind in (("supportedInterfaces", "protocolBinding"), ("additionalInterfaces", "transport")):
        items = card.get(key)
        for item in items if isinstance(items, list) else ():
            if isinstance(item, Mapping) and _is_json(item.get(kind)) and item.get("url"):
                version = str(item.get("protocolVersion", _OLD))
                offers.append((str(item["url"]), _OLD if version.startswith("0.") else version))
    if not offers:
        raise fault("configuration", "the agent card names no URL for JSON-RPC")
    url, version = next((offer for offer in offers if offer[1] == _OLD), offers[0])
    try:
        return urljoin(place, url), version
    except ValueError as error:
        raise fault("configuration", f"the agent card's '{url[:200]}' is not a URL: {error}") from error


def _is_json(binding: Any) -> bool:
    return str(binding).upper() == "JSONRPC"


def _results(response: Response, url: str) -> list[Any]:
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    text = response.body.decode("utf-8", "replace")
    try:
        answers = [json.loads(part) for part in (events(text) if kind == "text/event-stream" else [text])]
    except ValueError as error:
        raise fault("communication", f"{url} did not answer with JSON: {error}") from error
    if not answers:
        raise fault("communication", f"{url} ended the stream without a word")
    return [result_of(answer, url) for answer in answers]


def compile_call(source: Mapping[str, Any], scope: Scope) -> A2aBody | None:
    """The `with` of an A2A call."""
    place = scope.at("with")
    fields = place.mapping(source.get("with", {}), _KEYS, ("method",))
    if fields is None:
        return None
    if "agentCard" not in fields and "server" not in fields:
        place.report("schema", "missing property 'server' or 'agentCard'")
        return None
    method = place.choice(fields, "method", tuple(METHODS))
    parameters = fields.get("parameters", {})
    if not isinstance(parameters, Mapping) and not place.is_expression(parameters):
        place.at("parameters").report("schema", "expected an object or a runtime expression")
        return None
    if "parameters" in fields and not parameters:
        place.at("parameters").report("schema", "expected at least one parameter")
    card = resource_at(fields["agentCard"], place.at("agentCard")) if "agentCard" in fields else None
    server = endpoint_at(fields["server"], place.at("server")) if "server" in fields else None
    if card is None and server is None:
        return None
    return A2aBody(card, server, method, place.at("parameters").template(parameters))

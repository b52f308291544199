"""The entries of the rules on triggers that fetch."""

from __future__ import annotations

from caseway.model.diagnostic import Severity
from caseway.repo.rules import fetching
from caseway.repo.rules.rule import Rule

_BROKER = """\
# connections/broker.yaml
apiVersion: caseway/v1
kind: Connection
metadata:
  name: broker
spec:
  type: redis
  url: redis://broker.example:6379
"""
_MQTT = """\
# connections/broker.yaml
apiVersion: caseway/v1
kind: Connection
metadata:
  name: broker
spec:
  type: mqtt
  url: mqtt://broker.example:1883
"""


def _with(line: str, connections: str = "  connections: [broker]\n") -> str:
    """A use case whose one workflow has the trigger `line`."""
    head = f"# use-cases/demo/usecase.yaml\nspec:\n{connections}  workflows:\n"
    return f"{head}    - id: main\n      file: workflows/main.yaml\n      triggers:\n        - {line}\n"


def _poll(items: str) -> str:
    request = "request: {endpoint: 'https://desk.example/tickets'}"
    return _with(f"{{id: new, type: poll, every: 5m, {request}, items: '{items}', key: '${{ .id }}'}}", "")


_WRONG = _with("{id: orders, type: queue, connection: broker, topic: orders, key: .id}")
_NAMED = _with("{id: orders, type: queue, connection: broker, topic: orders, key: .payload.id}")
_STREAM = _with("{id: orders, type: queue, connection: broker, stream: orders}")

RULES = (
    Rule(
        code="CW631",
        name="undeclared-broker",
        severity=Severity.ERROR,
        summary="a queue trigger takes messages from a connection that the use case does not declare",
        why="An instance is told of nothing but what its use case declares: no message would ever be taken.",
        example_bad=f"{_BROKER}{_with('{id: orders, type: queue, connection: broker, stream: orders}', '')}",
        example_good=f"{_BROKER}{_STREAM}",
        check=fetching.undeclared_broker,
    ),
    Rule(
        code="CW632",
        name="unfit-broker",
        severity=Severity.ERROR,
        summary="a queue trigger asks its connection for what its type does not have",
        why="Redis has streams and lists, AMQP queues, NATS subjects, MQTT topics.",
        example_bad=f"{_BROKER}{_WRONG}",
        example_good=f"{_BROKER}{_STREAM}",
        check=fetching.unfit_broker,
    ),
    Rule(
        code="CW633",
        name="unreadable-fetch",
        severity=Severity.ERROR,
        summary="the request or an expression of a queue or poll trigger cannot be read",
        why="Every look would fail, long after the change was reviewed.",
        example_bad=_poll("${ .tickets[ }"),
        example_good=_poll("${ .tickets[] }"),
        check=fetching.unreadable_fetch,
    ),
    Rule(
        code="CW634",
        name="nameless-messages",
        severity=Severity.WARNING,
        summary="messages of MQTT are taken without a key",
        why="A broker sends a message again when its acknowledgement was lost, and MQTT gives messages no id "
        "by which a copy is known.",
        example_bad=f"{_MQTT}{_with('{id: orders, type: queue, connection: broker, topic: orders}')}",
        example_good=f"{_MQTT}{_NAMED}",
        check=fetching.nameless_messages,
    ),
)

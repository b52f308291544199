"""Every example of the specification runs: against a local stand-in where it names a service of the internet,
against a real server or broker where the protocol is the point."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import TimedMailbox, VirtualClock, a_workflow, processes_allowed, run, setting
from serving import broker, free_port

from caseway_runner import (
    ContainerRequest,
    ContainerResult,
    EventLog,
    Limits,
    Outcome,
    Policy,
    Status,
    StubAnswer,
    folder_files,
)
from caseway_runner.yaml_text import read_yaml

EXAMPLES = Path(__file__).parents[3] / "shared" / "reference" / "spec" / "examples"
PAGE = Path(__file__).parents[2] / "docs" / "workflow-language.md"
pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="needs the specification's examples in ../shared/reference/spec"
)
PET = {"petId": 1, "name": "Laika"}
OPENAPI = {
    "openapi": "3.0.3",
    "info": {"title": "x", "version": "1"},
    "servers": [{"url": "http://myorg.io"}],
    "paths": {
        "/log": {"post": {"operationId": "logreading", "responses": {}}},
        "/report": {"post": {"operationId": "produceReport", "responses": {}}},
    },
}
SWAGGER = {
    "swagger": "2.0",
    "host": "petstore.swagger.io",
    "basePath": "/v2",
    "schemes": ["https"],
    "paths": {
        "/pet/findByStatus": {
            "get": {
                "operationId": "findPetsByStatus",
                "parameters": [{"name": "status", "in": "query", "type": "string"}],
                "responses": {},
            }
        }
    },
}
LOG = {"input": {"from": "."}, "set": {"logged": "${ .message }"}}
MESSAGES = [
    {"cid": "u1", "from": {"firstName": "Cruella", "lastName": "de Vil"}, "n": n} for n in range(6)
] + [{"cid": "u2", "from": {"firstName": "Someone", "lastName": "else"}}]
PERSON = {"userId": "u1", "contact": {"firstName": "Cruella", "lastName": "de Vil"}}


def asyncapi(server: dict[str, Any]) -> dict[str, Any]:
    """The document of `https://fake.com/docs/asyncapi.json`."""
    return {
        "asyncapi": "3.0.0",
        "servers": {"staging": server},
        "channels": {
            "pets": {"address": "pets", "messages": {"m": {}}},
            "notifications": {
                "address": "/notifications",
                "messages": {"m": {"correlationId": {"location": "$message.payload#/cid"}}},
            },
        },
        "operations": {
            "findPetsByStatus": {"action": "send", "channel": {"$ref": "#/channels/pets"}},
            "getNotifications": {"action": "receive", "channel": {"$ref": "#/channels/notifications"}},
        },
    }


@dataclass
class Web:
    """The internet of the examples: what was asked of it, and what it answers."""

    asyncapi_server: dict[str, Any] = field(default_factory=lambda: {"host": "fake.com", "protocol": "http"})
    failing: dict[str, list[int]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        url = str(request.url.copy_with(query=None))
        statuses = self.failing.get(url)
        if statuses:
            return httpx.Response(statuses.pop(0))
        if url in self.pages():
            return httpx.Response(200, json=self.pages()[url])
        if url == "http://fake.com/notifications":
            lines = "".join(json.dumps(message) + "\n" for message in MESSAGES)
            return httpx.Response(200, headers={"content-type": "application/x-ndjson"}, content=lines)
        return httpx.Response(200, json={"path": request.url.path})

    def pages(self) -> dict[str, Any]:
        token = {"access_token": "t0ken", "token_type": "Bearer", "expires_in": 60}
        realm = "http://keycloak/realms/fake-authority"
        catalog = "https://raw.githubusercontent.com/serverlessworkflow/catalog/main/functions"
        return {
            "https://petstore.swagger.io/v2/pet/1": PET,
            "https://petstore.swagger.io/v2/swagger.json": SWAGGER,
            "https://petstore.swagger.io/v2/pet/findByStatus": [PET],
            "http://myorg.io/ordersservices.json": OPENAPI,
            "https://swapi.dev/api/people/1": {"homeworld": "https://swapi.dev/api/planets/1"},
            "https://swapi.dev/api/planets/1": {"name": "Tatooine"},
            "https://fake.com/docs/asyncapi.json": asyncapi(self.asyncapi_server),
            f"{realm}/auth/token": token,
            f"{realm}/token": token,
            f"{realm}/.well-known/openid-configuration": {"token_endpoint": f"{realm}/token"},
            f"{catalog}/log/1.0.0/function.yaml": LOG,
        }

    def said(self) -> list[str]:
        """The requests, but those for tokens and documents."""
        hidden = ("/token", ".json", "openid-configuration", "function.yaml")
        texts = [f"{item.method} {item.url.path}" for item in self.requests]
        return [text for text in texts if not text.endswith(hidden)]


class Engine:
    """A container engine that says what it was asked."""

    async def run(self, request: ContainerRequest, /) -> ContainerResult:
        return ContainerResult(
            0, f"{request.image} {request.name} {request.pull_policy} {request.cleanup}", "warned"
        )


Check = Callable[[Outcome, Web], Any]


@dataclass(frozen=True)
class Scene:
    """What surrounds an example, and what has to come of it: `seen(outcome, web) == expected`. One that does
    not end by itself has the first of `seconds` in which all of that comes."""

    seen: Check
    expected: Any
    input: Any = None
    events: tuple[dict[str, Any], ...] = ()
    secrets: dict[str, Any] = field(default_factory=dict)
    failing: dict[str, tuple[int, ...]] = field(default_factory=dict)
    status: Status = Status.COMPLETED
    seconds: tuple[float, ...] = (240.0,)


def output(outcome: Outcome, _web: Web) -> Any:
    return outcome.output


def said(_outcome: Outcome, web: Web) -> Any:
    return web.said()


def bearer(outcome: Outcome, web: Web) -> Any:
    return outcome.output, web.requests[-1].headers.get("authorization")


def error(outcome: Outcome, _web: Web) -> Any:
    return outcome.error and (outcome.error.status, outcome.error.title)


def asked(_outcome: Outcome, web: Web) -> Any:
    return str(web.requests[-1].url)


def events(*kinds: str, **more: Any) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"id": str(at), "source": "https://my.home.com/sensor", "type": kind, **more}
        for at, kind in enumerate(kinds)
    )


VITALS = "com.fake-hospital.vitals.measurements."
HOT = {"id": "1", "source": "http://s", "type": VITALS + "temperature", "data": {"temperature": 39}}
COOL = {**HOT, "id": "0", "data": {"temperature": 37}}
FAST = {"id": "2", "source": "http://s", "type": VITALS + "bpm", "data": {"bpm": 120}}
GONE = {"id": "3", "source": "http://s", "type": "com.fake-hospital.patient.checked-out", "data": {}}
PATIENT = {"patient": {"fullName": "A"}, "room": {"number": 7}}
CLIENT = {"authority": "http://keycloak/realms/fake-authority", "grant": "client_credentials"}
CLIENT |= {"client": {"id": "me", "secret": "s"}, "endpoints": {"token": "/auth/token"}}  # type: ignore[dict-item]
SOLD = ["GET /v2/pet/1", "PUT /v2/pet/1"]
GET_PET = ["GET /v2/pet/1"]
READ = {"foo": "bar"}
ONE = {"petId": 1, "token": "t0ken"}
LIMITED = {"pet": "https://petstore.swagger.io/v2/pet/1"}
WITH_TOKEN = (PET, "Bearer t0ken")

SCENES: dict[str, Scene] = {
    # As written it wants `.data` of what is an array of events.
    "accumulate-room-readings": Scene(
        error,
        (400, "Expression Error"),
        {"readings": []},
        events("my.home.sensors.temperature", "my.home.sensors.humidity", roomid="hall", data={"reading": 1}),
        status=Status.FAULTED,
    ),
    "authentication-bearer": Scene(bearer, WITH_TOKEN, ONE),
    "authentication-bearer-uri-format": Scene(bearer, WITH_TOKEN, ONE),
    "authentication-oauth2": Scene(bearer, WITH_TOKEN, ONE),
    "authentication-oauth2-secret": Scene(bearer, WITH_TOKEN, ONE, secrets={"mySecret": CLIENT}),
    "authentication-oidc": Scene(bearer, WITH_TOKEN, ONE),
    "authentication-oidc-secret": Scene(bearer, WITH_TOKEN, ONE, secrets={"mySecret": CLIENT}),
    "authentication-reusable": Scene(bearer, WITH_TOKEN, ONE),
    "call-asyncapi-subscribe-consume-forever-foreach": Scene(lambda o, _: len(o.output), 6, PERSON),
    "call-asyncapi-subscribe-consume-until": Scene(lambda o, _: len(o.output), 6, PERSON),
    "call-asyncapi-subscribe-consume-while": Scene(lambda o, _: len(o.output), 6, PERSON),
    "call-custom-function-cataloged": Scene(output, {"logged": "Hello, world!"}),
    "call-custom-function-inline": Scene(said, ["GET /v2/pet/69"]),
    "call-http-endpoint-interpolation": Scene(output, PET, ONE),
    "call-http-endpoint-interpolation-shorthand": Scene(output, PET, ONE),
    "call-http-query-headers-expressions": Scene(
        asked, "https://swapi.dev/api/people/?search=leia", {"searchQuery": "leia"}
    ),
    "call-http-query-parameters": Scene(
        asked, "https://swapi.dev/api/people/?search=leia", {"searchQuery": "leia"}
    ),
    "call-http-redirect": Scene(
        lambda o, _: o.status,
        Status.COMPLETED,
        {"searchQuery": "x"},
        failing={"https://swapi.dev/api/people/": (302,)},
    ),
    "call-mcp": Scene(lambda o, _: o.output["called"], "conversations_add_message"),
    "call-openapi": Scene(output, [PET]),
    "call-openapi-redirect": Scene(asked, "https://petstore.swagger.io/v2/pet/findByStatus?status=available"),
    "conditional-task": Scene(
        error, (400, "Access Forbidden"), {"customer": {"age": 17}}, status=Status.FAULTED
    ),
    "do-multiple": Scene(said, SOLD, ONE),
    "do-single": Scene(output, PET, ONE),
    "emit": Scene(lambda o, _: o.status, Status.COMPLETED),
    # As written it wants `.pets` of what is an array of events.
    "for": Scene(
        error,
        (400, "Expression Error"),
        {"pets": [{"id": 1}, {"id": 2}], "vet": "Ann"},
        events(*["com.fake.petclinic.pets.checkup.completed.v2"] * 2),
        status=Status.FAULTED,
    ),
    "fork": Scene(lambda o, _: "/api/v3/alert/" in o.output["path"], True, PATIENT),
    "listen-to-all": Scene(output, [HOT["data"], FAST["data"]], events=(COOL, HOT, FAST)),
    "listen-to-all read-envelope": Scene(output, [HOT, FAST], events=(COOL, HOT, FAST)),
    "listen-to-any": Scene(output, [COOL["data"]], events=(COOL, HOT)),
    "listen-to-any-filter": Scene(output, [HOT["data"]], events=(COOL, HOT, FAST)),
    "listen-to-any-forever-foreach": Scene(
        said,
        ["POST /room/5", "POST /room/5"],
        None,
        tuple({**one, "data": {"roomId": 5}} for one in (COOL, HOT)),
        status=Status.FAULTED,
        seconds=(2.0, 20.0, 120.0),
    ),
    "listen-to-any-until-condition": Scene(lambda o, _: len(o.output), 4, events=(COOL, HOT, FAST, GONE)),
    "listen-to-any-until-consumed": Scene(
        output, [HOT["data"], FAST["data"]], events=(COOL, HOT, FAST, GONE)
    ),
    # As written the events are the input, and have no `carId`.
    "listen-to-one": Scene(
        said,
        ["POST /api/v4/cars//start"],
        {"carId": 7},
        events("com.virtual-wf-powered-race.events.race.started.v1"),
    ),
    # As written it asks whether an object starts with a text.
    "mock-service-extension": Scene(error, (400, "Expression Error"), status=Status.FAULTED),
    "raise-inline": Scene(error, (500, "Not Implemented"), status=Status.FAULTED),
    "raise-reusable": Scene(error, (500, "Not Implemented"), status=Status.FAULTED),
    "run-container": Scene(output, "hello-world  ifNotPresent never"),
    "run-container-cleanup-always": Scene(output, "hello-world  ifNotPresent always"),
    "run-container-cleanup-eventually": Scene(output, "hello-world  ifNotPresent eventually"),
    "run-container-stdin-and-arguments": Scene(output, "alpine  ifNotPresent never"),
    "run-container-with-name": Scene(output, "hello-world hello-null-null-null ifNotPresent never"),
    "run-container-with-pull-policy": Scene(output, "hello-world  always never"),
    "run-return-all": Scene(
        output, {"code": 0, "stdout": "hello-world  ifNotPresent never", "stderr": "warned"}
    ),
    "run-return-code": Scene(output, 0),
    "run-return-none": Scene(output, None),
    "run-return-stderr": Scene(output, "warned"),
    "run-script-with-stdin-and-arguments": Scene(
        output, "stdin >  Hello Workflow\narg >  hello\nenv >  bar\n"
    ),
    "run-shell-stdin-and-arguments": Scene(output, "STDIN was: Hello World\nARGS are Foo Bar\n"),
    "run-subflow": Scene(output, {"registered": {"customer": ".user"}}, {"user": "Ann"}),
    "schedule-cron": Scene(said, ["POST /api/v1/backup/start"]),
    "schedule-event-driven": Scene(
        lambda _, web: json.loads(web.requests[-1].content)["patientName"],
        "Ann",
        [{"data": {"patient": {"name": "Ann"}}}],
    ),
    "set": Scene(output, {"startEvent": READ}, [READ]),
    "set-expression": Scene(output, READ, [READ]),
    "star-wars-homeworld": Scene(output, {"name": "Tatooine"}, {"id": 1}),
    "switch-then-string": Scene(
        output, {"validate": True, "status": "fulfilled"}, {"orderType": "electronic"}
    ),
    "try-catch": Scene(output, ONE, ONE, failing={LIMITED["pet"]: (404,)}),
    "try-catch-retry-inline": Scene(said, GET_PET * 3, ONE, failing={LIMITED["pet"]: (503, 503)}),
    "try-catch-retry-reusable": Scene(said, GET_PET * 3, ONE, failing={LIMITED["pet"]: (503, 503)}),
    # As written `set` has the text "$error"; `export` has the error itself, so that nothing is bought.
    "try-catch-then": Scene(
        lambda o, web: (o.output, web.said()),
        ({"error": "$error"}, GET_PET),
        ONE,
        failing={LIMITED["pet"]: (404,)},
    ),
    "wait-duration-inline": Scene(output, READ, READ),
    "wait-duration-iso8601": Scene(output, READ, READ),
}
ELSEWHERE = {
    "call-asyncapi-publish",
    "call-asyncapi-subscribe-consume-amount",
    "call-grpc",
}  # tests of their own below


def example(stem: str) -> Any:
    return read_yaml((EXAMPLES / f"{stem}.yaml").read_text())


def child(_namespace: str, name: str, _version: str) -> Any:
    return a_workflow(setting("s", {"registered": "${ . }"}), name=name)


def played(stem: str, scene: Scene, seconds: float) -> tuple[Outcome, Web]:
    web, clock = Web(failing={url: list(codes) for url, codes in scene.failing.items()}), VirtualClock()
    outcome = run(
        example(stem),
        scene.input,
        clock=clock,
        http_transport=httpx.MockTransport(web),
        mailbox=TimedMailbox(clock, [(at + 1.0, event) for at, event in enumerate(scene.events)]),
        events=EventLog(),
        secrets=scene.secrets.__getitem__,
        workflows=child,
        containers=Engine(),
        policy=Policy(processes=True, limits=Limits(wall_seconds=seconds)),
        stub=lambda call: (
            StubAnswer({"called": call.arguments["parameters"]["name"]}) if call.kind == "mcp" else None
        ),
    )
    return outcome, web


@pytest.mark.parametrize("stem", SCENES)
def test_an_example_does_what_it_says(stem: str) -> None:
    if stem.startswith("run-script") and shutil.which("node") is None:
        pytest.skip("JavaScript needs node, which is not installed")
    scene = SCENES[stem]
    for seconds in scene.seconds:
        outcome, web = played(stem, scene, seconds)
        if scene.seen(outcome, web) == scene.expected:
            break
    assert (outcome.status, outcome.error if scene.status is Status.COMPLETED else None) == (
        scene.status,
        None,
    )
    assert scene.seen(outcome, web) == scene.expected


def test_no_example_is_left_out() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == set(SCENES) | ELSEWHERE


def test_every_example_has_a_row_in_the_page_about_the_language() -> None:
    page = PAGE.read_text()
    assert [path.stem for path in EXAMPLES.glob("*.yaml") if f"| `{path.stem}` |" not in page] == []


@pytest.fixture
def redis_port() -> Iterator[int]:
    port = free_port()
    command = [
        "redis-server",
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--requirepass",
        "pw",
    ]
    with broker(command, port):
        yield port


def test_the_example_that_publishes_does_so_with_a_real_broker(redis_port: int) -> None:
    redis = pytest.importorskip("redis", reason="the extra caseway[asyncapi] is not installed")
    web = Web({"host": f"127.0.0.1:{redis_port}", "protocol": "redis"})
    with redis.Redis(port=redis_port, password="pw") as client, client.pubsub() as listener:
        listener.subscribe("pets")
        assert listener.get_message(timeout=120)["type"] == "subscribe"
        outcome = run(
            example("call-asyncapi-publish"),
            {"pet": {"id": 5}, "token": "pw"},
            http_transport=httpx.MockTransport(web),
        )
        assert outcome.status is Status.COMPLETED, outcome.error
        assert json.loads(listener.get_message(timeout=120)["data"]) == {"petId": 5}


@pytest.fixture
def socket_port() -> Iterator[int]:
    """A WebSocket server that sends the messages to whoever comes."""
    websockets = pytest.importorskip(
        "websockets.sync.server", reason="the extra caseway[asyncapi] is not installed"
    )

    def talk(connection: Any) -> None:
        for message in MESSAGES:
            connection.send(json.dumps(message))
        for _ in connection:  # until the other side leaves
            continue

    with websockets.serve(talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join()


def test_the_example_that_consumes_five_messages_does_so_over_a_real_socket(socket_port: int) -> None:
    web = Web({"host": f"127.0.0.1:{socket_port}", "protocol": "ws"})
    outcome = run(
        example("call-asyncapi-subscribe-consume-amount"), PERSON, http_transport=httpx.MockTransport(web)
    )
    assert outcome.status is Status.COMPLETED, outcome.error
    assert [message["payload"]["n"] for message in outcome.output] == [0, 1, 2, 3, 4]


PROTO = """
syntax = "proto3";
package GreeterApi;
message Request { string name = 1; }
message Reply { string text = 1; }
service Greeter { rpc SayHello (Request) returns (Reply); }
"""


def test_the_grpc_example_meets_a_real_server(tmp_path: Path) -> None:
    grpc = pytest.importorskip("grpc", reason="the extra caseway[grpc] is not installed")
    pytest.importorskip("grpc_tools.protoc", reason="the extra caseway[grpc] is not installed")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "greet.proto").write_text(PROTO)

    def hello(request: bytes, _context: Any) -> bytes:
        text = b"Hello " + request[2:]
        return b"\x0a" + bytes([len(text)]) + text

    server = grpc.server(futures.ThreadPoolExecutor(1))
    handlers = {"SayHello": grpc.unary_unary_rpc_method_handler(hello)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("GreeterApi.Greeter", handlers),))
    try:
        server.add_insecure_port("localhost:5011")
    except RuntimeError:
        pytest.skip("the example names port 5011, and somebody else listens there")
    server.start()
    try:
        outcome = run(
            example("call-grpc"),
            {"user": {"preferredDisplayName": "Ann"}},
            files=folder_files(tmp_path),
            policy=processes_allowed(),
        )
    finally:
        server.stop(None).wait()
    assert outcome.output == {"text": "Hello Ann"}, outcome.error

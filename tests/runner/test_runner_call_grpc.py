"""`call: grpc` against a real gRPC server, whose code protoc generated from the same proto files."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import ERRORS, VirtualClock, a_workflow, run, server
from serving import wait_until

from caseway_runner import (
    Limits,
    MemoryJournal,
    Outcome,
    Policy,
    Status,
    StubAnswer,
    StubCall,
    folder_files,
    problems,
)
from caseway_runner.yaml_text import read_yaml

grpc = pytest.importorskip("grpc", reason="the extra caseway[grpc] is not installed")
protoc = pytest.importorskip("grpc_tools.protoc", reason="the extra caseway[grpc] is not installed")

TYPES = """
syntax = "proto3";
package greeting.types;
message Person { string display_name = 1; int64 age = 2; repeated string titles = 3; }
"""
GREET = """
syntax = "proto3";
package greeting;
import "types.proto";
import "google/protobuf/timestamp.proto";
// import "not/there.proto";
message Greeting { string text = 1; int32 count = 2; google.protobuf.Timestamp at = 3; string key = 4; }
service Greeter {
  rpc SayHello (greeting.types.Person) returns (Greeting);
  rpc SayOften (greeting.types.Person) returns (stream Greeting);
  rpc Collect (stream greeting.types.Person) returns (Greeting);
  rpc WhoAmI (greeting.types.Person) returns (Greeting);
}
"""


class Service:
    """What the server knows of its callers, and where it listens."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.calls: list[str] = []


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("proto")
    for name, text in {"types.proto": TYPES, "greet.proto": GREET}.items():
        (folder / name).write_text(text)
    known = Path(protoc.__file__).parent / "_proto"
    arguments = ["", f"-I{folder}", f"-I{known}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    assert protoc.main([*arguments, str(folder / "types.proto"), str(folder / "greet.proto")]) == 0
    sys.path.insert(0, str(folder))
    try:
        messages, stubs = importlib.import_module("greet_pb2"), importlib.import_module("greet_pb2_grpc")
    finally:
        sys.path.remove(str(folder))
    server = grpc.server(futures.ThreadPoolExecutor(4))
    known_service = Service(server.add_insecure_port("127.0.0.1:0"))

    class Greeter(stubs.GreeterServicer):  # type: ignore[misc, name-defined]
        def SayHello(self, request: Any, context: Any) -> Any:
            known_service.calls.append(request.display_name)
            if request.display_name == "slow":
                while context.is_active():
                    time.sleep(0.02)
                known_service.calls.append("given up")
            if request.display_name == "nobody":
                context.abort(grpc.StatusCode.NOT_FOUND, "there is nobody")
            key = dict(context.invocation_metadata()).get("idempotency-key", "")
            return messages.Greeting(text=f"Hello {request.display_name}", count=0, key=key)

        def SayOften(self, request: Any, context: Any) -> Any:
            for at in range(request.age):
                yield messages.Greeting(text=request.display_name, count=at)

        def Collect(self, requests: Any, context: Any) -> Any:
            return messages.Greeting(text=" and ".join(one.display_name for one in requests))

        def WhoAmI(self, request: Any, context: Any) -> Any:
            return messages.Greeting(text=dict(context.invocation_metadata()).get("authorization", ""))

    stubs.add_GreeterServicer_to_server(Greeter(), server)
    server.start()
    yield known_service
    server.stop(0).wait()


def files(path: str) -> bytes:
    return {"app/greet.proto": GREET, "app/types.proto": TYPES, "app/bad.proto": "syntax = nonsense"}[
        path
    ].encode()


def greeting(port: int, method: str = "SayHello", **more: Any) -> dict[str, Any]:
    parts = {
        "proto": {"endpoint": "file://app/greet.proto"},
        "service": {"name": "greeting.Greeter", "host": "localhost", "port": port, **more.pop("service", {})},
        "method": method,
        **more,
    }
    return a_workflow(
        {"greet": {"call": "grpc", "with": parts}}, **({"use": more["use"]} if "use" in more else {})
    )


def call(document: dict[str, Any], input: Any = None, **ports: Any) -> Outcome:
    return run(document, input, files=files, **ports)


def test_a_method_answers_with_its_message_as_json(service: Service) -> None:
    outcome = call(greeting(service.port, arguments={"displayName": "${ .name }"}), {"name": "Ann"})
    assert outcome.status is Status.COMPLETED, outcome.error
    assert outcome.output == {"text": "Hello Ann", "count": 0, "key": "run-1:/do/0/greet"}


def test_names_may_be_spelt_as_in_the_proto_file(service: Service) -> None:
    outcome = call(greeting(service.port, arguments={"display_name": "Bo"}))
    assert outcome.output["text"] == "Hello Bo"


def test_a_server_stream_becomes_a_list(service: Service) -> None:
    outcome = call(greeting(service.port, "SayOften", arguments={"displayName": "x", "age": 3}))
    assert [one["count"] for one in outcome.output] == [0, 1, 2]


def test_an_empty_server_stream_is_an_empty_list(service: Service) -> None:
    assert call(greeting(service.port, "SayOften")).output == []


def test_a_client_stream_gets_one_message(service: Service) -> None:
    assert call(greeting(service.port, "Collect", arguments={"displayName": "y"})).output["text"] == "y"


def test_a_stream_larger_than_the_limit_ends_the_execution(service: Service) -> None:
    arguments = {"displayName": "x" * 100, "age": 1000}
    policy = Policy(limits=Limits(output_bytes=2000))
    outcome = call(greeting(service.port, "SayOften", arguments=arguments), policy=policy)
    assert (outcome.status, outcome.reason) == (Status.FAULTED, "limit")


def test_a_status_other_than_ok_is_a_communication_error(service: Service) -> None:
    outcome = call(greeting(service.port, arguments={"displayName": "nobody"}))
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.status) == (ERRORS + "communication", 404)
    assert "there is nobody" in outcome.error.detail


def test_a_server_that_is_not_there_is_a_communication_error() -> None:
    outcome = call(greeting(1))
    assert outcome.error is not None
    assert (outcome.error.type, outcome.error.status) == (ERRORS + "communication", 503)


@pytest.mark.parametrize(
    ("policy", "sent"),
    [
        ({"bearer": {"token": "t0k"}}, "Bearer t0k"),
        ({"basic": {"username": "u", "password": "p"}}, "Basic dTpw"),
    ],
)
def test_credentials_travel_as_metadata(service: Service, policy: Any, sent: str) -> None:
    outcome = call(greeting(service.port, "WhoAmI", service={"authentication": policy}))
    assert outcome.output["text"] == sent


def test_unknown_services_and_methods_are_named_with_what_there_is(service: Service) -> None:
    outcome = call(greeting(service.port, "SayBye"))
    assert outcome.error is not None and outcome.error.type == ERRORS + "configuration"
    assert "SayHello" in outcome.error.detail
    outcome = call(greeting(service.port, service={"name": "Greeter"}))
    assert outcome.error is not None and "greeting.Greeter" in outcome.error.detail


def test_arguments_that_do_not_fit_the_message_are_a_validation_error(service: Service) -> None:
    before = len(service.calls)
    outcome = call(greeting(service.port, arguments={"nonsense": 1}))
    assert outcome.error is not None and outcome.error.type == ERRORS + "validation"
    assert len(service.calls) == before


@pytest.mark.parametrize("file", ["app/bad.proto", "app/none.proto", "../etc/passwd"])
def test_a_proto_file_that_is_bad_or_missing_is_a_configuration_error(service: Service, file: str) -> None:
    outcome = call(greeting(service.port, proto={"endpoint": f"file://{file}"}))
    assert outcome.error is not None and outcome.error.type == ERRORS + "configuration"


def test_the_policy_says_which_hosts_may_be_called(service: Service) -> None:
    outcome = call(greeting(service.port), policy=Policy(hosts=("localhost:1",)))
    assert outcome.error is not None and outcome.error.type == ERRORS + "authorization"
    assert (
        call(greeting(service.port), policy=Policy(hosts=(f"localhost:{service.port}",))).output is not None
    )


def test_a_stub_answers_instead_and_sees_the_arguments() -> None:
    seen: list[StubCall] = []

    def stub(asked: StubCall) -> StubAnswer:
        seen.append(asked)
        return StubAnswer(output={"text": "stubbed"})

    outcome = call(greeting(1, arguments={"displayName": "${ .n }"}), {"n": "Ann"}, stub=stub)
    assert outcome.output == {"text": "stubbed"}
    assert (seen[0].kind, seen[0].arguments["arguments"]) == ("grpc", {"displayName": "Ann"})


def test_a_call_that_is_in_the_journal_is_not_made_again(service: Service) -> None:
    journal = MemoryJournal()
    document = greeting(service.port, arguments={"displayName": "once"})
    first = call(document, journal=journal)
    again = call(document, journal=journal, clock=VirtualClock())
    assert again.output == first.output
    assert service.calls.count("once") == 1


def test_a_timeout_of_the_task_gives_the_call_up(service: Service) -> None:
    document = greeting(service.port, arguments={"displayName": "slow"})
    for seconds in (2, 60):  # until it is long enough for the call to arrive
        document["do"][0]["greet"]["timeout"] = {"after": {"seconds": seconds}}
        outcome = call(document)
        assert outcome.error is not None and outcome.error.type == ERRORS + "timeout"
        if "slow" in service.calls:
            break
    wait_until(lambda: "given up" in service.calls, "the end of the call")


def test_the_command_reads_proto_files_beside_the_workflow(service: Service, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "greet.proto").write_text(GREET)
    (tmp_path / "app" / "types.proto").write_text(TYPES)
    (tmp_path / "flow.json").write_text(json.dumps(greeting(service.port, arguments={"displayName": "Cy"})))
    command = [sys.executable, "-m", "caseway_runner", "run", str(tmp_path / "flow.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["output"]["text"] == "Hello Cy"


def test_the_example_of_the_specification_runs() -> None:
    file = Path(__file__).parents[3] / "shared" / "reference" / "spec" / "examples" / "call-grpc.yaml"
    if not file.is_file():
        pytest.skip("the specification is not at hand")
    document = read_yaml(file.read_text())
    text = """syntax = "proto3"; package GreeterApi;
    message Who { string name = 1; }
    message Hello { string message = 1; }
    service Greeter { rpc SayHello (Who) returns (Hello); }"""
    hello = grpc.unary_unary_rpc_method_handler(lambda request, _: request)  # both have one text, field 1
    answers = grpc.server(futures.ThreadPoolExecutor(1))
    answers.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("GreeterApi.Greeter", {"SayHello": hello})]
    )
    document["do"][0]["greet"]["with"]["service"]["port"] = answers.add_insecure_port("127.0.0.1:0")
    answers.start()
    try:
        outcome = run(
            document,
            {"user": {"preferredDisplayName": "Ann"}},
            files={"app/greet.proto": text.encode()}.__getitem__,
        )
    finally:
        answers.stop(0).wait()
    assert outcome.output == {"message": "Ann"}


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "grpc", None)
    outcome = call(greeting(1))
    assert outcome.error is not None and outcome.error.type == ERRORS + "configuration"
    assert "pip install 'caseway[grpc]'" in outcome.error.detail


def test_files_come_from_the_folder_and_never_from_beside_it(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "inside" / "a.proto").write_text("a")
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "secret")
    read = folder_files(tmp_path / "inside")
    assert read("a.proto") == b"a"
    for path in ("../secret", "link", "none", str(tmp_path / "secret"), "."):
        with pytest.raises(KeyError):
            read(path)


def test_imports_are_found_beside_the_file_over_http(service: Service) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text={"/p/greet.proto": GREET, "/p/types.proto": TYPES}[request.url.path])

    document = greeting(service.port, proto={"endpoint": "http://files/p/{name}.proto"})
    outcome = run(document, {"name": "greet"}, http_transport=server(answer))
    assert outcome.status is Status.COMPLETED, outcome.error


@pytest.mark.parametrize(
    ("parts", "pointer", "kind"),
    [
        ({"service": {"port": 70000}}, "/service/port", "schema"),
        ({"service": {"host": "a host"}}, "/service/host", "schema"),
        ({"arguments": [1]}, "/arguments", "schema"),
        ({"method": 1}, "/method", "schema"),
        ({"proto": {}}, "/proto", "schema"),
        ({"more": 1}, "/more", "schema"),
        (
            {"service": {"authentication": {"digest": {"username": "u", "password": "p"}}}},
            "/service/authentication",
            "unsupported",
        ),
    ],
)
def test_flaws_are_found_before_running(parts: dict[str, Any], pointer: str, kind: str) -> None:
    found = [(problem.pointer, problem.kind) for problem in problems(greeting(1, **parts))]
    assert found == [("/do/0/greet/with" + pointer, kind)]

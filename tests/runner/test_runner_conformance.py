"""The official conformance features, run as they are, with a stand-in for the public services they call."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from gherkin.parser import Parser
from running import names, run, server

from caseway_runner import Status

FEATURES = Path(__file__).parents[3] / "shared" / "reference" / "spec" / "ctk"


def scenarios() -> list[Any]:
    found = []
    for path in sorted(FEATURES.glob("*.feature")):
        feature = Parser().parse(path.read_text())["feature"]
        for child in feature["children"]:
            scenario = child["scenario"]
            found.append(pytest.param(scenario["steps"], id=f"{path.stem}: {scenario['name']}"))
    return found or [pytest.param(None, marks=pytest.mark.skip("the conformance features are not here"))]


def public_services(request: httpx.Request) -> httpx.Response:
    """What petstore.swagger.io and httpbin.org answer."""
    host, path = request.url.host, request.url.path
    pet = {"id": 1, "name": "Milou", "status": "available"}
    if host == "httpbin.org":
        is_known = request.headers.get("authorization", "").startswith("Basic ")
        return httpx.Response(200 if is_known else 401, json={"authenticated": is_known})
    if path == "/v2/swagger.json":
        return httpx.Response(200, json=PETSTORE)
    if path == "/v2/pet/findByStatus":
        assert request.url.params["status"] == "available"
        return httpx.Response(200, json=[pet])
    if re.fullmatch(r"/v2/pet/\d+", path):
        return httpx.Response(200, json=pet | {"id": int(path.rsplit("/", 1)[1])})
    return httpx.Response(404, json={"message": "Pet not found"})


PETSTORE: dict[str, Any] = {
    "swagger": "2.0",
    "host": "petstore.swagger.io",
    "basePath": "/v2",
    "schemes": ["https"],
    "paths": {
        "/pet/findByStatus": {
            "get": {
                "operationId": "findPetsByStatus",
                "parameters": [{"name": "status", "in": "query", "required": True, "type": "string"}],
            }
        },
        "/pet/{petId}": {
            "get": {
                "operationId": "getPetById",
                "parameters": [{"name": "petId", "in": "path", "required": True, "type": "integer"}],
            }
        },
    },
}


def at(value: Any, path: str) -> Any:
    for part in path.split("."):
        assert isinstance(value, dict) and part in value, f"{path} is not in {json.dumps(value)[:300]}"
        value = value[part]
    return value


def check_output(text: str, wanted: Any, output: Any) -> bool:
    if match := re.fullmatch(r"the workflow output should have properties (.+)", text):
        for path in re.findall(r"'([^']+)'", match.group(1)):
            at(output, path)
    elif match := re.fullmatch(r"the workflow output should have a '([^']+)' property with value:", text):
        assert at(output, match.group(1)) == wanted
    elif match := re.fullmatch(
        r"the workflow output should have a '([^']+)' property containing (\d+) items", text
    ):
        assert len(at(output, match.group(1))) == int(match.group(2))
    else:
        return False
    return True


def check_order(text: str, ran: list[str]) -> bool:
    if match := re.fullmatch(r"(\w+) should run first", text):
        assert ran[0] == match.group(1)
    elif match := re.fullmatch(r"(\w+) should run last", text):
        assert ran[-1] == match.group(1)
    elif match := re.fullmatch(r"(\w+) should run after (\w+)", text):
        assert ran.index(match.group(1)) > ran.index(match.group(2))
    else:
        return False
    return True


def check(text: str, wanted: Any, outcome: Any) -> None:
    if text.startswith("the workflow should complete"):
        assert outcome.status is Status.COMPLETED, outcome.error
        assert wanted is None or outcome.output == wanted
    elif text.startswith("the workflow should fault"):
        assert outcome.status is Status.FAULTED
        if wanted is not None:
            assert wanted.items() <= dict(outcome.error.as_json()).items()
    else:
        done = check_output(text, wanted, outcome.output) or check_order(text, names(outcome))
        assert done, f"this step is not known: {text}"


@pytest.mark.parametrize("steps", scenarios())
def test_the_runner_conforms(steps: list[dict[str, Any]]) -> None:
    document, value, outcome = None, {}, None
    for step in steps:
        content = yaml.safe_load(step["docString"]["content"]) if "docString" in step else None
        text = step["text"].strip()
        if text == "a workflow with definition:":
            document = content
        elif text == "given the workflow input is:":
            value = content
        elif text == "the workflow is executed":
            assert document is not None
            outcome = run(document, value, http_transport=server(public_services))
        else:
            check(text, content, outcome)

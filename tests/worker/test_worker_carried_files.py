"""What a deployed workflow names as `file://…` is there when it runs."""

from __future__ import annotations

import asyncio
import json

from worker_world import carry

from caseway.platform import executions
from caseway.worker.run import run_execution


def test_a_deployed_workflow_finds_the_documents_of_its_project(platform, project, server):
    document = {
        "openapi": "3.0.3",
        "servers": [{"url": server.url}],
        "paths": {"/pets": {"get": {"operationId": "pets", "responses": {}}}},
    }
    call = "{document: {endpoint: 'file://api/pets.json'}, operationId: pets}"
    root = project({"main": f"do:\n  - p: {{call: openapi, with: {call}}}\n"})
    (root / "use-cases" / "demo" / "api").mkdir()
    (root / "use-cases" / "demo" / "api" / "pets.json").write_text(json.dumps(document))
    carry(platform, root)
    new = executions.NewExecution(organization="acme", instance="demo", input={})
    outcome = asyncio.run(run_execution(platform, executions.create(platform, new)))
    assert outcome.output == {"path": "/pets", "n": 1}, outcome.error


def test_so_are_the_files_that_these_refer_to(platform, project, server):
    document = {
        "openapi": "3.0.3",
        "servers": [{"url": server.url}],
        "paths": {"/pets": {"$ref": "parts/paths.yaml#/pets"}},
    }
    call = "{document: {endpoint: 'file://api/pets.json'}, operationId: pets, parameters: {limit: 2}}"
    root = project({"main": f"do:\n  - p: {{call: openapi, with: {call}}}\n"})
    parts = root / "use-cases" / "demo" / "api" / "parts"
    parts.mkdir(parents=True)
    (parts.parent / "pets.json").write_text(json.dumps(document))
    (parts / "paths.yaml").write_text(
        "pets: {get: {operationId: pets, parameters: [{$ref: '../limit.yaml#/limit'}]}}\n"
    )
    (parts.parent / "limit.yaml").write_text("limit: {name: limit, in: query}\n")
    carry(platform, root)
    new = executions.NewExecution(organization="acme", instance="demo", input={})
    for path in (parts / "paths.yaml", parts.parent / "limit.yaml", parts.parent / "pets.json"):
        path.unlink()
    outcome = asyncio.run(run_execution(platform, executions.create(platform, new)))
    assert outcome.status == "completed", outcome.error
    assert outcome.output["path"].startswith("/pets")

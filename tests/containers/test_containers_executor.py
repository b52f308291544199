"""The docker executor: the same engine, inside a container."""

from __future__ import annotations

from containers_world import a_document, a_job, a_place, a_script, left, run_job


def test_an_execution_runs_in_a_container_and_leaves_none(engine, runtime_image):
    document = a_document({"one": {"set": {"twice": "${ .n * 2 }"}}})
    outcome = run_job(engine, a_job(document, a_place(runtime_image), {"n": 21}))
    assert (outcome.status, outcome.output) == ("completed", {"twice": 42})
    assert [task.name for task in outcome.tasks] == ["one"]
    assert left(engine) == []


def test_a_script_runs_as_nobody_with_a_scratch_folder(engine, runtime_image):
    code = "import os, json; open('x', 'w').write('y'); print(json.dumps([os.getuid(), os.getcwd()[:5]]))"
    outcome = run_job(engine, a_job(a_document(a_script(code)), a_place(runtime_image)))
    assert outcome.output == '[10001, "/tmp/"]\n'

"""Events as runners tell them: GitHub's own examples, variables of Gitea and GitLab, payloads that lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.github.event import github_event, read_event
from caseway.github.job import Do, Means, Shape, what_to_do
from caseway.model.desired import Stage
from caseway.model.errors import CasewayError
from github.github_api import webhook_examples

SHAPE = Shape((Stage("dev", branches=("master",)), Stage("prod", tags=("simple-tag", "0.0.1"))))
HANDLED = ("push", "pull_request", "release", "create", "delete", "workflow_dispatch")


@pytest.mark.parametrize("name", HANDLED)
def test_every_example_of_a_real_payload_is_understood(name: str) -> None:
    for payload in webhook_examples()[name]:
        event = github_event({"GITHUB_EVENT_NAME": name}, payload)
        job = what_to_do(event, Means(), SHAPE)
        assert event.repository == payload["repository"]["full_name"]
        assert (job.do is Do.PREVIEW_UP) == (
            name == "pull_request"
            and payload["action"] in {"opened", "synchronize", "reopened", "ready_for_review"}
        )


def test_a_real_request_is_read_whole() -> None:
    payload = next(each for each in webhook_examples()["pull_request"] if each["action"] == "opened")
    request = github_event({"GITHUB_EVENT_NAME": "pull_request"}, payload).pull_request
    assert request is not None
    assert (request.number, request.base_ref, request.is_fork) == (payload["number"], "master", False)
    assert request.head_sha == payload["pull_request"]["head"]["sha"]


def test_a_deleted_tag_deploys_nothing() -> None:
    deleted = [each for each in webhook_examples()["push"] if each["deleted"]]
    jobs = [what_to_do(github_event({"GITHUB_EVENT_NAME": "push"}, each), Means(), SHAPE) for each in deleted]
    assert {job.do for job in jobs} == {Do.NOTHING}


@pytest.mark.parametrize("head", [None, {"full_name": "mallory/app"}, {}, "acme/app", 5])
def test_a_head_that_is_not_clearly_ours_is_a_fork(head: Any) -> None:
    payload = {
        "number": 1,
        "pull_request": {"number": 1, "head": {"repo": head}, "base": {"repo": {"full_name": "acme/app"}}},
    }
    request = github_event({"GITHUB_EVENT_NAME": "pull_request"}, payload).pull_request
    assert request is not None
    assert request.is_fork


@pytest.mark.parametrize("number", [0, -1, "7", None, True, 1.5])
def test_a_request_without_a_number_is_none(number: Any) -> None:
    payload = {"number": number, "pull_request": {}}
    assert github_event({"GITHUB_EVENT_NAME": "pull_request"}, payload).pull_request is None


def test_a_release_stands_for_its_tag() -> None:
    payload = {"action": "published", "release": {"tag_name": "v1.0.0"}}
    variables = {"GITHUB_EVENT_NAME": "release", "GITHUB_REF": "refs/tags/other"}
    assert github_event(variables, payload).ref == "refs/tags/v1.0.0"


def test_a_run_has_an_address_and_a_place_in_the_order() -> None:
    variables = {
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "acme/app",
        "GITHUB_RUN_ID": "77",
        "GITHUB_RUN_NUMBER": "12",
        "GITHUB_RUN_ATTEMPT": "3",
    }
    run = github_event(variables, {}).run
    assert (run.url, run.number, run.attempt) == ("https://github.com/acme/app/actions/runs/77", 12, 3)


GITLAB = {
    "GITLAB_CI": "true",
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_PROJECT_ID": "42",
    "CI_COMMIT_SHA": "c" * 40,
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "42",
    "CI_MERGE_REQUEST_PROJECT_ID": "42",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_PIPELINE_URL": "https://gitlab.test/acme/app/-/pipelines/9",
    "CI_PIPELINE_IID": "9",
}


def test_a_merge_request_of_gitlab_is_a_request() -> None:
    event = read_event(GITLAB)
    assert event.pull_request is not None
    assert (event.name, event.pull_request.number, event.pull_request.is_fork) == ("pull_request", 7, False)
    assert (event.run.number, event.commit) == (9, "c" * 40)


def test_a_merge_request_from_another_project_is_a_fork() -> None:
    event = read_event({**GITLAB, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "43"})
    assert event.pull_request is not None
    assert event.pull_request.is_fork


@pytest.mark.parametrize(
    ("variables", "name", "ref"),
    [
        ({"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"}, "push", "refs/heads/main"),
        ({"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": "v1"}, "push", "refs/tags/v1"),
        ({"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "main"}, "schedule", "refs/heads/main"),
        ({"CI_PIPELINE_SOURCE": "web", "CI_COMMIT_BRANCH": "main"}, "workflow_dispatch", "refs/heads/main"),
    ],
)
def test_gitlabs_other_pipelines(variables: dict[str, str], name: str, ref: str) -> None:
    event = read_event({"GITLAB_CI": "true", **variables})
    assert (event.name, event.ref) == (name, ref)


def test_without_an_event_there_is_nothing_to_do() -> None:
    with pytest.raises(CasewayError) as caught:
        read_event({})
    assert caught.value.code == "no-event"


@pytest.mark.parametrize("content", ["", "[]", "{", "nul", '"text"', "[" * 100_000])
def test_a_file_that_is_no_payload_is_an_error(content: str, tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text(content)
    with pytest.raises(CasewayError) as caught:
        read_event({"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(file)})
    assert (caught.value.code, caught.value.place) == ("event-unreadable", str(file))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    ["action", "number", "pull_request", "repository", "release", "inputs", "head", "base", "repo"]
)
payloads = st.recursive(
    json_values, lambda inner: st.dictionaries(keys, inner, max_size=5), max_leaves=12
).filter(lambda value: isinstance(value, dict))


@given(payloads, st.sampled_from([*HANDLED, "pull_request_target", "x"]))
def test_no_payload_breaks_the_reading(payload: dict[str, Any], name: str) -> None:
    event = github_event({"GITHUB_EVENT_NAME": name}, json.loads(json.dumps(payload)))
    try:
        what_to_do(event, Means(), SHAPE)
    except CasewayError as error:
        assert error.code == "ci-input"

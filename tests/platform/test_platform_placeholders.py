"""Placeholders in an instance's parameters, resolved at deploy."""

from __future__ import annotations

from typing import Any

from caseway.platform.compose import Platform
from caseway.platform.deployment_views import list_deployments
from caseway.platform.executions import NewExecution, claim, create
from caseway.platform.views import get_instance
from chaos.store_builders import (
    ORGANIZATION,
    a_document,
    a_repo,
    a_resource,
    a_use_case,
    a_workflow,
    an_instance,
    applied,
    deployed,
    planned,
)

NAME = "invoice-dev"
DECLARED = {
    "type": "object",
    "properties": {
        "where": {"type": "string"},
        "whole": {"type": "object"},
        "limit": {"type": "integer", "default": 3},
    },
}


def rendering(**body: Any) -> Any:
    """A use case whose workflow sets what its parameters are."""
    task = {"say": {"set": {"where": "$[[ params.where ]]", "limit": "$[[ params.limit ]]"}}}
    flow = a_workflow(definition=a_document("main", do=[task]))
    return a_use_case(parameters=DECLARED, workflows=[flow], **body)


def what_is_set(platform: Platform) -> Any:
    """The values that the deployed workflow has in the place of its placeholders."""
    execution = create(platform, NewExecution(ORGANIZATION, NAME, "main"))
    held = claim(platform, execution, worker="w")
    assert held is not None
    return held.document["do"][0]["say"]["set"]  # type: ignore[index, call-overload]


def test_an_instance_s_parameters_may_name_what_surrounds_it(platform: Platform) -> None:
    where = "$[[ stage ]]/$[[ owner.name ]]/$[[ organization.name ]]/$[[ instance.name ]]"
    deployed(platform, a_repo(rendering(), an_instance(parameters={"where": where})))
    assert what_is_set(platform) == {"where": f"dev/ann/{ORGANIZATION}/{NAME}", "limit": 3}


def test_connections_and_webhooks_can_be_named(platform: Platform) -> None:
    where = "$[[ connections.db.url ]] $[[ webhooks.main.url ]]"
    repo = a_repo(
        rendering(connections=["db"]),
        an_instance(parameters={"where": where}),
        connections=(a_resource("db", type="http", url="https://db.example"),),
    )
    deployed(platform, repo)
    found = what_is_set(platform)["where"]
    assert found.startswith("https://db.example https://caseway.test/hooks/")


def test_a_value_that_looks_like_a_placeholder_is_not_resolved_twice(platform: Platform) -> None:
    deployed(platform, a_repo(rendering(), an_instance(parameters={"where": "$[[ '$[[ stage ]]' ]]"})))
    assert what_is_set(platform)["where"] == "$[[ stage ]]"


def test_a_placeholder_that_is_the_whole_text_keeps_its_type_and_is_checked(platform: Platform) -> None:
    report = applied(platform, a_repo(rendering(), an_instance(parameters={"limit": "$[[ stage ]]"})))
    assert [item.error_code for item in report.failed] == ["parameter-invalid"]


def test_parameters_cannot_be_made_of_parameters(platform: Platform) -> None:
    report = applied(platform, a_repo(rendering(), an_instance(parameters={"where": "$[[ params.limit ]]"})))
    assert [item.error_code for item in report.failed] == ["placeholder"]
    assert list_deployments(platform, ORGANIZATION, NAME)[0].status == "failed"


def test_what_the_repo_says_is_kept_and_nothing_is_left_to_do(platform: Platform) -> None:
    repo = a_repo(rendering(), an_instance(parameters={"where": "$[[ stage ]]"}))
    deployed(platform, repo)
    assert get_instance(platform, ORGANIZATION, NAME).parameters == {"where": "$[[ stage ]]"}
    assert planned(platform, repo).is_empty

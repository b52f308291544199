"""The running server against its own OpenAPI document: it answers nothing else, and nothing breaks it."""

from __future__ import annotations

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from server_world import TOKEN

from caseway.operations.table import OPERATIONS
from caseway.server.app import DOCUMENT
from caseway.server.openapi import document

# What fits the schema may still make no sense (an unreadable cursor), contradict a state, or be forbidden.
ACCEPTABLE = ["2xx", "3xx", 400, 401, 403, 404, 409, 412, 422, 429]
CONFIG = {"checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTABLE}}}

schema = schemathesis.openapi.from_dict(
    document(OPERATIONS.values()), config=schemathesis.Config.from_dict(CONFIG)
)


def test_the_server_gives_the_document_that_is_tested(served):
    assert httpx.get(served.url + DOCUMENT).json() == document(OPERATIONS.values())


@schema.parametrize()
@settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_has(case, served):
    case.call_and_validate(base_url=served.url, headers={"Authorization": f"Bearer {TOKEN}"})

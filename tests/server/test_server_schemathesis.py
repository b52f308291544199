"""The running server against its own OpenAPI document: it answers nothing else, and nothing breaks it."""

from __future__ import annotations

import os

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from server_world import ENOUGH

from caseway.operations.table import OPERATIONS
from caseway.server.app import DOCUMENT
from caseway.server.openapi import document

OLIVE = "acme:olive"  # the document's examples speak of ann and bob, and may well delete them

# What fits the schema may still make no sense (an unreadable cursor), contradict a state, or be forbidden.
ACCEPTABLE = ["2xx", "3xx", 400, 401, 403, 404, 409, 412, 422, 429]
# Every boundary of every field takes minutes: THOROUGH=1 asks for it, after a change of how the API works.
IS_THOROUGH = bool(os.environ.get("THOROUGH"))
CONFIG = {
    "checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTABLE}},
    "phases": {"coverage": {"enabled": IS_THOROUGH}},
}

schema = schemathesis.openapi.from_dict(
    document(OPERATIONS.values()), config=schemathesis.Config.from_dict(CONFIG)
)


def test_the_server_gives_the_document_that_is_tested(served):
    assert httpx.get(served.url + DOCUMENT, timeout=ENOUGH).json() == document(OPERATIONS.values())


@schema.parametrize()
@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_has(case, served):
    headers = {"Authorization": f"Bearer {OLIVE}"}
    case.call_and_validate(base_url=served.url, headers=headers, timeout=ENOUGH)

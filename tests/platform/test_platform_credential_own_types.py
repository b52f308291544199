"""Types of credentials that a project declares: known once it was applied, checked when one is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.model.credential_types import TYPES, check_fields, declared
from caseway.model.errors import CasewayError
from caseway.platform import credentials
from caseway.platform.compose import Platform
from caseway.platform.credential_checks import check_credential
from caseway.platform.views import get_instance
from chaos.store_builders import ORGANIZATION, a_repo, a_use_case, an_instance, deployed

ERP: dict[str, Any] = {
    "description": "The ERP's technical user.",
    "fields": {
        "tenant": {"description": "The tenant.", "required": True, "kind": "text"},
        "token": {"required": True, "kind": "text"},
        "region": {"required": False, "kind": "text", "choices": ["eu", "us"]},
    },
    "open": False,
}
GOOD = {"tenant": "t1", "token": "planted-own-type"}


def a_project(told: dict[str, Any] = ERP, organization: str = ORGANIZATION) -> Any:
    """A project whose use case has a slot of the project's own type."""
    use_case = a_use_case(credentials={"erp": {"type": "acmeErp"}})
    listing = {**use_case.listing, "credentialTypes": {"acmeErp": told}}
    return a_repo(replace(use_case, listing=listing), an_instance(), organization=organization)


def store(platform: Platform, value: dict[str, Any], organization: str = ORGANIZATION) -> list[str]:
    return credentials.set_credential(platform, organization, "erp", value, type="acmeErp", actor="ann")


def refusal(platform: Platform, value: dict[str, Any], organization: str = ORGANIZATION) -> CasewayError:
    with pytest.raises(CasewayError) as caught:
        store(platform, value, organization)
    return caught.value


def test_an_instance_waits_for_a_credential_of_the_project_s_own_type_and_goes_live_with_it(
    platform: Platform,
) -> None:
    deployed(platform, a_project())
    assert get_instance(platform, ORGANIZATION, "invoice-dev").phase == "missing_integration"
    assert store(platform, GOOD) == ["invoice-dev"]
    secret = credentials.secrets_for(platform, get_instance(platform, ORGANIZATION, "invoice-dev").id)
    assert secret("erp") == GOOD


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({"tenant": "t1"}, "token is missing"),
        ({**GOOD, "region": "mars"}, "region is none of eu, us"),
        ({**GOOD, "more": "x"}, "more is no field of it"),
        ({**GOOD, "tenant": ["t1"]}, "tenant is no text"),
    ],
)
def test_what_is_not_as_declared_is_refused_without_its_value(
    platform: Platform, value: dict[str, Any], fault: str
) -> None:
    deployed(platform, a_project())
    error = refusal(platform, value)
    assert error.code == "credential-fields"
    assert fault in error.message
    assert GOOD["token"] not in error.message + error.hint


def test_a_type_is_known_once_its_project_was_applied_and_in_its_organization_alone(
    platform: Platform,
) -> None:
    assert refusal(platform, GOOD).code == "credential-type"
    deployed(platform, a_project())
    store(platform, GOOD)
    assert refusal(platform, GOOD, "globex").code == "credential-type"


def test_the_type_that_was_declared_last_counts_and_makes_no_new_version(platform: Platform) -> None:
    deployed(platform, a_project())
    report = deployed(platform, a_project({**ERP, "open": True}))
    assert len(report.results) == 1
    store(platform, {**GOOD, "more": "x"})


def test_one_of_an_own_type_is_tried_out_where_it_says(platform: Platform) -> None:
    deployed(platform, a_project())
    store(platform, GOOD)
    view = check_credential(platform, ORGANIZATION, "erp")
    assert view.is_good is None
    assert "testUrl" in view.message


FIELDS = st.dictionaries(
    st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,10}", fullmatch=True),
    st.fixed_dictionaries(
        {},
        optional={"required": st.booleans(), "kind": st.sampled_from(["text", "number", "boolean", "list"])},
    ),
    min_size=1,
    max_size=5,
)
VALUES = {"text": "x", "number": 1, "boolean": True, "list": []}


@given(FIELDS, st.data())
def test_what_has_every_needed_field_of_its_kind_and_no_other_fits(
    fields: dict[str, Any], data: st.DataObject
) -> None:
    kind = declared("own", {"fields": fields})
    whole = {name: VALUES[about.get("kind", "text")] for name, about in fields.items()}
    check_fields("own", whole, {"own": kind})
    left_out = data.draw(st.sampled_from(sorted(fields)))
    rest = {name: value for name, value in whole.items() if name != left_out}
    if fields[left_out].get("required", True):
        with pytest.raises(CasewayError, match="is missing"):
            check_fields("own", rest, {"own": kind})
    else:
        check_fields("own", rest, {"own": kind})


def test_no_built_in_type_is_replaced(platform: Platform) -> None:
    told = {"fields": {"other": {}}}
    use_case = a_use_case()
    listing = {**use_case.listing, "credentialTypes": {"bearer": told}}
    deployed(platform, a_repo(replace(use_case, listing=listing), an_instance()))
    assert credentials.known_types(platform, ORGANIZATION)["bearer"] == TYPES["bearer"]

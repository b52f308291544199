"""Credentials and API keys: kept, found by scope, never shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from caseway.model.errors import CasewayError
from caseway.platform import credentials, instances, keys
from caseway.platform.audit import list_audit
from caseway.platform.compose import Platform
from caseway.platform.masking import mask, strings_of
from caseway.platform.snapshot import read_snapshot
from caseway.platform.tables import api_keys, metadata
from caseway.platform.views import get_instance, list_deployments
from chaos.store_builders import (
    ORGANIZATION,
    Open,
    StandingClock,
    a_repo,
    a_use_case,
    an_instance,
    applied,
    deployed,
    planned,
)

NAME = "invoice-dev"
SECRET = "correct-horse-battery-staple"


def needing(scope: str = "organization", **spec: Any) -> Any:
    """A use case with one credential slot."""
    return a_use_case(credentials={"erp": {"type": "bearer", "scope": scope, **spec}})


def stored(platform: Platform, **changes: Any) -> list[str]:
    """Store the credential `erp`."""
    options: dict[str, Any] = {"type": "bearer", "actor": "ann", **changes}
    return credentials.set_credential(platform, ORGANIZATION, "erp", {"token": SECRET}, **options)


def test_an_instance_waits_for_its_credential_and_then_goes_live_by_itself(platform: Platform) -> None:
    repo = a_repo(needing(), an_instance())
    report = applied(platform, repo)
    assert [item.error_code for item in report.results if item.error_code] == ["missing-integration"]
    view = get_instance(platform, ORGANIZATION, NAME)
    assert (view.phase, view.missing) == ("missing_integration", ("erp",))
    assert planned(platform, repo).is_empty

    assert stored(platform) == [NAME]
    assert get_instance(platform, ORGANIZATION, NAME).phase == "active"
    assert planned(platform, repo).is_empty


def test_a_removed_credential_shows_at_once_and_heals_when_it_is_back(platform: Platform) -> None:
    stored(platform)
    deployed(platform, a_repo(needing(), an_instance()))
    assert credentials.remove(platform, ORGANIZATION, "erp", actor="ann") == [NAME]
    assert get_instance(platform, ORGANIZATION, NAME).phase == "missing_integration"

    stored(platform)
    assert get_instance(platform, ORGANIZATION, NAME).phase == "active"


def test_an_update_that_lacks_a_credential_leaves_the_old_version_and_heals(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    applied(platform, a_repo(needing(), an_instance()))
    view = get_instance(platform, ORGANIZATION, NAME)
    assert (view.phase, view.version) == ("active", "1.0.0")

    stored(platform)
    view = get_instance(platform, ORGANIZATION, NAME)
    assert (view.phase, view.version != "1.0.0", view.error) == ("active", True, "")


def test_an_optional_credential_is_not_waited_for(platform: Platform) -> None:
    deployed(platform, a_repo(needing(required=False), an_instance()))
    secret = credentials.secrets_for(platform, get_instance(platform, ORGANIZATION, NAME).id)

    with pytest.raises(KeyError):
        secret("erp")


def test_the_value_is_given_at_the_moment_it_is_asked_for(platform: Platform) -> None:
    stored(platform)
    deployed(platform, a_repo(needing(), an_instance()))
    secret = credentials.secrets_for(platform, get_instance(platform, ORGANIZATION, NAME).id)
    assert secret("erp") == {"token": SECRET}

    credentials.set_credential(platform, ORGANIZATION, "erp", {"token": "new"}, type="bearer", actor="ann")
    assert secret("erp") == {"token": "new"}


@pytest.mark.parametrize(
    ("slot", "kept", "is_found"),
    [
        ("user", {"scope": "user", "owner": "ann"}, True),
        ("user", {"scope": "user", "owner": "bob"}, False),
        ("user", {"scope": "organization"}, False),
        ("member", {"scope": "organization"}, True),
        ("organization", {"scope": "system"}, True),
        ("organization", {"scope": "user", "owner": "ann"}, False),
        ("instance", {"scope": "instance", "owner": NAME}, True),
        ("instance", {"scope": "organization"}, False),
        ("flexible", {"scope": "user", "owner": "ann"}, True),
        ("flexible", {"scope": "organization"}, True),
        ("flexible", {"scope": "instance", "owner": "other"}, False),
        ("system", {"scope": "organization"}, False),
    ],
)
def test_a_slot_looks_where_its_scope_says(
    platform: Platform, slot: str, kept: dict[str, str], is_found: bool
) -> None:
    stored(platform, **kept)
    applied(platform, a_repo(needing(slot), an_instance()))

    phase = get_instance(platform, ORGANIZATION, NAME).phase
    assert phase == ("active" if is_found else "missing_integration")


def test_the_nearest_credential_wins(platform: Platform) -> None:
    stored(platform)
    credentials.set_credential(
        platform,
        ORGANIZATION,
        "erp",
        {"token": "mine"},
        scope="user",
        owner="ann",
        type="bearer",
        actor="ann",
    )
    deployed(platform, a_repo(needing("flexible"), an_instance()))

    secret = credentials.secrets_for(platform, get_instance(platform, ORGANIZATION, NAME).id)
    assert secret("erp") == {"token": "mine"}


def test_an_instance_binds_a_slot_to_a_credential_of_another_name(platform: Platform) -> None:
    credentials.set_credential(platform, ORGANIZATION, "acme-erp", {"token": "x"}, type="bearer", actor="ann")
    deployed(platform, a_repo(needing(), an_instance(credentials={"erp": "acme-erp"})))

    secret = credentials.secrets_for(platform, get_instance(platform, ORGANIZATION, NAME).id)
    assert secret("erp") == {"token": "x"}


def test_a_credential_of_the_wrong_type_does_not_fit(platform: Platform) -> None:
    credentials.set_credential(
        platform, ORGANIZATION, "erp", {"host": "mail.test", "token": SECRET}, type="smtp", actor="ann"
    )
    applied(platform, a_repo(needing(), an_instance()))

    assert get_instance(platform, ORGANIZATION, NAME).phase == "missing_integration"


def test_an_expired_credential_is_none(platform: Platform, clock: StandingClock) -> None:
    stored(platform, expires_at=clock() + timedelta(hours=1))
    deployed(platform, a_repo(needing(), an_instance()))
    clock.advance(hours=2)

    with pytest.raises(KeyError):
        credentials.secrets_for(platform, get_instance(platform, ORGANIZATION, NAME).id)("erp")


def test_no_value_is_to_be_found_anywhere_in_the_store(platform: Platform) -> None:
    stored(platform, metadata={"account": "47"})
    deployed(platform, a_repo(needing(), an_instance()))
    view = credentials.list_credentials(platform, ORGANIZATION)[0]

    assert (view.name, view.details) == ("erp", {"account": "47"})
    assert SECRET not in str(view) + str(read_snapshot(platform, ORGANIZATION))
    with platform.database.reading() as connection:
        for table in metadata.tables.values():
            assert SECRET not in str(connection.execute(sa.select(table)).all()), table.name


def test_rotating_keeps_the_values_and_makes_the_old_key_useless(reopen: Open) -> None:
    stored(reopen(secret_key="old"))
    rotating = reopen(secret_key="new, old")
    deployed(rotating, a_repo(needing(), an_instance()))
    instance = get_instance(rotating, ORGANIZATION, NAME).id
    assert credentials.rotate(rotating, actor="ann") == 1

    assert credentials.secrets_for(reopen(secret_key="new"), instance)("erp") == {"token": SECRET}
    with pytest.raises(CasewayError) as caught:
        credentials.secrets_for(reopen(secret_key="old"), instance)("erp")
    assert caught.value.code == "secret-key"


def test_a_credential_of_a_user_needs_an_owner(platform: Platform) -> None:
    with pytest.raises(CasewayError) as caught:
        stored(platform, scope="user")
    assert caught.value.code == "scope"


def test_removing_what_is_not_there_says_so(platform: Platform) -> None:
    with pytest.raises(CasewayError) as caught:
        credentials.remove(platform, ORGANIZATION, "erp", actor="ann")
    assert caught.value.code == "not-found"


def test_secrets_are_masked_plain_and_as_json_spells_them() -> None:
    secrets = strings_of({"token": 'a"b\\c', "nested": ["länger"], "short": "ab"})

    assert mask('x a"b\\c y "a\\"b\\\\c" l\\u00e4nger länger ab', secrets) == 'x *** y "***" *** *** ab'


def test_a_key_is_shown_once_and_known_again(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    view, secret = keys.create(platform, ORGANIZATION, NAME, name="shop", actor="ann")

    assert secret.startswith("cwi_") and keys.verify(platform, secret) == view
    with platform.database.reading() as connection:
        assert secret not in str(connection.execute(sa.select(api_keys)).all())
    assert [item.id for item in keys.list_keys(platform, ORGANIZATION, NAME)] == [view.id]


@pytest.mark.parametrize("spoil", [lambda key: key[:-1] + "~", lambda key: "cw_00000000_x", lambda key: ""])
def test_a_wrong_key_opens_nothing(platform: Platform, spoil: Any) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    _, secret = keys.create(platform, ORGANIZATION, NAME, actor="ann")

    assert keys.verify(platform, spoil(secret)) is None


def test_a_revoked_key_opens_nothing(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    view, secret = keys.create(platform, ORGANIZATION, NAME, actor="ann")
    keys.revoke(platform, ORGANIZATION, view.prefix, actor="ann")

    assert keys.verify(platform, secret) is None
    assert [item.action for item in list_audit(platform, ORGANIZATION, limit=2)] == ["revoke", "create"]


def test_an_expired_key_opens_nothing(platform: Platform, clock: StandingClock) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    _, secret = keys.create(platform, ORGANIZATION, NAME, expires_at=clock() + timedelta(days=1), actor="ann")
    clock.advance(days=2)

    assert keys.verify(platform, secret) is None


def test_the_keys_of_a_deleted_instance_are_not_listed(platform: Platform) -> None:
    deployed(platform, a_repo(a_use_case(), an_instance()))
    keys.create(platform, ORGANIZATION, NAME, actor="ann")
    instances.delete(platform, ORGANIZATION, NAME, actor="ann")

    assert keys.list_keys(platform, ORGANIZATION) == []


def test_a_missing_credential_is_told_in_the_attempt(platform: Platform) -> None:
    applied(platform, a_repo(needing(), an_instance()))

    attempt = list_deployments(platform, ORGANIZATION, NAME)[0]
    assert (attempt.status, attempt.error_code) == ("failed", "missing-integration")
    assert "caseway credential set" in attempt.hint
    assert [(step.name, step.status) for step in attempt.steps] == [("validate", "failed")]

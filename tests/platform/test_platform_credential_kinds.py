"""Credentials of every kind and from every source, against real servers, files and commands."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from authorization_server import CLIENT_ID, CLIENT_SECRET, Authorization, an_authorization_server
from hypothesis import given
from hypothesis import strategies as st

from caseway.model.credential_types import TYPES, check_fields, main_field
from caseway.model.errors import CasewayError
from caseway.platform import age_files, consent, credentials, lease
from caseway.platform.access import authorization_request
from caseway.platform.audit import By
from caseway.platform.compose import Platform
from caseway.platform.credential_checks import check_credential
from caseway.platform.secret_sources import SecretSources, commands_in, value_in
from caseway.platform.tables import metadata
from caseway.platform.views import get_instance
from chaos.store_builders import (
    ORGANIZATION,
    Open,
    StandingClock,
    a_repo,
    a_use_case,
    an_instance,
    applied,
    deployed,
)

NAME = "invoice-dev"
SECRET = "planted-correct-horse"


@pytest.fixture
def server() -> Iterator[Authorization]:
    with an_authorization_server() as started:
        yield started


def a_client(server: Authorization, **changes: Any) -> dict[str, Any]:
    """A credential for the client of the server."""
    value = {"tokenUrl": f"{server.url}/token", "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
    return {**value, **changes}


def stored(platform: Platform, kind: str, value: dict[str, Any], **options: Any) -> list[str]:
    return credentials.set_credential(platform, ORGANIZATION, "erp", value, type=kind, actor="ann", **options)


def serving(platform: Platform, kind: str) -> Any:
    """What an execution would be given for its slot."""
    deployed(platform, a_repo(a_use_case(credentials={"erp": {"type": kind}}), an_instance()))
    return credentials.secrets_for(platform, get_instance(platform, ORGANIZATION, NAME).id)


def everything(platform: Platform) -> str:
    with platform.database.reading() as connection:
        return "".join(str(connection.execute(sa.select(table)).all()) for table in metadata.sorted_tables)


@pytest.mark.parametrize("kind", sorted(set(TYPES) - {"oauth2", "custom"}))
def test_a_credential_without_what_its_type_needs_is_refused_and_its_value_not_repeated(
    platform: Platform, kind: str
) -> None:
    with pytest.raises(CasewayError) as caught:
        stored(platform, kind, {"nonsense": SECRET})
    assert caught.value.code == "credential-fields"
    assert SECRET not in f"{caught.value.message} {caught.value.hint}"


@given(st.sampled_from(sorted(TYPES)), st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=4))
def test_checking_fields_never_repeats_a_value_and_never_breaks(kind: str, value: dict[str, str]) -> None:
    given_value = {f"field-{name}": f"<{text}>" for name, text in value.items()}
    try:
        check_fields(kind, given_value)
    except CasewayError as error:
        assert all(text not in error.message for text in given_value.values())


def test_an_unknown_type_is_refused(platform: Platform) -> None:
    with pytest.raises(CasewayError) as caught:
        stored(platform, "bearerr", {"token": SECRET})
    assert caught.value.code == "credential-type"


@pytest.mark.parametrize("way", ["basic", "post"])
def test_a_client_gets_a_token_and_hands_neither_its_secret_on_nor_asks_again(
    platform: Platform, server: Authorization, clock: StandingClock, way: str
) -> None:
    stored(platform, "oauth2ClientCredentials", a_client(server, clientAuthentication=way))
    secret = serving(platform, "oauth2ClientCredentials")
    first = secret("erp")
    assert first == {"token": first["token"], "accessToken": first["token"], "tokenType": "Bearer"}
    assert secret("erp") == first
    assert server.asked == ["client_credentials"]
    clock.advance(minutes=56)
    assert secret("erp") != first
    assert server.asked == ["client_credentials"] * 2
    kept = everything(platform)
    assert not any(text in kept for text in (first["token"], CLIENT_SECRET))


def test_two_workers_that_find_an_old_token_renew_it_once(
    reopen: Open, server: Authorization, clock: StandingClock
) -> None:
    """The refresh tokens of this server are good once: who came second would have lost the consent."""
    workers = [reopen(holder="one@here:1"), reopen(holder="two@there:2")]
    server.refreshes.add("planted-first")
    value = a_client(server, authorizationUrl=f"{server.url}/authorize", refreshToken="planted-first")
    stored(workers[0], "oauth2AuthorizationCode", value)
    serving(workers[0], "oauth2AuthorizationCode")
    instance = get_instance(workers[0], ORGANIZATION, NAME).id
    server.slow.clear()

    def read(platform: Platform) -> Any:
        return credentials.secrets_for(platform, instance)("erp")

    with ThreadPoolExecutor(4) as pool:
        reading = [pool.submit(read, platform) for platform in (*workers, *workers)]
        assert server.arrived.wait(120)
        server.slow.set()
        tokens = {future.result()["token"] for future in reading}
    assert (len(tokens), server.asked) == (1, ["refresh_token"])
    clock.advance(hours=1)
    assert read(workers[1])["token"] not in tokens
    assert server.asked == ["refresh_token"] * 2


def test_a_worker_that_died_while_renewing_is_followed_by_another(
    reopen: Open, server: Authorization, clock: StandingClock
) -> None:
    platform = reopen()
    stored(platform, "oauth2ClientCredentials", a_client(server))
    secret = serving(platform, "oauth2ClientCredentials")
    with platform.database.reading() as connection:
        row = connection.execute(sa.select(metadata.tables["credentials"])).one()
    lease.acquire(reopen(holder="dead@there:9"), name=f"credential:{row.id}", seconds=40)
    clock.advance(seconds=41)
    assert secret("erp")["token"].startswith("planted-access-")


def test_a_consent_is_asked_for_brought_back_and_renewed(
    platform: Platform, server: Authorization, clock: StandingClock
) -> None:
    value = a_client(server, authorizationUrl=f"{server.url}/authorize", scope="mail")
    stored(platform, "oauth2AuthorizationCode", value)
    secret = serving(platform, "oauth2AuthorizationCode")
    with pytest.raises(KeyError):
        secret("erp")
    url = consent.begin(platform, ORGANIZATION, "erp", ("organization", ""), "http://127.0.0.1:7777/")
    brought = server.consent(url)
    by = By(ORGANIZATION, "ann", clock())
    consent.complete(platform, by, brought["state"], brought["code"])
    first = secret("erp")["token"]
    with pytest.raises(CasewayError, match="not begun"):
        consent.complete(platform, by, brought["state"], brought["code"])
    clock.advance(hours=2)
    assert secret("erp")["token"] != first
    assert server.asked == ["authorization_code", "refresh_token"]


def test_a_consent_of_another_organization_or_too_late_is_refused(
    platform: Platform, server: Authorization, clock: StandingClock
) -> None:
    value = a_client(server, authorizationUrl=f"{server.url}/authorize")
    stored(platform, "oauth2AuthorizationCode", value)
    refused = (
        (By("globex", "eve", clock()), 0, "another"),
        (By(ORGANIZATION, "ann", clock()), 11, "not begun"),
    )
    for by, late, why in refused:
        url = consent.begin(platform, ORGANIZATION, "erp", ("organization", ""), "http://127.0.0.1:7777/")
        brought = server.consent(url)
        with pytest.raises(CasewayError, match=why):
            consent.complete(
                platform,
                replace(by, at=clock() + timedelta(minutes=late)),
                brought["state"],
                brought["code"],
            )
    with pytest.raises(CasewayError) as caught:
        consent.begin(platform, ORGANIZATION, "erp", ("organization", ""), "http://evil.test/")
    assert caught.value.code == "redirect"
    assert server.asked == []


def test_what_was_kept_for_a_sign_in_ends_no_consent(platform: Platform, clock: StandingClock) -> None:
    query = authorization_request.begun(platform, "sign-in", "the-client", "http://127.0.0.1:7777/", {})
    with pytest.raises(CasewayError) as caught:
        consent.complete(platform, By(ORGANIZATION, "ann", clock()), query["state"], "x")
    assert caught.value.code == "state"


def test_a_consent_that_is_withdrawn_shows_on_the_instance_and_says_nothing_of_secrets(
    platform: Platform, server: Authorization, clock: StandingClock
) -> None:
    value = a_client(server, authorizationUrl=f"{server.url}/authorize", refreshToken="planted-gone")
    stored(platform, "oauth2AuthorizationCode", value)
    secret = serving(platform, "oauth2AuthorizationCode")
    with pytest.raises(KeyError):
        secret("erp")
    checked = credentials.list_credentials(platform, ORGANIZATION)[0].checked
    assert checked is not None
    assert "invalid_grant" in str(checked["message"])
    assert credentials.expose_expired(platform, ORGANIZATION) == [NAME]
    assert get_instance(platform, ORGANIZATION, NAME).phase == "missing_integration"
    kept = everything(platform)
    assert "planted-gone" not in kept
    assert CLIENT_SECRET not in kept


def test_a_secret_is_not_sent_over_an_open_line(platform: Platform, server: Authorization) -> None:
    stored(platform, "oauth2ClientCredentials", a_client(server, tokenUrl="http://10.0.0.1/token"))
    told = check_credential(platform, ORGANIZATION, "erp")
    assert (told.is_good, "open line" in told.message) == (False, True)


def test_trying_out_tells_good_from_bad(platform: Platform, server: Authorization) -> None:
    stored(platform, "oauth2ClientCredentials", a_client(server))
    assert check_credential(platform, ORGANIZATION, "erp").is_good is True
    stored(platform, "oauth2ClientCredentials", a_client(server, clientSecret="planted-wrong"))
    told = check_credential(platform, ORGANIZATION, "erp")
    assert (told.is_good, "planted-wrong" in told.message) == (False, False)
    stored(platform, "bearer", {"token": SECRET})
    assert check_credential(platform, ORGANIZATION, "erp").is_good is None
    stored(platform, "bearer", {"token": SECRET}, metadata={"testUrl": "http://127.0.0.1:1/"})
    assert check_credential(platform, ORGANIZATION, "erp").is_good is False
    stored(platform, "smtp", {"host": "127.0.0.1", "port": 1})
    assert check_credential(platform, ORGANIZATION, "erp").is_good is False
    stored(platform, "databaseUrl", {"url": f"postgresql://u:{SECRET}@127.0.0.1:1/x"})
    told = check_credential(platform, ORGANIZATION, "erp")
    assert (told.is_good, SECRET in told.message) == (False, False)
    assert SECRET not in str(credentials.list_credentials(platform, ORGANIZATION))


def test_a_value_is_had_from_where_the_operator_allows(
    reopen: Open, tmp_path: Path, clock: StandingClock
) -> None:
    (tmp_path / "erp").write_text(f"{SECRET}\n")
    program = [sys.executable, "-c", f'print(\'{{"token": "{SECRET}"}}\')']
    sources = SecretSources(
        variables={"CASEWAY_CREDENTIAL_ERP": SECRET}, folder=tmp_path, commands={"vault": program}
    )
    platform = reopen(sources=sources)
    for source, reference in (
        ("environment", "CASEWAY_CREDENTIAL_ERP"),
        ("file", "erp"),
        ("command", "vault"),
    ):
        stored(platform, "bearer", {}, source=source, reference=reference)
        assert serving(platform, "bearer")("erp") == {"token": SECRET}
        assert SECRET not in everything(platform)


@pytest.mark.parametrize(
    ("source", "reference"),
    [
        ("environment", "CASEWAY_SECRET_KEY"),
        ("environment", "PATH"),
        ("environment", "CASEWAY_CREDENTIAL_lower"),
        ("file", "../secret.key"),
        ("file", "/etc/passwd"),
        ("file", ""),
        ("file", "link"),
        ("command", "sh"),
        ("command", "/bin/sh"),
        ("nowhere", "x"),
    ],
)
def test_what_the_operator_does_not_allow_is_refused(
    reopen: Open, tmp_path: Path, source: str, reference: str
) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (tmp_path / "secret.key").write_text(SECRET)
    (folder / "link").symlink_to(tmp_path / "secret.key")
    platform = reopen(sources=SecretSources(folder=folder, commands={"vault": ["/bin/true"]}))
    with pytest.raises(CasewayError) as caught:
        stored(platform, "bearer", {}, source=source, reference=reference)
    assert caught.value.code == "secret-source"


def test_without_the_operators_word_there_are_no_files_and_no_commands(platform: Platform) -> None:
    for source in ("file", "command"):
        with pytest.raises(CasewayError, match=r"allows no command|reads no secrets from files"):
            stored(platform, "bearer", {}, source=source, reference="erp")


def test_a_command_is_run_once_for_many_readings_and_its_failure_is_seen(
    reopen: Open, tmp_path: Path
) -> None:
    counted = tmp_path / "counted"
    program = f"open({str(counted)!r}, 'a').write('x'); print('{SECRET}')"
    sources = SecretSources(
        commands={"vault": [sys.executable, "-c", program], "broken": ["/bin/false"]}, clock=lambda: 0.0
    )
    platform = reopen(sources=sources)
    stored(platform, "bearer", {}, source="command", reference="vault")
    secret = serving(platform, "bearer")
    assert [secret("erp")["token"] for _ in range(3)] == [SECRET] * 3
    assert counted.read_text() == "x"
    stored(platform, "bearer", {}, source="command", reference="broken")
    with pytest.raises(KeyError):
        secret("erp")
    checked = credentials.list_credentials(platform, ORGANIZATION)[0].checked
    assert checked is not None
    assert checked["message"] == "the command broken ended with 1"


@pytest.mark.parametrize(
    "text", ["[]", "nonsense", '{"a": "b"}', '{"a": []}', '{"a": ["relative"]}', '{"a": [1]}']
)
def test_the_operators_list_of_commands_is_read_strictly(text: str) -> None:
    with pytest.raises(CasewayError):
        commands_in(text)


def test_a_text_fills_the_one_field_of_its_type() -> None:
    assert value_in("x\n", "bearer") == {"token": "x"}
    assert value_in("x", "custom") == {"value": "x"}
    assert value_in('{"username": "a", "password": "b"}', "basic") == {"username": "a", "password": "b"}
    assert main_field("databaseUrl") == "url"


def test_a_secret_that_git_keeps_is_opened_by_the_server_alone(reopen: Open) -> None:
    identity, recipient = age_files.new_identity()
    value = age_files.sealed({"token": SECRET}, [recipient])
    assert SECRET not in json.dumps(value)
    platform = reopen(sources=SecretSources(identities=f"# of the server\n{identity}\n"))
    stored(platform, "bearer", value, source="age")
    assert serving(platform, "bearer")("erp") == {"token": SECRET}
    assert SECRET not in everything(platform)
    stranger = reopen(sources=SecretSources(identities=age_files.new_identity()[0]))
    with pytest.raises(KeyError):
        credentials.secrets_for(stranger, get_instance(stranger, ORGANIZATION, NAME).id)("erp")
    with pytest.raises(CasewayError, match="not encrypted"):
        stored(platform, "bearer", {"token": SECRET}, source="age")


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=40), min_size=1, max_size=4))
def test_what_is_encrypted_comes_back_as_it_was(value: dict[str, str]) -> None:
    identity, recipient = age_files.new_identity()
    other, another = age_files.new_identity()
    made = age_files.sealed(value, [recipient, another])
    assert age_files.opened(made, identity) == age_files.opened(made, other) == value
    assert age_files.is_sealed(made)


@pytest.mark.parametrize("spoil", [lambda text: text[:-8], lambda text: "age:", lambda text: "clear"])
def test_a_damaged_secret_is_refused_by_name(spoil: Any) -> None:
    identity, recipient = age_files.new_identity()
    made = age_files.sealed({"token": SECRET}, [recipient])
    with pytest.raises(CasewayError) as caught:
        age_files.opened({"token": spoil(made["token"])}, identity)
    assert (caught.value.code, caught.value.place) == ("age", "token")


def test_a_credential_that_ends_soon_shows_on_its_instance(platform: Platform, clock: StandingClock) -> None:
    stored(platform, "bearer", {"token": SECRET}, expires_at=clock() + timedelta(days=20))
    serving(platform, "bearer")
    assert "Expiring" not in get_instance(platform, ORGANIZATION, NAME).conditions
    clock.advance(days=7)
    assert "Expiring" in get_instance(platform, ORGANIZATION, NAME).conditions
    clock.advance(days=14)
    assert credentials.expose_expired(platform, ORGANIZATION) == [NAME]
    assert credentials.expose_expired(platform, ORGANIZATION) == []
    assert get_instance(platform, ORGANIZATION, NAME).phase == "missing_integration"
    stored(platform, "bearer", {"token": SECRET})
    assert get_instance(platform, ORGANIZATION, NAME).phase == "active"


def test_a_slot_of_a_managed_type_takes_only_that(platform: Platform) -> None:
    stored(platform, "bearer", {"token": SECRET})
    slot = {"erp": {"type": "oauth2ClientCredentials"}}
    applied(platform, a_repo(a_use_case(credentials=slot), an_instance()))
    assert get_instance(platform, ORGANIZATION, NAME).phase == "missing_integration"

"""Secrets are found where they look like secrets, and never repeated."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.repo.load import load
from caseway.repo.rules import run_rules
from caseway.repo.rules.docs import BASE
from caseway.repo.secrets_scan import is_literal_secret, is_random, is_telling, tokens, url_logins
from caseway.repo.tree import WorkTree

# Written in two halves, so that scanners of this repository do not take them for real ones.
TOKENS = {
    "AWS access key": "AKIA" + "2E0A8F3B244C9986",
    "GitHub token": "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "GitLab token": "glpat-" + "a1B2c3D4e5F6g7H8i9J0",
    "Slack token": "xoxb-" + "1234567890-abcdefghij",
    "Slack webhook": "https://hooks.slack.com/services/" + "T0001/B0001/abcdefghijklmnop1234",
    "Stripe key": "sk_live_" + "a1B2c3D4e5F6g7H8",
    "Google API key": "AIza" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R",
    "npm token": "npm_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "JSON Web Token": "eyJhbGciOiJI." + "eyJzdWIiOiIx.SflKxwRJSMeKKF2QT4",
    "model provider key": "sk-" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6",
}


@pytest.mark.parametrize("kind", TOKENS)
def test_well_known_tokens_are_found_with_their_kind_and_place(kind: str) -> None:
    (found,) = tokens(f"first line\nsee: {TOKENS[kind]} here\n")
    assert (found.kind, found.line, found.column) == (kind, 2, 6)
    assert TOKENS[kind] not in found.shown


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "risk-free-and-very-long-but-no-token-at-all",
        "sha256:" + "ab" * 32,
        "eyJ is how base64 of a brace begins",
        "task-1234567890123456789012345678901234567890",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_what_only_resembles_a_token_is_left_alone(text: str) -> None:
    assert list(tokens(text)) == []


@pytest.mark.parametrize(
    ("url", "is_found"),
    [
        ("postgres://app:Tr0ub4dor@db.example/x", True),
        ("https://ann:s3cr3t-w0rd@host.example", True),
        ("https://host.example:8080/a@b", False),
        ("https://user:$[[ params.word ]]@host.example", False),
        ("https://user:${WORD}@host.example", False),
        ("https://user:password@host.example", False),
        ("https://user:<password>@host.example", False),
        ("git@host.example:group/repo", False),
    ],
)
def test_passwords_in_urls_are_found(url: str, is_found: bool) -> None:
    assert bool(list(url_logins(f"url: {url}\n"))) is is_found


@pytest.mark.parametrize(
    "key",
    ["password", "dbPassword", "api_key", "apiKey", "APIKey", "X-Auth-Token", "client_secret", "accessToken"],
)
def test_keys_that_say_secret_are_telling(key: str) -> None:
    assert is_telling(key)


@pytest.mark.parametrize(
    "key",
    ["key", "tokens", "tokenUrl", "tokenType", "passwordPolicy", "secrets", "keyboard", "author", "auth", ""],
)
def test_other_keys_are_not_telling(key: str) -> None:
    assert not is_telling(key)


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("hunter2-hunter", True),
        ("Bearer abcdef123", True),
        ("${ $secrets.erp.token }", False),
        ("$[[ params.token ]]", False),
        ("Bearer ${ .x }", False),
        ("changeme", False),
        ("<your token>", False),
        ("your-token-here", False),
        ("", False),
        ("a", False),
        (5, False),
        (None, False),
        ("the token of the ERP that may read", False),
    ],
)
def test_literals_are_told_from_references_and_stand_ins(value: object, answer: bool) -> None:
    assert is_literal_secret(value) is answer


def test_generated_keys_have_high_entropy() -> None:
    assert is_random("c3VwZXIgc2VjcmV0IQ9f8e")
    assert not is_random("aaaaaaaaaaaaaaaaaaaaaaaa")
    assert not is_random("short")


def test_every_text_file_of_the_project_is_looked_through(tmp_path: Path) -> None:
    for path, content in {**BASE, "scripts/run.sh": f"export KEY={TOKENS['Stripe key']}\n"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    (found,) = run_rules(load(WorkTree(tmp_path)).projects[0])
    assert (found.file, found.line, found.column, found.code) == ("scripts/run.sh", 1, 12, "CW710")
    assert TOKENS["Stripe key"] not in repr(found)


def test_names_of_credentials_and_schemas_are_no_secrets(tmp_path: Path) -> None:
    use_case = BASE["use-cases/demo/usecase.yaml"] + (
        "  credentials: {token: {type: bearer}}\n"
        "  parameters: {type: object, properties: {apiKey: {type: string, description: who is asked}}}\n"
    )
    instance = BASE["instances/demo-dev.yaml"] + "  credentials: {token: acme-token-of-erp}\n"
    files = {**BASE, "use-cases/demo/usecase.yaml": use_case, "instances/demo-dev.yaml": instance}
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    assert run_rules(load(WorkTree(tmp_path)).projects[0], include=["CW71"]) == []


def test_a_secret_as_default_of_a_parameter_is_found(tmp_path: Path) -> None:
    word = "hunter2-hunter"
    parameters = (
        f"  parameters: {{type: object, properties: {{apiKey: {{type: string, default: {word}}}}}}}\n"
    )
    files = {**BASE, "use-cases/demo/usecase.yaml": BASE["use-cases/demo/usecase.yaml"] + parameters}
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    (found,) = run_rules(load(WorkTree(tmp_path)).projects[0], include=["CW71"])
    assert found.code == "CW711"
    assert word not in repr(found)


@given(st.text(alphabet="akAK0129-_.:/@=gphsxobei ~\n", max_size=200))
def test_no_text_crashes_the_scan(text: str) -> None:
    assert all(found.line >= 1 and found.column >= 1 for found in [*tokens(text), *url_logins(text)])


@pytest.mark.parametrize(
    "piece", ["a://b:", "-eyJ", "-sk-sk", " AKIA", "-----BEGIN A ", "xox", "whsec_ ", "SG."]
)
def test_texts_made_to_slow_the_scan_down_do_not(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    assert list(url_logins(text)) == []
    assert list(tokens(text)) == []

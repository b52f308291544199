"""The compose file is one, says what exists, and hands out no more than is needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from deploy_world import CLONE, DEPLOY, compose, made_secrets, parsed, settings

from caseway.platform.keyring import keyring

SERVICES = compose()["services"]
CASEWAY = {name: one for name, one in SERVICES.items() if "caseway" in one["image"]}
MARGIN = 5


def seconds(text: str) -> float:
    assert text.endswith("s")
    return float(text[:-1])


@pytest.mark.parametrize("name", ["compose.yaml", "compose.containers.yaml"])
def test_it_is_what_the_compose_specification_says(name):
    check = Path(sys.executable).parent / "check-jsonschema"
    words = [check, "--builtin-schema", "vendor.compose-spec", DEPLOY / name]
    answer = subprocess.run(words, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_its_services_are_these():
    assert set(SERVICES) == {"migrate", "web", "worker", "postgres", "redis"}
    assert set(CASEWAY) == {"migrate", "web", "worker"}


@pytest.mark.parametrize(
    ("name", "command"), [("migrate", "db migrate"), ("web", "serve web"), ("worker", "serve worker")]
)
def test_caseway_s_commands_are_real(name, command):
    assert parsed(SERVICES[name]["command"])[0] == command


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_service_has_the_time_to_stop_that_its_command_takes(name):
    _, options = parsed(SERVICES[name]["command"])
    needed = options["grace"] + options.get("drain", 0)
    assert seconds(SERVICES[name]["stop_grace_period"]) >= needed + MARGIN


@pytest.mark.parametrize("name", ["compose.yaml", "compose.containers.yaml"])
def test_every_variable_of_caseway_s_is_one_that_it_reads(name):
    services = compose(name)["services"]
    for service in CASEWAY:
        assert set(services.get(service, {}).get("environment", {})) - settings() == set()


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_is_hardened(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service["user"].startswith(("0", "root"))
    assert {"privileged", "network_mode", "pid", "cap_add"} & set(service) == set()


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_every_service_that_stays_is_watched_and_started_again(name):
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_the_schema_is_migrated_once_the_database_is_there_and_before_anything_uses_it():
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["migrate"]["restart"] == "on-failure"
    for name in ("web", "worker"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_stores_have_no_way_out_and_only_the_server_is_called_from_outside():
    assert compose()["networks"]["store"] == {"internal": True}
    assert all(SERVICES[name]["networks"] == ["store"] for name in ("postgres", "redis", "migrate"))
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["web"]
    assert SERVICES["web"]["ports"][0].startswith("${CASEWAY_LISTEN:-127.0.0.1:")


def test_every_secret_is_a_file_that_the_script_makes_and_somebody_uses(tmp_path):
    made = set(made_secrets(tmp_path / "secrets"))
    declared = {name: one["file"] for name, one in compose()["secrets"].items()}
    assert declared == {name: f"./secrets/{name}" for name in made}
    assert {name for service in SERVICES.values() for name in service.get("secrets", ())} == made


@pytest.mark.parametrize("name", sorted(CASEWAY))
def test_a_setting_s_file_is_a_secret_of_its_service(name):
    files = {value for key, value in SERVICES[name]["environment"].items() if key.endswith("_FILE")}
    assert files == {f"/run/secrets/{secret}" for secret in SERVICES[name]["secrets"]}


def test_no_secret_stands_in_the_file():
    text = (DEPLOY / "compose.yaml").read_text()
    assert "PASSWORD:" not in text
    assert "://" not in text.replace("https://caseway.example.com", "").replace("http://127.0.0.1:8080", "")


def test_the_script_makes_secrets_that_nobody_else_may_reach(tmp_path):
    folder = tmp_path / "secrets"
    made = made_secrets(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert made["postgres_password"] in made["database_url"]
    assert made["redis_password"] in made["queue_url"]
    assert made["redis.conf"] == f"requirepass {made['redis_password']}\n"
    assert len({made["postgres_password"], made["redis_password"], made["secret_key"]}) == 3
    assert keyring(made["secret_key"]).decrypt(keyring(made["secret_key"]).encrypt(b"x")) == b"x"


def test_the_script_leaves_what_is_there(tmp_path):
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "database_url").write_text("postgresql://mine@elsewhere/db")
    first = made_secrets(folder)
    assert first["database_url"] == "postgresql://mine@elsewhere/db"
    assert made_secrets(folder) == first


def test_git_and_whoever_builds_the_image_never_see_the_secrets():
    inside = ["deploy/secrets/secret_key", "deploy/app/x.py"]
    told = subprocess.run(
        ["git", "check-ignore", *inside], cwd=CLONE, capture_output=True, text=True
    ).stdout.split()
    assert told == inside
    rules = [line for line in (DEPLOY / ".dockerignore").read_text().split("\n") if not line.startswith("#")]
    assert rules == ["*", "!app", ""]


def test_scripts_are_sound():
    check = Path(sys.executable).parent / "shellcheck"
    answer = subprocess.run([check, *sorted(DEPLOY.glob("*.sh"))], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(("version", "needed"), [("3.11.2", True), ("3.11.3", False), ("3.12.0", False)])
def test_a_lock_s_markers_are_decided_for_the_python_of_the_image(version, needed):
    facts = {
        "implementation_name": "cpython",
        "python_full_version": version,
        "sys_platform": "linux",
    }
    lock = CLONE / "requirements.lock"
    words = [sys.executable, DEPLOY / "lock_for.py", lock]
    said = subprocess.run(words, input=json.dumps(facts), capture_output=True, text=True, check=True).stdout
    names = {line.partition("==")[0] for line in said.splitlines() if "==" in line}
    assert ("async-timeout" in names) is needed
    assert {"psycopg-binary", "redis"} <= names
    assert "pywin32" not in names
    assert " ; " not in said


def has_compose() -> bool:
    docker = shutil.which("docker")
    return (
        docker is not None
        and subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0
    )


@pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")
def test_docker_compose_reads_it(tmp_path):
    words = ["docker", "compose", "--file", DEPLOY / "compose.yaml", "config", "--quiet"]
    answer = subprocess.run(
        words, env={**os.environ, "CASEWAY_BASE_URL": "http://x"}, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr

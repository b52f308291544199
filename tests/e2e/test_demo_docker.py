"""The demo in containers, on an engine that has nothing but what the one documented command makes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import files
from pathlib import Path

import pytest
import yaml

from docker_daemon import (  # noqa: F401 - fixtures
    Engine,
    cache_folder,
    docker_daemon,
    engine,
    runtime_image,
)

pytestmark = pytest.mark.timeout(1800)  # images are built, and many containers made, one after the other

CLONE = Path(__file__).parents[2]
DEMO = Path(__file__).parent / "demo" / "demo.py"


def a_wheel(folder: Path, requirement: str) -> None:
    """The package that the sample's runtime asks for, as installed here: so that no index is needed."""
    name, version = requirement.split("==")
    module = name.replace("-", "_")
    stem = f"{module}-{version}"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        for file in files(name) or ():
            if file.parts[0] == module and file.suffix == ".py":
                wheel.write(str(file.locate()), str(file))
        info = f"{stem}.dist-info"
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="module")
def surroundings(
    engine: Engine,  # noqa: F811 - the fixture
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """The environment of a user whose engine is the tests', and whose pip finds one package."""
    runtime = yaml.safe_load((CLONE / "sample-repo" / "runtimes" / "data-tools.yaml").read_text())
    (requirement,) = runtime["spec"]["packages"]["python"]
    links = tmp_path_factory.mktemp("wheels")
    a_wheel(links, requirement)
    return {
        **os.environ,
        "HOME": str(tmp_path_factory.mktemp("home")),
        "DOCKER_HOST": engine.address.url,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(links),
        "PIP_CONFIG_FILE": os.devnull,
    }


@pytest.fixture(scope="module")
def shown(
    surroundings: dict[str, str],
    runtime_image: str,  # noqa: F811 - the fixture
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """Everything the demo prints with containers, after `make base-image`."""
    archive = str(cache_folder() / "base-bookworm.tar")  # what mmdebstrap made for another test
    base = [sys.executable, "-m", "caseway", "runtime", "base", "--archive", archive]
    subprocess.run(base, env=surroundings, check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, DEMO, "--executor", "docker", tmp_path_factory.mktemp("demo")],
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def _after(shown: str, command: str) -> str:
    parts = shown.split(f"\n$ {command}", 1)
    assert len(parts) == 2, f"{command} is not shown:\n{shown}"
    return re.split(r"\n\$ |\n \d+  ", parts[1])[0]


def test_the_runtime_of_the_sample_is_built_by_the_apply(shown: str) -> None:
    assert "build runtime data-tools" in _after(shown, "caseway apply ../first.plan")
    row = next(line for line in _after(shown, "caseway runtime list").splitlines() if "data-tools" in line)
    assert re.match(r"data-tools +ready +1 +caseway/acme-data-tools:[0-9a-f]{16} ", row)


def test_the_record_says_in_which_image_and_within_what_it_runs(shown: str) -> None:
    record = _after(shown, "caseway instance get invoice-intake-dev")
    assert re.search(r"runs in +caseway/runtime:default \(sha256:[0-9a-f]{12}\), network hosts", record)
    assert "cpu 0.5, memory 1GB, disk 5GB" in record


def test_the_plan_says_what_an_engine_without_quotas_cannot_hold_to(shown: str) -> None:
    assert "cannot be bounded without quotas" in _after(shown, "caseway plan --out ../first.plan")


def test_workflows_reach_the_services_from_their_containers(shown: str) -> None:
    assert '"booked"' in _after(shown, "caseway trigger invoice-intake-dev")
    assert '"reservation"' in _after(shown, "caseway trigger order-saga-dev")


def test_a_script_runs_in_the_runtime_that_has_its_package(shown: str) -> None:
    assert '"imported": 2' in _after(shown, "caseway trigger catalog-import")


def test_the_last_plan_has_nothing_to_do(shown: str) -> None:
    assert "Nothing to do" in shown.rsplit("$ caseway plan\n", 1)[1]


def test_without_the_base_image_the_command_that_makes_it_is_said(
    surroundings: dict[str, str], tmp_path: Path
) -> None:
    nowhere = {**surroundings, "DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"}
    done = subprocess.run(
        [sys.executable, DEMO, "--executor", "docker", tmp_path],
        env=nowhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "dockerd" in done.stderr
    assert not (tmp_path / "acme-automations").exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["base-image"], "caseway runtime base"),
        (["demo", "EXECUTOR=docker"], "demo.py --executor docker"),
        (["demo"], "demo.py --executor local"),
    ],
)
def test_the_commands_of_the_readme_are_these(words: list[str], expected: str) -> None:
    done = subprocess.run(["make", "-n", *words], cwd=CLONE, capture_output=True, text=True, check=False)
    assert expected in done.stdout

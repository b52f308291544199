"""The wheel is what users get: built from the tree, installed into a clean environment, and used."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(900)  # whichever is first builds and installs
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment with the wheel; only its dependencies are borrowed from the running one."""
    home = tmp_path_factory.mktemp("clean")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    python = home / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", str(wheel)],
        check=True,
    )
    site = next(home.glob("lib/python*/site-packages"))
    borrowed = sysconfig.get_paths()["purelib"]
    (site / "zz_dependencies.pth").write_text(f"import sys; sys.path.append({borrowed!r})\n")
    return home


def test_the_wheel_holds_both_packages_their_types_and_the_schemas(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "caseway/py.typed",
        "caseway_runner/py.typed",
        "caseway/schemas/use-case.schema.json",
        "caseway/schemas/workflow.schema.json",
    } <= names


def test_the_installed_command_scaffolds_and_validates_a_project(installed: Path, tmp_path: Path) -> None:
    caseway = str(installed / "bin" / "caseway")
    for arguments in (["init", "."], ["validate", "."]):
        done = subprocess.run([caseway, *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_installed_package_comes_from_the_wheel(installed: Path) -> None:
    code = "import caseway; print(caseway.__file__)"
    done = subprocess.run(
        [installed / "bin" / "python", "-c", code], capture_output=True, text=True, check=True, cwd=installed
    )
    assert str(installed) in done.stdout


def test_the_runner_command_stands_alone(installed: Path) -> None:
    done = subprocess.run([installed / "bin" / "caseway-runner", "--help"], capture_output=True, text=True)
    assert done.returncode == 0

"""`caseway export` and `caseway import bundle`: a use case goes from one project to another."""

from __future__ import annotations

import io
import json
import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from caseway.repo.bundle import unpack
from caseway.repo.transplant import Need, adapted

SAMPLE = Path(__file__).resolve().parents[2] / "sample-repo"


@pytest.fixture
def exported(caseway, folder):
    """The sample's nightly report in a bundle, which needs three connections and a runtime."""
    shutil.copytree(SAMPLE, folder / "acme")
    assert caseway("-C", "acme", "export", "nightly-report", "--out", "report.zip").code == 0
    return folder / "report.zip"


@pytest.fixture
def other(caseway, folder):
    """Another project, with connections of other names."""
    assert caseway("init", "other", "--name", "other").code == 0
    for name in ("web-shop", "depot", "mail"):
        file = folder / "other" / "connections" / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        head = f"apiVersion: caseway/v1\nkind: Connection\nmetadata: {{name: {name}}}\n"
        file.write_text(f"{head}spec: {{type: http, url: 'https://{name}.example.com'}}\n")
    return folder / "other"


MAPS = ("--map", "connection:shop=web-shop", "--map", "connection:warehouse=depot")
RUNTIME = ("--map", "runtime:data-tools=default")


def test_a_bundle_is_the_same_bytes_each_time(caseway, exported, folder):
    assert caseway("-C", "acme", "export", "nightly-report", "--out", "again.zip").code == 0
    assert (folder / "again.zip").read_bytes() == exported.read_bytes()


def test_the_first_step_shows_what_is_needed_and_writes_nothing(caseway, exported, other):
    said = caseway("-C", "other", "import", "bundle", str(exported), "--yes", "--format", "json")
    assert said.code == 1
    missing = {(need["kind"], need["name"]) for need in said.json["needs"] if not need["given"]}
    assert missing >= {("connection", "shop"), ("connection", "warehouse")}
    assert said.json["files"] == []
    assert not (other / "use-cases").exists()
    assert "--map connection:shop=NAME" in caseway("-C", "other", "import", "bundle", str(exported)).out


def test_without_yes_nothing_is_written_even_when_every_need_is_met(caseway, exported, other):
    needs_runtime = runtimes_of(exported)
    said = caseway(
        "-C", "other", "import", "bundle", str(exported), *MAPS, *(RUNTIME if needs_runtime else ())
    )
    assert said.code == 0
    assert "--yes" in said.out
    assert not (other / "use-cases").exists()


def test_the_second_step_brings_a_use_case_that_validates(caseway, exported, other):
    words = (*MAPS, *(RUNTIME if runtimes_of(exported) else ()), "--name", "daily-report", "--yes")
    assert caseway("-C", "other", "import", "bundle", str(exported), *words).code == 0
    use_case = (other / "use-cases/daily-report/usecase.yaml").read_text()
    assert "connections: [web-shop, depot, mail]" in use_case
    assert "name: daily-report" in use_case
    workflow = (other / "use-cases/daily-report/workflows/report.yaml").read_text()
    assert "$[[ connections['web-shop'].url ]]/orders" in workflow
    assert "connections.shop" not in workflow
    validated = caseway("-C", "other", "validate", "--format", "json")
    assert validated.code == 0, validated.out


def runtimes_of(bundle: Path) -> list[str]:
    with zipfile.ZipFile(bundle) as archive:
        return list(json.loads(archive.read("bundle.json"))["needs"]["runtimes"])


def test_names_may_change_places(exported):
    found = [Need("connection", "shop", "warehouse"), Need("connection", "warehouse", "shop")]
    files = adapted(unpack(exported.read_bytes()), found)
    assert b"connections: [warehouse, shop, mail]" in files["usecase.yaml"]
    assert b"$[[ connections.warehouse.url ]]/orders" in files["workflows/report.yaml"]
    assert b"$[[ connections.shop.url ]]/stock" in files["workflows/report.yaml"]


def test_a_mapping_of_what_is_not_needed_is_refused(caseway, exported, other):
    said = caseway(
        "-C", "other", "import", "bundle", str(exported), "--map", "connection:shp=x", "--format", "json"
    )
    assert said.json["error"]["code"] == "bad-mapping"
    assert "shop" in said.json["error"]["hint"]


def test_a_connection_of_another_type_does_not_do(caseway, exported, other):
    file = other / "connections" / "web-shop.yaml"
    file.write_text(file.read_text().replace("type: http", "type: postgres").replace("https", "postgres"))
    said = caseway("-C", "other", "import", "bundle", str(exported), *MAPS, "--format", "json")
    assert any("of type postgres" in need["why"] for need in said.json["needs"])


def test_what_is_there_is_not_overwritten(caseway, exported):
    said = caseway("-C", "acme", "import", "bundle", str(exported), "--yes", "--format", "json")
    assert said.json["error"]["code"] == "exists"


def test_an_unknown_use_case_is_named(caseway, exported):
    said = caseway("-C", "acme", "export", "nobody", "--format", "json")
    assert said.json["error"]["code"] == "not-found"
    assert "nightly-report" in said.json["error"]["hint"]


def forged(exported: Path, name: str, content: bytes = b"x", mode: int = stat.S_IFREG | 0o644) -> Path:
    """The bundle with one more entry."""
    stream = io.BytesIO(exported.read_bytes())
    with zipfile.ZipFile(stream, "a") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        archive.writestr(entry, content)
    exported.write_bytes(stream.getvalue())
    return exported


@pytest.mark.parametrize(
    "name",
    [
        "../evil.yaml",
        "/evil.yaml",
        "use-case/../../evil",
        "use-case/a\\b",
        "use-case/.git/hooks/x",
        "C:/x",
        "a\nb",
    ],
)
def test_a_name_that_leaves_the_folder_is_refused(caseway, exported, other, name):
    said = caseway(
        "-C", "other", "import", "bundle", str(forged(exported, name)), "--yes", "--format", "json"
    )
    assert said.json["error"]["code"] == "bad-bundle"
    assert not (other / "use-cases").exists()


def test_a_link_is_refused(caseway, exported, other):
    file = forged(exported, "use-case/link", b"/etc/passwd", stat.S_IFLNK | 0o777)
    said = caseway("-C", "other", "import", "bundle", str(file), "--format", "json")
    assert said.json["error"]["code"] == "bad-bundle"


def test_a_file_that_the_manifest_does_not_name_is_refused(caseway, exported, other):
    said = caseway(
        "-C", "other", "import", "bundle", str(forged(exported, "use-case/more.yaml")), "--format", "json"
    )
    assert "manifest" in said.json["error"]["message"]


def test_a_bomb_is_refused(caseway, exported, other):
    stream = io.BytesIO(exported.read_bytes())
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("use-case/zeros", bytes(60_000_000))
    exported.write_bytes(stream.getvalue())
    said = caseway("-C", "other", "import", "bundle", str(exported), "--format", "json")
    assert "50 MB" in said.json["error"]["message"]


def test_what_is_no_zip_is_said_so(caseway, folder, other):
    (folder / "x.zip").write_bytes(b"PK no zip")
    said = caseway("-C", "other", "import", "bundle", "x.zip", "--format", "json")
    assert said.code == 1
    assert said.json["error"]["code"] == "bad-bundle"

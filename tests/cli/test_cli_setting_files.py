"""Secrets of the command line's settings come from files, when the environment names files."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from caseway.cli.setting_files import FILES, from_files
from caseway.model.errors import CasewayError


@pytest.mark.parametrize("name", FILES)
def test_a_setting_is_read_from_its_file_without_the_line_s_end(name, tmp_path):
    (tmp_path / "value").write_text("postgresql://x:y@z/db\n")
    found = from_files({name: str(tmp_path / "value")})
    assert found == {name.removesuffix("_FILE"): "postgresql://x:y@z/db"}


def test_without_files_nothing_is_added():
    assert from_files({"CASEWAY_TOKEN": "t", "CASEWAY_TOKEN_FILE": ""}) == {}


def test_a_setting_that_is_said_twice_is_refused(tmp_path):
    (tmp_path / "key").write_text("k")
    with pytest.raises(CasewayError, match="both set") as refused:
        from_files({"CASEWAY_SECRET_KEY": "k", "CASEWAY_SECRET_KEY_FILE": str(tmp_path / "key")})
    assert refused.value.code == "setting"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_file_that_holds_no_value_is_refused_and_named(content, tmp_path):
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CasewayError, match="CASEWAY_SECRET_KEY_FILE") as refused:
        from_files({"CASEWAY_SECRET_KEY_FILE": str(file)})
    assert str(file) in refused.value.message


def test_commands_use_what_the_file_says(tmp_path):
    (tmp_path / "url").write_text(f"sqlite:///{tmp_path / 'from-file.db'}\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CASEWAY_")}
    answer = subprocess.run(
        [sys.executable, "-m", "caseway", "db", "migrate"],
        env={**kept, "CASEWAY_DATABASE_URL_FILE": str(tmp_path / "url")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "from-file.db").exists()

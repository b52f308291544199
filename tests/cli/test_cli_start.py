"""How the command line begins: help, version, unknown commands, and what is imported for it."""

from __future__ import annotations

import subprocess
import sys

from caseway import __version__
from caseway.cli.main import COMMANDS

ALLOWED = {"click", "caseway", "typing_extensions"}

PROBE = """
import sys
from caseway.cli.main import cli
try:
    cli.main({words!r})
except SystemExit:
    pass
tops = {{name.partition('.')[0] for name in sys.modules}}
stdlib = sys.stdlib_module_names | {{'__main__', '__mp_main__'}}
print(sorted(name for name in tops - stdlib if not name.startswith(('_', 'sitecustomize'))), file=sys.stderr)
print(sorted(name for name in sys.modules if name.startswith('caseway')), file=sys.stderr)
"""


def loaded(*words: str) -> tuple[set[str], set[str]]:
    """Top-level modules outside the standard library, and our own modules, after a call."""
    answer = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            "import sys; sys.path[:0] = " + repr(sys.path) + PROBE.format(words=list(words)),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    tops, own = answer.stderr.strip().splitlines()[-2:]
    return set(eval(tops)), set(eval(own))


def test_bare_help_imports_nothing_but_click_and_us():
    assert loaded("--help")[0] <= ALLOWED


def test_version_imports_nothing_but_click_and_us():
    assert loaded("--version")[0] <= ALLOWED


def test_bare_help_imports_no_command_and_no_room_below():
    assert loaded("--help")[1] == {
        "caseway",
        "caseway.cli",
        "caseway.cli.exits",
        "caseway.cli.lazy",
        "caseway.cli.main",
        "caseway.cli.options",
        "caseway.cli.project_folder",
        "caseway.cli.session",
        "caseway.cli.setting_files",
        "caseway.model",
        "caseway.model.errors",
        "caseway.model.project_files",
    }


def test_bare_help_imports_neither_asyncio_nor_sqlite():
    code = (
        "import sys; from caseway.cli.main import cli\ntry: cli.main(['--help'])\nexcept SystemExit: pass\n"
    )
    code += "sys.exit(bool({'asyncio', 'sqlite3', 'json.tool', 'email'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_version_is_the_package_s(caseway):
    assert caseway("--version").out == f"caseway {__version__}\n"


def test_python_m_caseway_works():
    answer = subprocess.run(
        [sys.executable, "-m", "caseway", "--version"], capture_output=True, text=True, check=True
    )
    assert answer.stdout == f"caseway {__version__}\n"


def test_help_lists_every_command_with_one_line(caseway):
    said = caseway("--help")
    assert said.code == 0
    for name, (_, text) in COMMANDS.items():
        assert f"  {name}" in said.out
        assert text in said.out


def test_a_misspelt_command_is_answered_with_the_nearest(caseway):
    said = caseway("aply")
    assert said.code == 2
    assert "apply" in said.err
    assert said.out == ""


def test_every_command_has_help_and_takes_a_format(caseway):
    for name in COMMANDS:
        said = caseway(name, "--help")
        assert said.code == 0, name
        assert "Usage: " in said.out


def test_usage_errors_are_json_when_json_is_asked_for(caseway):
    said = caseway("plan", "--nonsense", "--format", "json")
    assert said.code == 2
    assert said.json["error"]["code"] == "usage"
    assert "--nonsense" in said.json["error"]["message"]


def test_the_format_may_stand_before_the_command(caseway):
    said = caseway("--format", "json", "status")
    assert said.json["error"]["code"] == "no-project"


def test_the_format_may_come_from_the_environment(caseway, monkeypatch):
    monkeypatch.setenv("CASEWAY_FORMAT", "json")
    assert caseway("status").json["error"]["code"] == "no-project"


def test_a_server_that_is_not_there_is_said_to_be_unreachable(caseway, project, monkeypatch):
    monkeypatch.setenv("CASEWAY_SERVER", "http://127.0.0.1:9")
    said = caseway("status", "--format", "json")
    assert said.code == 1
    assert said.json["error"]["code"] == "unreachable"


def test_what_is_done_on_the_platform_s_own_machine_says_so_when_a_server_is_set(
    caseway, project, monkeypatch
):
    monkeypatch.setenv("CASEWAY_SERVER", "http://127.0.0.1:9")
    for words in (("db", "migrate"), ("credential", "rotate"), ("serve", "worker")):
        said = caseway(*words, "--format", "json")
        assert said.code == 1
        assert said.json["error"]["code"] == "local-only"

"""The demo shows what the README promises, without a terminal too."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(900)  # whichever is first waits for the whole demo
DEMO = Path(__file__).parent / "demo" / "demo.py"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Everything the demo prints when nobody looks."""
    folder = tmp_path_factory.mktemp("demo")
    environment = {**os.environ, "HOME": str(tmp_path_factory.mktemp("home")), "CASEWAY_STAGE": "nowhere"}
    done = subprocess.run(
        [sys.executable, DEMO, folder],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def _after(shown: str, command: str, nth: int = 0) -> str:
    """What the nth run of a command printed."""
    parts = shown.split(f"\n$ {command}\n")
    assert len(parts) > nth + 1, f"{command} is not shown {nth + 1} times:\n{shown}"
    return re.split(r"\n\$ |\n \d+  ", parts[nth + 1])[0]


def test_there_is_no_colour_without_a_terminal(shown: str) -> None:
    assert "\033[" not in shown


def test_the_sample_is_valid(shown: str) -> None:
    assert "valid" in _after(shown, "caseway validate --strict")


def test_the_first_plan_creates_templates_and_instances(shown: str) -> None:
    plan = _after(shown, "caseway plan --out ../first.plan")
    assert "invoice-intake" in plan
    assert "1.0.0" in plan


def test_the_invoice_is_booked(shown: str) -> None:
    answer = shown.split("$ caseway trigger invoice-intake-dev", 1)[1].split("\n$ ", 1)[0]
    assert "completed" in answer
    assert "findSupplier" in answer
    assert '"booked"' in answer or "booked" in answer


def test_the_schedule_is_fired_now(shown: str) -> None:
    answer = _after(shown, "caseway trigger nightly-report-prod --run-now")
    assert "completed" in answer
    assert "fetchOrders" in answer


def test_the_execution_is_shown_with_its_task_tree(shown: str) -> None:
    assert "fetchOrders" in shown.split("$ caseway executions get", 1)[1].split("\n$ ", 1)[0]


def test_the_edit_becomes_a_minor_version(shown: str) -> None:
    plan = _after(shown, "caseway plan --out ../second.plan")
    assert "1.1.0" in plan
    assert "parameter 'costCentre' added" in plan
    assert "costCentre" in plan


def test_dev_follows_and_prod_shows_an_update(shown: str) -> None:
    rows = _after(shown, "caseway instance list --process invoice-intake").splitlines()
    dev = next(row for row in rows if "invoice-intake-dev" in row)
    prod = next(row for row in rows if "invoice-intake-prod" in row)
    assert "1.1.0" in dev
    assert "1.0.0" in prod
    assert "update available" in prod


def test_the_last_plan_has_nothing_to_do(shown: str) -> None:
    assert "nothing to do" in _after(shown, "caseway plan").lower()


def test_nothing_of_the_users_settings_leads_it_astray(shown: str) -> None:
    assert "nowhere" not in shown

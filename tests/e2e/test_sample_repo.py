"""The sample as its README promises: it validates, its tests pass, and it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.acme import CREDENTIALS, Acme, an_acme
from e2e.demo.stub_server import Stub, stub_services


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with stub_services() as running:
        yield running


@pytest.fixture(scope="module")
def acme(stub: Stub, tmp_path_factory: pytest.TempPathFactory) -> Acme:
    """The sample, applied, with every credential there."""
    made = an_acme(tmp_path_factory.mktemp("acme") / "repo", tmp_path_factory.mktemp("home"), stub.url)
    made.caseway("apply", "--yes")
    for name, scope, owner, value in CREDENTIALS:
        owned = ("--owner", owner) if owner else ()
        made.caseway("credential", "set", name, "--scope", scope, *owned, given=json.dumps(value))
    return made


def _instances(acme: Acme) -> dict[str, dict[str, object]]:
    return {item["name"]: item for item in acme.ask("instance", "list")["instances"]}


def test_nothing_is_to_be_mended(acme: Acme) -> None:
    assert acme.ask("validate", "--strict") == {"valid": True, "diagnostics": []}


def test_every_workflow_test_passes(acme: Acme) -> None:
    acme.caseway("test")


def test_every_use_case_has_two_tests_and_one_of_a_failure(acme: Acme) -> None:
    for use_case in (acme.folder / "use-cases").iterdir():
        tests = [file.read_text() for file in (use_case / "tests").glob("*.yaml")]
        assert len(tests) >= 2, use_case.name
        failing = [
            text
            for text in tests
            if any(word in text for word in ("faulted", "status: 4", "status: 5", "503"))
        ]
        assert failing, use_case.name


def test_there_is_nothing_left_to_do(acme: Acme) -> None:
    assert acme.ask("plan")["actions"] == []


def test_every_instance_is_active_but_the_report_in_dev(acme: Acme) -> None:
    phases = {name: item["phase"] for name, item in _instances(acme).items()}
    assert {name for name, phase in phases.items() if phase != "active"} == {"nightly-report-dev"}


def test_the_report_in_dev_is_paused_by_prod(acme: Acme) -> None:
    assert _instances(acme)["nightly-report-dev"]["autoPausedBy"] == "prod"


def test_a_small_invoice_is_booked(acme: Acme, stub: Stub) -> None:
    lines = [{"text": "Paper", "quantity": 2, "unitPrice": 20}]
    ended = acme.trigger(
        "invoice-intake-dev",
        "intake",
        {"number": "I-1", "supplier": "S-100", "currency": "EUR", "lines": lines},
    )
    assert ended["output"]["status"] == "booked"
    booked = next(item for item in stub.services.requests if item.path == "/erp/invoices")
    assert booked.headers["idempotency-key"] == "I-1"


def test_the_limit_is_the_instances(acme: Acme) -> None:
    lines = [{"text": "Chair", "quantity": 1, "unitPrice": 400}]
    invoice = {"number": "I-2", "supplier": "S-100", "currency": "EUR", "lines": lines}
    assert acme.trigger("invoice-intake-dev", "intake", invoice)["output"]["status"] == "awaiting-approval"
    assert acme.trigger("invoice-intake-prod", "intake", invoice)["output"]["status"] == "booked"


def test_a_blocked_supplier_is_rejected(acme: Acme) -> None:
    lines = [{"text": "Air", "quantity": 1, "unitPrice": 1}]
    invoice = {"number": "I-3", "supplier": "S-200", "currency": "EUR", "lines": lines}
    assert acme.trigger("invoice-intake-prod", "intake", invoice)["output"]["reason"] == "supplier is blocked"


def test_a_foreign_currency_faults(acme: Acme) -> None:
    lines = [{"text": "Chocolate", "quantity": 1, "unitPrice": 1}]
    invoice = {"number": "I-4", "supplier": "S-100", "currency": "CHF", "lines": lines}
    ended = acme.trigger("invoice-intake-prod", "intake", invoice)
    assert (ended["status"], ended["error"]["status"]) == ("faulted", 422)


def test_the_report_adds_up_and_goes_to_everybody(acme: Acme, stub: Stub) -> None:
    ended = json.loads(acme.caseway("trigger", "nightly-report-prod", "--run-now", "--format", "json"))
    assert ended["output"]["revenue"] == pytest.approx(120 + 79.5 + 310.25 + 64 + 18.75 + 1999)
    assert [item["returns"] for item in ended["output"]["regions"]] == [1, 0, 2]
    assert ended["output"]["shortStock"] == ["CUP", "TEA"]
    mails = [item.body["to"] for item in stub.services.requests if item.path == "/mail/messages"]
    assert mails == ["sales@acme.example", "ceo@acme.example"]


def test_a_busy_classifier_is_asked_again(acme: Acme) -> None:
    ended = acme.trigger("ticket-triage-maria", "triage", {"id": "T-1", "subject": "The shop is down"})
    assert ended["output"] == {"ticket": "T-1", "outcome": "paged", "category": "outage", "onCall": "sam"}
    assert max(task["attempts"] for task in ended["tasks"]) == 3


def test_each_lead_has_an_own_queue(acme: Acme) -> None:
    ticket = {"id": "T-2", "subject": "Where is my parcel?"}
    assert acme.trigger("ticket-triage-maria", "triage", ticket)["output"]["queue"] == "parcels"
    assert acme.trigger("ticket-triage-jonas", "triage", ticket)["output"]["queue"] == "returns"


ORDER = {
    "id": "O-1",
    "items": [{"sku": "TEA", "quantity": 1}],
    "card": "tok-4242",
    "total": 9,
    "country": "DE",
}


def test_an_order_ships(acme: Acme) -> None:
    assert acme.trigger("order-saga-prod", "fulfil", ORDER)["output"]["status"] == "shipped"


@pytest.mark.parametrize(
    ("change", "reason", "undone"),
    [
        ({"items": [{"sku": "CUP", "quantity": 1}]}, "Out of stock", []),
        ({"card": "tok-0002"}, "Card declined", ["reservation"]),
        ({"country": "AQ"}, None, ["charge", "reservation"]),
    ],
)
def test_an_order_that_fails_is_undone(
    acme: Acme, change: dict[str, object], reason: str | None, undone: list[str]
) -> None:
    output = acme.trigger("order-saga-dev", "fulfil", {**ORDER, **change})["output"]
    assert (output["status"], output["undone"]) == ("cancelled", undone)
    assert reason is None or output["reason"] == reason


def test_scripts_run_only_when_allowed(acme: Acme) -> None:
    given = {"supplier": "S-100", "csv": "sku,name,price\ntea,Tea,10\n"}
    refused = acme.trigger("catalog-import", "import", given)
    assert refused["status"] == "faulted"
    text = json.dumps(given)
    ended = acme.ask("trigger", "catalog-import", "import", "--input", text, "--allow-processes")
    assert ended["output"] == {"supplier": "S-100", "imported": 1}


def test_no_secret_is_in_the_store(acme: Acme) -> None:
    for file in Path(acme.folder / ".caseway").glob("state.db*"):
        assert b'"password": "p"' not in file.read_bytes()

"""Telemetry and the audit on the command line."""

from __future__ import annotations

import pytest


@pytest.fixture
def ran(caseway, project):
    """The id of an execution that has ended."""
    assert caseway("apply", "--yes").code == 0
    assert caseway("trigger", "hello").code == 0
    [found] = caseway("executions", "list", "--format", "json").json["executions"]
    return found["id"]


def test_the_spans_of_an_execution_form_a_tree(caseway, ran):
    spans = caseway("executions", "spans", ran, "--format", "json").json["spans"]
    assert spans[0]["parentId"] == ""
    assert {span["parentId"] for span in spans[1:]} <= {span["spanId"] for span in spans}


def test_the_spans_are_shown_indented(caseway, ran):
    first, second, *_ = caseway("executions", "spans", ran).out.splitlines()
    assert not first.startswith(" ")
    assert second.startswith("  ")


def test_the_spans_of_nothing_are_none(caseway, ran):
    assert caseway("executions", "spans", "nobody", "--format", "json").json["spans"] == []


def test_metrics_count_what_ended(caseway, ran):
    caseway("executions", "spans", ran)
    [window] = caseway("metrics", "--window", "day", "--format", "json").json["windows"]
    assert (window["process"], window["executions"], window["faulted"]) == ("hello", 1, 0)


def test_the_audit_says_who_did_what_newest_first(caseway, ran):
    caseway("instance", "pause", "hello")
    changes = caseway("audit", "--format", "json").json["changes"]
    assert (changes[0]["action"], changes[0]["name"]) == ("pause", "hello")


def test_the_audit_is_read_on_page_by_page(caseway, ran):
    first = caseway("audit", "--limit", "2", "--format", "json").json
    second = caseway("audit", "--limit", "2", "--cursor", first["nextCursor"], "--format", "json").json
    assert first["changes"][-1]["id"] > second["changes"][0]["id"]


def test_the_audit_of_one_name_holds_nothing_else(caseway, ran):
    changes = caseway("audit", "--name", "hello", "--format", "json").json["changes"]
    assert {change["name"] for change in changes} == {"hello"}

"""Reports show every finding, once, safely, in the words of their readers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caseway.model.diagnostic import Diagnostic, Severity
from caseway.model.errors import CasewayError
from caseway.repo.excerpt import excerpt
from caseway.repo.reports import FORMATS, fails, render

SOURCE = "apiVersion: caseway/v1\nkind: Instance\nspec:\n  useCase: demmo # which\n"


def a_finding(**parts: Any) -> Diagnostic:
    said = {
        "file": "instances/a.yaml",
        "line": 4,
        "column": 12,
        "pointer": "/spec/useCase",
        "code": "CW301",
        "severity": Severity.ERROR,
        "message": 'there is no use case "demmo"',
        "hint": 'did you mean "demo"?',
    }
    return Diagnostic(**{**said, **parts})


def test_text_shows_place_code_message_line_caret_hint_and_count() -> None:
    assert render([a_finding()], "text", source=lambda _: SOURCE) == (
        'instances/a.yaml:4:12: error CW301 there is no use case "demmo"\n'
        "     |\n"
        "   4 |   useCase: demmo # which\n"
        "     |            ^^^^^\n"
        '     = did you mean "demo"?\n'
        "\n"
        "found 1 error in 1 file\n"
    )


def test_text_without_a_source_has_no_excerpt() -> None:
    assert " | " not in render([a_finding()], "text")


def test_text_of_nothing_is_empty() -> None:
    assert render([], "text") == ""


def test_text_counts_by_severity_and_says_what_can_be_fixed() -> None:
    found = [
        a_finding(),
        a_finding(line=5),
        a_finding(severity=Severity.WARNING, file="b.yaml"),
        a_finding(severity=Severity.NOTE, code="CW808", fixable=True),
    ]
    last = render(found, "text").splitlines()[-1]
    assert last == "found 2 errors, 1 warning, 1 note in 2 files; 1 fixable with `caseway validate --fix`"


def test_a_finding_about_a_whole_file_has_no_line() -> None:
    assert render([a_finding(line=0, column=0)], "text").startswith("instances/a.yaml: error CW301")


def test_colour_is_only_there_when_asked_for() -> None:
    assert "\x1b[" not in render([a_finding()], "text")
    colored = render([a_finding()], "text", color=True, source=lambda _: SOURCE)
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == render([a_finding()], "text", source=lambda _: SOURCE)


@given(st.text(), st.text(), st.text(), st.text())
def test_text_never_prints_a_control_character_of_the_repo(
    file: str, message: str, hint: str, line: str
) -> None:
    shown = render([a_finding(file=file, message=message, hint=hint, line=1)], "text", source=lambda _: line)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    shown.encode()


def test_json_is_exactly_the_contract() -> None:
    assert json.loads(render([a_finding()], "json")) == {
        "valid": False,
        "diagnostics": [
            {
                "file": "instances/a.yaml",
                "line": 4,
                "column": 12,
                "pointer": "/spec/useCase",
                "code": "CW301",
                "severity": "error",
                "message": 'there is no use case "demmo"',
                "hint": 'did you mean "demo"?',
            }
        ],
    }


@pytest.mark.parametrize(
    ("severity", "strict", "valid"),
    [
        (Severity.ERROR, False, False),
        (Severity.WARNING, False, True),
        (Severity.WARNING, True, False),
        (Severity.NOTE, True, True),
    ],
)
def test_strict_lets_warnings_fail_but_never_notes(severity: Severity, strict: bool, valid: bool) -> None:
    found = [a_finding(severity=severity)]
    assert fails(found, strict=strict) is not valid
    assert json.loads(render(found, "json", strict=strict))["valid"] is valid


def test_github_gets_one_escaped_command_per_finding() -> None:
    found = a_finding(file="a,b:c%.yaml", message="50% of\r\n::error::this", hint="line")
    assert render([found], "github", prefix="sub/") == (
        "::error file=sub/a%2Cb%3Ac%25.yaml,line=4,col=12,title=Caseway CW301::"
        "50%25 of%0D%0A::error::this%0Aline\n"
    )


def test_github_knows_warnings_and_notices_and_whole_files() -> None:
    found = [a_finding(severity=Severity.NOTE, line=0, column=0), a_finding(severity=Severity.WARNING)]
    first, second = render(found, "github").splitlines()
    assert first.startswith("::notice file=instances/a.yaml,title=")
    assert second.startswith("::warning file=instances/a.yaml,line=4,col=12,title=")


@given(st.text(), st.text())
def test_github_commands_stay_on_their_line(file: str, message: str) -> None:
    text = render([a_finding(file=file, message=message)], "github")
    assert text.count("\n") == 1
    assert "\r" not in text


def test_sarif_has_what_the_standard_requires() -> None:
    found = [a_finding(), a_finding(file="b c.yaml", line=0, column=0, pointer="", code="CW999", hint="")]
    log = json.loads(render(found, "sarif", prefix="repo/"))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "Caseway"
    assert [rule["id"] for rule in driver["rules"]] == ["CW301", "CW999"]
    assert driver["rules"][0]["name"] == "UnknownUseCase"
    assert driver["rules"][0]["defaultConfiguration"] == {"level": "error"}
    by_code = {result["ruleId"]: result for result in run["results"]}
    first = by_code["CW301"]
    assert driver["rules"][first["ruleIndex"]]["id"] == "CW301"
    assert first["level"] == "error"
    assert first["message"] == {"text": 'there is no use case "demmo"\ndid you mean "demo"?'}
    physical = first["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": "repo/instances/a.yaml", "uriBaseId": "%SRCROOT%"}
    assert physical["region"] == {"startLine": 4, "startColumn": 12}
    assert first["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "/spec/useCase"
    assert re.fullmatch("[0-9a-f]{64}", first["partialFingerprints"]["casewayFinding/v1"])
    other = by_code["CW999"]["locations"][0]
    assert other["physicalLocation"] == {
        "artifactLocation": {"uri": "repo/b%20c.yaml", "uriBaseId": "%SRCROOT%"}
    }
    assert "logicalLocations" not in other


def test_sarif_fingerprints_survive_moved_lines() -> None:
    logs = [json.loads(render([a_finding(line=line)], "sarif")) for line in (4, 9)]
    assert len({str(log["runs"][0]["results"][0]["partialFingerprints"]) for log in logs}) == 1


def test_an_unknown_format_is_refused_with_those_that_exist() -> None:
    with pytest.raises(CasewayError, match="no report format") as caught:
        render([], "xml")
    assert "sarif" in caught.value.hint


@given(st.sampled_from(FORMATS), st.lists(st.text(max_size=5), max_size=4))
def test_every_format_shows_every_finding(format: str, messages: list[str]) -> None:
    found = [a_finding(message=message, line=index + 1) for index, message in enumerate(messages)]
    assert render(found, format).count("CW301") >= len(found)


def test_an_excerpt_of_a_long_line_shows_its_surroundings() -> None:
    shown = excerpt("a" * 500 + " here " + "b" * 500, 1, 502)
    assert shown is not None
    assert shown.text[shown.start : shown.start + shown.length] == "here"
    assert len(shown.text) <= 102


def test_an_excerpt_underlines_a_quoted_text_as_a_whole() -> None:
    shown = excerpt('  name: "a b" # c', 1, 9)
    assert shown is not None
    assert shown.text[shown.start : shown.start + shown.length] == '"a b"'


def test_an_excerpt_counts_wide_characters_as_two_cells() -> None:
    shown = excerpt("名: x", 1, 4)
    assert shown is not None
    assert shown.start == 4


def test_there_is_no_excerpt_of_a_line_that_does_not_exist() -> None:
    assert excerpt("one\n", 7, 1) is None


@given(st.text(), st.integers(1, 5), st.integers(1, 300))
def test_no_place_crashes_an_excerpt(source: str, line: int, column: int) -> None:
    shown = excerpt(source, line, column)
    assert shown is None or shown.length >= 1

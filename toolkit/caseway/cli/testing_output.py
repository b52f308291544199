"""Test results as text, JSON or JUnit XML."""

from __future__ import annotations

import json
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from caseway.cli.outcome_text import span
from caseway.cli.output import clean, paint, print_json, say
from caseway.cli.session import Session
from caseway.cli.testing import SuiteReport
from caseway.worker.suite import Failure, Result

_XML_UNFIT = {code: None for code in range(32) if code not in {9, 10, 13}}


def print_suite(session: Session, report: SuiteReport, *, shows_coverage: bool) -> None:
    """The report in the form the session asks for."""
    if session.is_json:
        print_json(_as_json(report))
    elif session.settings.format == "junit":
        say(_as_junit(report))
    else:
        _say(report, shows_coverage)


def _as_json(report: SuiteReport) -> dict[str, Any]:
    return {
        "passed": report.is_passed,
        "tests": [
            {
                "name": result.case.name,
                "useCase": result.case.use_case,
                "workflow": result.case.workflow,
                "place": result.case.place,
                "passed": result.is_passed,
                "seconds": round(result.seconds, 4),
                "failures": [_failure_json(failure) for failure in result.failures],
                "scores": [
                    {
                        "name": one.name,
                        "score": one.score,
                        "threshold": one.threshold,
                        "passed": one.is_passed,
                    }
                    for one in result.scores
                ],
            }
            for result in report.results
        ],
        "coverage": [
            {
                "workflow": item.workflow,
                "percent": round(item.percent, 1),
                "tasks": len(item.tasks),
                "missed": list(item.missed),
                "branchPercent": round(item.branch_percent, 1),
                "branches": len(item.branches),
                "missedBranches": list(item.missed_branches),
            }
            for item in report.coverage
        ],
    }


def _failure_json(failure: Failure) -> dict[str, Any]:
    return {
        "what": failure.what,
        "expected": failure.expected,
        "actual": failure.actual,
        "difference": list(failure.difference),
    }


def _say(report: SuiteReport, shows_coverage: bool) -> None:
    group = None
    for result in report.results:
        if result.case.use_case != group:
            group = result.case.use_case
            say(paint(clean(group or "(no use case)"), "", bold=True))
        _say_result(result)
    failed = sum(not result.is_passed for result in report.results)
    total = sum(result.seconds for result in report.results)
    say()
    if shows_coverage:
        _say_coverage(report)
    passed = len(report.results) - failed
    words = [paint(f"{passed} passed", "green", bold=True)] if passed else []
    words += [paint(f"{failed} failed", "red", bold=True)] if failed else []
    say(", ".join(words) + f" in {span(total)}")


def _say_result(result: Result) -> None:
    mark = paint("✓", "green") if result.is_passed else paint("✗", "red")
    took = paint(span(result.seconds), "bright_black")
    say(f"  {mark} {clean(result.case.workflow)}: {clean(result.case.name)} {took}")
    if not result.is_passed:
        say(paint(f"      {clean(result.case.place)}", "bright_black"))
    for failure in result.failures:
        _say_failure(failure)
    for one in result.scores:
        if one.is_passed:
            bar = paint(f"of {one.threshold:g}", "bright_black")
            say(f"      {paint(f'{one.score:.3g}', 'green')} {bar} {clean(one.name)}")


def _say_failure(failure: Failure) -> None:
    if failure.expected is None and failure.actual is None:
        say(f"      {paint(clean(failure.what, lines=True), 'red')}")
    elif failure.difference and failure.difference[0].startswith("---"):
        say(f"      {paint(clean(failure.what), 'red')} differs")
    else:
        say(
            f"      {paint(clean(failure.what), 'red')}: "
            f"expected {_short(failure.expected)}, got {_short(failure.actual)}"
        )
    for line in failure.difference:
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        say(f"        {paint(clean(line), colour)}")


def _say_coverage(report: SuiteReport) -> None:
    for item in report.coverage:
        colour = "green" if item.percent >= 99.95 else "yellow"
        say(f"{paint(f'{item.percent:5.1f} %', colour)} of tasks in {clean(item.workflow)}")
        for task in item.missed:
            say(paint(f"          not visited: {clean(task)}", "bright_black"))
        if item.branches:
            colour = "green" if not item.missed_branches else "yellow"
            say(f"{paint(f'{item.branch_percent:5.1f} %', colour)} of branches in {clean(item.workflow)}")
        for way in item.missed_branches:
            say(paint(f"          not taken: {clean(way)}", "bright_black"))
    say()


def _short(value: Any) -> str:
    text = clean(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= 300 else text[:299] + "…"


def _as_junit(report: SuiteReport) -> str:
    failed = sum(not result.is_passed for result in report.results)
    suite = Element(
        "testsuite",
        name="caseway",
        tests=str(len(report.results)),
        failures=str(failed),
        errors="0",
        time=f"{sum(result.seconds for result in report.results):.3f}",
    )
    _add_coverage(suite, report)
    for result in report.results:
        case = SubElement(
            suite,
            "testcase",
            classname=f"{result.case.use_case}.{result.case.workflow}",
            name=_fit(result.case.name),
            file=_fit(result.case.place.rpartition(":")[0]),
            time=f"{result.seconds:.3f}",
        )
        if result.scores:
            told = SubElement(case, "properties")
            for one in result.scores:
                SubElement(told, "property", name=_fit(f"score.{one.name}"), value=f"{one.score:g}")
        for failure in result.failures:
            node = SubElement(case, "failure", message=_fit(f"{failure.what} differs"))
            lines = failure.difference or (
                f"expected: {_short(failure.expected)}",
                f"actual: {_short(failure.actual)}",
            )
            node.text = _fit("\n".join(lines))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suite, encoding="unicode")


def _add_coverage(suite: Element, report: SuiteReport) -> None:
    """Coverage as properties of the suite: JUnit has no element for it."""
    properties = SubElement(suite, "properties")
    for item in report.coverage:
        values = {
            "tasks": f"{item.percent:.1f}",
            "branches": f"{item.branch_percent:.1f}",
            "missed": " ".join(item.missed),
            "missedBranches": "; ".join(item.missed_branches),
        }
        for name, value in values.items():
            if value:
                SubElement(
                    properties, "property", name=_fit(f"coverage.{item.workflow}.{name}"), value=_fit(value)
                )


def _fit(text: str) -> str:
    return text.translate(_XML_UNFIT)

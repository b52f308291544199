"""The page of a run: what it says, that it fits wherever it goes, and that nothing in it acts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caseway.github.event import Event, PullRequest, Run
from caseway.github.job import Do, Job
from caseway.github.page import characters, page, size
from caseway.github.report import Address, Part, PreviewView, Report, Step, Trouble, Version
from caseway.model.desired import Source
from caseway.model.diagnostic import Diagnostic, Severity
from caseway.model.plan import Action, Change, Kind, Plan, Summary, Verb
from caseway.platform.apply import ActionResult, ApplyReport

RUN = "https://github.com/acme/app/actions/runs/1"
EVENT = Event(
    "pull_request",
    "opened",
    "acme/app",
    sha="c" * 40,
    pull_request=PullRequest(7, head_sha="a" * 40),
    run=Run(RUN, 1),
)
PLANNED = Job(Do.PLAN, "the pull request is planned against 'dev'", ("dev",))


def an_action(name: str = "greet", reason: str = "patch: content changed", **changes: Any) -> Action:
    values = {
        "id": f"create-template:{name}@1.0.1",
        "verb": Verb.CREATE,
        "kind": Kind.TEMPLATE,
        "name": f"{name}@1.0.1",
        "reason": reason,
        "changes": (Change("/title", "Before", "After"),),
        "payload": {"process": name, "from": "1.0.0"},
    }
    return Action(**{**values, **changes})


def a_plan(*actions: Action, **changes: Any) -> Plan:
    return Plan("shop", "acme", 3, Source("c" * 40), Summary(create=len(actions)), actions=actions, **changes)


def a_report(**changes: Any) -> Report:
    return Report(**{"event": EVENT, "job": PLANNED, **changes})


def shown(report: Report, limit: int = 60_000, *, is_comment: bool = True) -> str:
    return page(report, limit, characters, is_comment=is_comment)


def test_it_says_which_version_comes_and_why() -> None:
    text = shown(a_report(parts=(Part("shop", "dev", a_plan(an_action())),)))
    assert "| greet | 1.0.0 → **1.0.1** | patch: content changed |" in text
    assert text.startswith("### ✅ Caseway: Planned\n")


def test_findings_link_to_their_lines() -> None:
    found = Diagnostic(
        "use-cases/a b/x.yaml", 3, 5, "", "CW201", Severity.ERROR, "no key 'titel'", "write 'title'"
    )
    text = shown(a_report(findings=(found,), prefix="services/"))
    address = f"https://github.com/acme/app/blob/{'a' * 40}/services/use-cases/a%20b/x.yaml#L3"
    assert f"[use-cases/a b/x.yaml:3]({address})" in text
    assert "### ❌ Caseway: 1 error in the project" in text
    assert "write 'title'" in text


def test_a_preview_is_shown_with_how_to_call_it() -> None:
    address = Address("greet--pr-7", "hello", "https://caseway.test/hooks/1/hello")
    view = PreviewView(
        "pr-7", "ready", "2026-11-24 11:19 UTC", addresses=(address,), instances=("greet--pr-7",)
    )
    text = shown(a_report(parts=(Part("shop", "dev", a_plan(), preview=view),)))
    assert "POST <https://caseway.test/hooks/1/hello>" in text
    assert 'curl -X POST -H "X-API-Key: $KEY"' in text
    assert "until 2026-11-24 11:19 UTC" in text


def test_a_failed_action_is_shown_with_what_to_do() -> None:
    failed = ActionResult(
        "deploy-deployment:greet", "failed", 0.1, "connection-missing", "no db", "declare it"
    )
    part = Part("shop", "dev", a_plan(an_action()), ApplyReport((failed,), 9))
    text = shown(a_report(job=Job(Do.APPLY, "'main' deploys to 'dev'"), parts=(part,)))
    assert "### ❌ Caseway: 1 action failed" in text
    assert "deploy-deployment:greet: no db (declare it)" in text


def test_what_stopped_the_run_is_shown_with_the_next_step() -> None:
    text = shown(a_report(trouble=Trouble("the server does not answer", "is it up?")))
    assert "> **the server does not answer**\n> is it up?" in text


def test_durations_stand_at_the_end() -> None:
    text = shown(a_report(steps=(Step("validate", 0.25), Step("apply", 2.0))))
    assert "validate 250 ms · apply 2.0 s" in text.splitlines()[-1]


def test_a_long_plan_is_folded_in_a_comment_and_open_in_the_summary() -> None:
    report = a_report(parts=(Part("shop", "dev", a_plan(*(an_action(f"use-case-{n}") for n in range(60)))),))
    assert "<details><summary>The whole plan of shop</summary>" in shown(report)
    assert "The whole plan" not in shown(report, is_comment=False)


def test_a_plan_that_is_too_long_is_cut_and_says_where_the_rest_is() -> None:
    report = a_report(
        parts=(Part("shop", "dev", a_plan(*(an_action(f"use-case-{n}") for n in range(3000)))),)
    )
    text = shown(report)
    assert characters(text) <= 60_000
    assert f"[the summary of this run]({RUN})" in text
    assert "use-case-0" in text


@pytest.mark.parametrize("limit", [300, 1_000, 5_000, 60_000])
def test_whatever_the_limit_it_is_kept(limit: int) -> None:
    found = tuple(Diagnostic(f"{n}.yaml", n, 1, "", "CW201", Severity.ERROR, "🙂" * 90) for n in range(500))
    parts = tuple(Part(f"p{n}", "dev", a_plan(*(an_action(f"u{m}") for m in range(90)))) for n in range(9))
    assert characters(shown(a_report(findings=found, parts=parts), limit)) <= limit


# Nothing acts

HOSTILE = (
    "@acme/all",
    "#1",
    "</details>",
    "<!-- caseway:ci-000 run=9.9 -->",
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.test/x.png)",
    "[click](javascript:alert(1))",
    "| a | b |",
    "```\nout",
    "~~~",
    "www.evil.test",
    "http://evil.test",
    "\n/close\n",
    "\r\n# heading",
    "\u202egnp.exe",
    "&lt;b&gt;",
    "`code`",
    "**bold**",
)
texts = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=12), min_size=1, max_size=4).map(" ".join)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    text = draw(st.shared(texts, key="text"))
    found = Diagnostic(text, 3, 1, "", "CW201", Severity.ERROR, text, text)
    action = an_action(text, text, changes=(Change("/" + text, text, {"x": text}),))
    address = Address(text, text, draw(st.sampled_from([f"/{text}", f"https://caseway.test/{text}"])))
    view = PreviewView("pr-7", "stale", error=text, addresses=(address,), instances=(text,))
    result = ActionResult(text, "failed", message=text, hint=text)
    part = Part(text, text, a_plan(action, blocked=(text,), notices=(text,)), ApplyReport((result,), 1), view)
    return a_report(
        job=Job(Do.PREVIEW_UP, text),
        findings=(found,),
        prefix="a/",
        parts=(part,),
        trouble=Trouble(text, text),
        remarks=(text,),
    )


def outside_of_fences(text: str) -> list[str]:
    """The lines that are not code."""
    kept: list[str] = []
    fence = ""
    for line in text.split("\n"):
        marks = re.match(r"`{3,}", line)
        if marks and not fence:
            fence = marks[0]
        elif fence and line == fence:
            fence = ""
        elif not fence:
            kept.append(line)
    assert not fence, "a fence stays open"
    return kept


@given(reports())
@settings(max_examples=60)
def test_no_text_of_a_repository_mentions_links_or_commands(report: Report) -> None:
    lines = outside_of_fences(shown(report))
    # Where our own links lead is ours to say, whatever stands in the path.
    text = re.sub(r"\]\(https://github\.com/[^)]*\)|<https://caseway\.test/[^>]*>", "", "\n".join(lines))
    assert not re.search(r"@(?!\u200b)", text)
    assert "http://evil" not in text
    assert "www.evil" not in text
    assert "#1" not in text
    assert "<img" not in text.replace("\\<img", "")
    # Between HTML tags on one line, Markdown is not read.
    assert not re.search(r"(?<!\\)!\[", re.sub(r"<summary>.*</summary>", "", text))
    assert not any(line.lstrip().startswith("/") for line in lines)
    assert "<!--" not in text.replace("\\<\\!--", "").replace("\\<!--", "")


@pytest.mark.parametrize("reason", ["/", "/close", " /close", "\n/close"])
def test_a_reason_that_looks_like_a_command_is_none(reason: str) -> None:
    lines = outside_of_fences(shown(a_report(job=Job(Do.PREVIEW_UP, reason))))
    assert not any(line.lstrip().startswith("/") for line in lines)


@given(reports())
@settings(max_examples=60)
def test_tables_keep_their_shape_whatever_is_in_them(report: Report) -> None:
    lines = outside_of_fences(shown(report))
    for at, line in enumerate(lines):
        if re.fullmatch(r"\|(---\|)+", line):
            columns = line.count("|")
            below = (row for row in lines[at + 1 :])
            for row in below:
                if not row.startswith("|"):
                    break
                assert len(re.findall(r"(?<!\\)\|", row)) == columns, row


@given(reports())
@settings(max_examples=30)
def test_what_is_folded_is_closed_again(report: Report) -> None:
    lines = outside_of_fences(shown(report))
    opened = sum(line.startswith("<details>") for line in lines)
    assert opened == sum(line == "</details>" or line.endswith("</details>") for line in lines)


def test_the_summary_fits_a_megabyte_in_bytes() -> None:
    actions = [
        an_action(f"use-case-{n}", "ä" * 100, changes=(Change("/x", "ä" * 500, "ö" * 500),))
        for n in range(1500)
    ]
    text = page(a_report(parts=(Part("shop", "dev", a_plan(*actions)),)), 1_000_000, size)
    assert 200_000 < len(text.encode()) <= 1_000_000


def test_versions_of_a_preview_are_shown_without_a_plan() -> None:
    view = PreviewView("pr-7", "ready", versions=(Version("greet", "1.0.1", "", "patch"),))
    assert "| greet | **1.0.1** | patch |" in shown(a_report(parts=(Part("shop", preview=view),)))

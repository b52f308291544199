"""A report as Markdown: the step's summary and the pull request's comment are the same page, cut differently.

Rule: whatever a repository or a contributor wrote goes through `inline`, `fenced` or a quoted URL. What
matters most is cut last: verdict, findings, previews and versions come before the plan's details."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from caseway import __version__
from caseway.github.job import Do
from caseway.github.report import Address, Part, PreviewView, Report, Version, counted
from caseway.model.diagnostic import Diagnostic, Severity
from caseway.reconcile.markdown import as_markdown, fenced, inline

_LONG_PLAN = 2_500  # characters above which the plan is folded away
_ROWS = 30
_SMALLEST_PLAN = 600
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9._:/~{}?=&%\[\]-]+")
_ICONS = {Severity.ERROR: "❌", Severity.WARNING: "⚠️", Severity.NOTE: "💬"}
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def characters(text: str) -> int:
    """The length of a text as forges count it: UTF-16 units."""
    return len(text.encode("utf-16-le", "replace")) // 2


def size(text: str) -> int:
    """The length of a text in bytes."""
    return len(text.encode("utf-8", "replace"))


def page(report: Report, limit: int, measure: Callable[[str], int], *, is_comment: bool = False) -> str:
    """The report as Markdown whose `measure` is at most `limit`. A comment folds long plans away, and says
    where the rest is when it was cut."""
    rest = _rest(report) if is_comment else ""
    head = "\n".join(_head(report))
    tail = "\n".join(_tail(report))
    room = limit - measure(head) - measure(tail) - measure(rest) - 64
    plans = [part for part in report.parts if part.plan is not None and _shows_plan(report, part)]
    share = max(room // max(len(plans), 1), 0)
    while True:
        body, is_cut = _plans(plans, share, is_comment=is_comment)
        text = "\n".join(piece for piece in (head, body, rest if is_cut else "", tail) if piece) + "\n"
        if measure(text) <= limit:
            return text
        if share < _SMALLEST_PLAN:
            return _last_resort(report, limit, measure)
        share //= 2


def _last_resort(report: Report, limit: int, measure: Callable[[str], int]) -> str:
    text = f"### {_title(report)}\n\n{_rest(report)}\n"
    return text if measure(text) <= limit else ""


def _shows_plan(report: Report, part: Part) -> bool:
    assert part.plan is not None
    return report.job.do is not Do.PREVIEW_DOWN and not (part.plan.is_empty and not part.plan.blocked)


def _head(report: Report) -> Iterator[str]:
    yield f"### {_title(report)}"
    yield ""
    if report.job.reason:
        yield _opening(inline(_sentence(report)))
        yield ""
    if report.trouble is not None:
        if report.trouble.message != report.job.reason:
            yield f"> **{inline(report.trouble.message)}**"
        if report.trouble.hint:
            yield f"> {inline(report.trouble.hint)}"
        yield ""
    for remark in report.remarks[:_ROWS]:
        yield f"> ⚠️ {inline(remark)}"
        yield ""
    yield from _findings(report)
    for part in report.parts:
        yield from _part(part)


def _title(report: Report) -> str:
    icon = "✅" if report.is_ok else "❌"
    if report.is_ok and report.job.do is Do.DRIFT and report.is_changed:
        icon = "⚠️"
    return f"{icon} Caseway: {inline(report.headline)}"


def _sentence(report: Report) -> str:
    reason = report.job.reason
    return reason[:1].upper() + reason[1:] + ("" if reason.endswith(".") else ".")


def _opening(text: str) -> str:
    """Text that begins a line, where some forges read a slash as a command to themselves."""
    return f"\u200b{text}" if text.lstrip().startswith("/") else text


def _part(part: Part) -> Iterator[str]:
    where = f" · {inline(part.stage)}" if part.stage else ""
    yield f"#### {inline(part.project)}{where}"
    yield ""
    if part.against:
        yield f"*Planned {inline(part.against)}; version numbers are those of an empty platform.*"
        yield ""
    if part.plan is not None and part.plan.is_empty and not part.plan.blocked:
        yield f"Nothing to do: {part.plan.summary.unchanged} unchanged."
        yield ""
    if part.applied is not None:
        yield from _applied(part)
    if part.preview is not None:
        yield from _preview(part.preview)
    yield from _version_rows(part.versions)


def _findings(report: Report) -> Iterator[str]:
    if not report.findings:
        return
    found = sorted(report.findings, key=lambda each: (_ORDER[each.severity], each))
    yield "| | Where | What |"
    yield "|---|---|---|"
    for each in found[:_ROWS]:
        hint = f"<br>{inline(each.hint)}" if each.hint else ""
        what = f"{inline(each.message)} `{each.code}`{hint}"
        yield f"| {_ICONS[each.severity]} | {_place(report, each)} | {what} |"
    if len(found) > _ROWS:
        yield f"| | | … and {len(found) - _ROWS} more |"
    yield ""


def _place(report: Report, found: Diagnostic) -> str:
    path = report.prefix + found.file
    shown = inline(f"{found.file}:{found.line}" if found.line else found.file)
    url = report.event.run.url
    if "/actions/runs/" not in url or not report.event.commit:
        return shown
    base = url.partition("/actions/runs/")[0]
    line = f"#L{found.line}" if found.line else ""
    return f"[{shown}]({base}/blob/{quote(report.event.commit, safe='')}/{quote(path, safe='/')}{line})"


def _version_rows(versions: Sequence[Version]) -> Iterator[str]:
    if not versions:
        return
    yield "| Use case | Version | Because |"
    yield "|---|---|---|"
    for each in versions[:_ROWS]:
        number = (
            f"{inline(each.before)} → **{inline(each.version)}**"
            if each.before
            else f"**{inline(each.version)}**"
        )
        yield f"| {inline(each.use_case)} | {number} | {inline(each.rule)} |"
    if len(versions) > _ROWS:
        yield f"| … and {len(versions) - _ROWS} more | | |"
    yield ""


def _applied(part: Part) -> Iterator[str]:
    assert part.applied is not None
    results = part.applied.results
    done = sum(result.status in {"done", "unchanged"} for result in results)
    waiting = [result for result in results if result.status == "waiting"]
    yield f"{counted(done, 'action')} done, revision {part.applied.revision}."
    yield ""
    for result in part.failed[:_ROWS]:
        hint = f" ({inline(result.hint)})" if result.hint else ""
        yield f"- ❌ {inline(result.id)}: {inline(result.message)}{hint}"
    for result in waiting[:_ROWS]:
        yield f"- ⏳ {inline(result.id)} waits for a credential and goes live by itself once it is there"
    if part.failed or waiting:
        yield ""


def _preview(preview: PreviewView) -> Iterator[str]:
    until = f", until {inline(preview.expires)}" if preview.expires else ""
    yield f"**Preview** {inline(preview.id)} is {inline(preview.status)}{until}"
    yield ""
    if preview.error:
        yield f"> ❌ {inline(preview.error)}"
        yield ""
    if preview.addresses:
        yield "| Instance | Workflow | Address |"
        yield "|---|---|---|"
        for each in preview.addresses[:_ROWS]:
            yield f"| {inline(each.instance)} | {inline(each.workflow)} | {each.method} {_link(each.url)} |"
        if len(preview.addresses) > _ROWS:
            yield f"| … and {len(preview.addresses) - _ROWS} more | | |"
        yield ""
    yield from _how_to(preview)


def _how_to(preview: PreviewView) -> Iterator[str]:
    first = next(iter(preview.addresses), None)
    if first is None and not preview.instances:
        return
    yield "<details><summary>How to trigger it</summary>"
    yield ""
    if first is not None:
        yield fenced("\n".join(_call(first)), "sh")
    else:
        yield fenced(f"caseway trigger {shlex.quote(preview.instances[0])}", "sh")
    yield ""
    yield "</details>"
    yield ""


def _call(address: Address) -> Iterator[str]:
    if address.needs_key:
        yield f"KEY=$(caseway key create {shlex.quote(address.instance)})   # shown once"
    key = ' -H "X-API-Key: $KEY"' if address.needs_key else ""
    body = "-H 'Content-Type: application/json' -d '{}'"
    yield f"curl -X {address.method}{key} {body} {shlex.quote(address.url)}"


def _link(url: str) -> str:
    """An address as a link to itself; one that is no plain URL is shown as text."""
    if not _PLAIN_URL.fullmatch(url):
        return inline(url)
    return f"<{url}>"


def _plans(parts: Sequence[Part], share: int, *, is_comment: bool) -> tuple[str, bool]:
    """The plans, each in `share` characters, and whether something was left out."""
    pieces: list[str] = []
    is_cut = False
    for part in parts:
        assert part.plan is not None
        if share < _SMALLEST_PLAN:
            is_cut = True
            continue
        text = as_markdown(part.plan, share - 120).rstrip()
        is_cut = is_cut or "left out: too long" in text or "… and" in text
        if is_comment and len(text) > _LONG_PLAN:
            name = inline(part.project)
            text = f"<details><summary>The whole plan of {name}</summary>\n\n{text}\n\n</details>"
        pieces.append(text + "\n")
    return "\n".join(pieces), is_cut


def _rest(report: Report) -> str:
    url = report.event.run.url
    where = f"[the summary of this run]({url})" if url else "the log of this run"
    return f"*This is cut to fit; {where} has the rest.*\n"


def _tail(report: Report) -> Iterator[str]:
    timed = " · ".join(f"{step.name} {_span(step.seconds)}" for step in report.steps)
    url = report.event.run.url
    commit = report.event.commit[:12]
    words = [
        f"commit `{commit}`" if commit.isalnum() else "",
        f"[run]({url})" if url.startswith(("https://", "http://")) else "",
        timed,
        f"Caseway {__version__}",
    ]
    yield f"<sub>{' · '.join(word for word in words if word)}</sub>"


def _span(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"

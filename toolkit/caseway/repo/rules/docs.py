"""docs/rules.md, written from the registry: `python -m caseway.repo.rules.docs [--check]`.

The one rule: what is said of a rule is said in its catalog entry; nothing is added here but order.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from caseway.repo.findings import FINDINGS
from caseway.repo.rules import RULES
from caseway.repo.rules.rule import Rule

# The small valid project over which every example is laid.
BASE: Mapping[str, str] = {
    "caseway.yaml": "apiVersion: caseway/v1\nkind: Project\nmetadata:\n  name: demo-project\nspec: {}\n",
    "use-cases/demo/usecase.yaml": "apiVersion: caseway/v1\nkind: UseCase\nmetadata:\n  name: demo\nspec:\n"
    "  title: Demo\n  workflows:\n    - id: main\n      file: workflows/main.yaml\n",
    "use-cases/demo/workflows/main.yaml": 'document:\n  dsl: "1.0.3"\n  namespace: demo\n  name: main\n'
    '  version: "1.0.0"\ndo:\n  - greet:\n      set: {hello: world}\n',
    "instances/demo-dev.yaml": "apiVersion: caseway/v1\nkind: Instance\nmetadata:\n  name: demo-dev\nspec:\n"
    "  useCase: demo\n  stage: dev\n",
}
_HEADER = re.compile(r"^# ([\w./-]+\.\w+)$", re.MULTILINE)
_THEMES = {
    "CW0": "About the rules themselves",
    "CW1": "Files and YAML",
    "CW2": "Schemas",
    "CW3": "References and names",
    "CW4": "Placeholders",
    "CW5": "Workflows and expressions",
    "CW6": "Triggers and schedules",
    "CW7": "Parameters, credentials and secrets",
    "CW8": "Versions, limits and hygiene",
}
_INTRODUCTION = """\
# Rules

<!-- Generated from the rule registry by `make docs`; do not edit. -->

`caseway validate` reports what is wrong in a project. Every finding has a code that never changes its
meaning. An **error** must be mended: nothing is applied while there is one. A **warning** should be;
`--strict` (or `lint: {strict: true}` in `caseway.yaml`) treats it as an error. A **note** is a hint and never
fails anything. What is marked *fixable* is mended by `caseway validate --fix`.

## Ignoring a finding

Where a rule is wrong for once, say so, with the reason:

```yaml
triggers:
  # caseway: ignore CW608 -- the landing page posts here
  - {id: http, type: http, path: /start, auth: none}
```

A comment alone on its line holds for the next line, one behind a value for its own line, and
`# caseway: ignore-file CW608 -- reason` for the whole file. For files without comments, or many at once:

```yaml
# caseway.yaml
spec:
  lint:
    ignore:
      - {rule: CW806, path: "use-cases/legacy-*/**", reason: these are replaced in spring}
```

An ignore without a reason is not in force, and one that hides nothing is reported. Findings of CW0xx and
CW1xx cannot be ignored: what cannot be read cannot be judged.

The examples below show only what matters; each is laid over a small valid project with one use case `demo`.
"""


def files(example: str) -> dict[str, str]:
    """The files of an example by path, as written."""
    parts = _HEADER.split(example)
    return dict(zip(parts[1::2], _trimmed(parts[2::2]), strict=True))


def _trimmed(contents: Sequence[str]) -> Iterator[str]:
    for index, content in enumerate(contents):
        text = content.removeprefix("\n")
        is_last = index == len(contents) - 1
        yield text if is_last else text.rstrip("\n") + "\n"


def render() -> str:
    """The whole page."""
    parts = [_INTRODUCTION, _contents()]
    for theme, rules in groupby(RULES.values(), key=lambda rule: rule.code[:3]):
        parts.append(f"## {_THEMES[theme]}\n")
        parts += [_section(rule) for rule in rules]
    return "\n".join(parts)


def _contents() -> str:
    rows = ["| code | name | severity | what |", "| --- | --- | --- | --- |"]
    for rule in RULES.values():
        link = f"[{rule.code}](#{rule.code.lower()}-{rule.name})"
        rows.append(f"| {link} | {rule.name} | {rule.severity} | {rule.summary} |")
    return "\n".join(rows) + "\n"


def _section(rule: Rule) -> str:
    marks = f"*{rule.severity}*" + (", *fixable*" if rule.fixable else "")
    lines = [f"### {rule.code} {rule.name}\n", f"{marks} — {rule.summary}.\n", f"{rule.why}\n"]
    for title, example in (("Bad", rule.example_bad), ("Good", rule.example_good)):
        if example.strip():
            lines.append(f"{title}:\n")
            lines += _blocks(rule, example)
    return "\n".join(lines)


def _blocks(rule: Rule, example: str) -> Iterator[str]:
    if rule.code in FINDINGS:
        yield f"```text\n{example.strip()}\n```\n"
        return
    for path, content in files(example).items():
        is_tidy = "\r" not in content and content.endswith(
            "\n"
        )  # what is not tidy is no YAML once it is shown
        language = "markdown" if path.endswith(".md") else "yaml" if is_tidy else "text"
        comment = f"<!-- {path} -->" if language == "markdown" else f"# {path}"
        text = content.replace("\r\n", "␍\n")
        ending = "" if content.endswith("\n") else " (no newline here)"
        yield f"```{language}\n{comment}\n{text.rstrip()}{ending}\n```\n"


def main(arguments: Sequence[str]) -> int:
    """Write docs/rules.md, or with `--check` say whether it is up to date."""
    page = Path("docs/rules.md")
    text = render()
    if "--check" in arguments:
        if page.is_file() and page.read_text(encoding="utf-8") == text:
            return 0
        sys.stderr.write(f"{page} is out of date: run `make docs`\n")
        return 1
    page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

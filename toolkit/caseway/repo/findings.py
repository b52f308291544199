"""The findings of reading files (CW0xx, CW1xx): one table that the reader and docs/rules.md share.

Rule: a code never changes its meaning; a retired code is never used again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from caseway.model.diagnostic import Diagnostic, Severity

_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE


@dataclass(frozen=True, slots=True)
class FileFinding:
    """What one code means: a summary for lists, and why it matters with the way out."""

    code: str
    name: str
    severity: Severity
    summary: str
    why: str
    bad: str = ""
    good: str = ""


def _table(*rows: FileFinding) -> Mapping[str, FileFinding]:
    return {row.code: row for row in rows}


FINDINGS: Mapping[str, FileFinding] = _table(
    FileFinding(
        "CW100",
        "unreadable-file",
        _E,
        "a file cannot be read",
        "What cannot be read cannot be deployed. Only regular files are read: no pipes, no devices.",
        "a FIFO named usecase.yaml",
        "a regular, readable file",
    ),
    FileFinding(
        "CW101",
        "syntax",
        _E,
        "the YAML or JSON is broken",
        "A half-written or mistyped file has no meaning. The message names the place.",
        'title: "never closed',
        'title: "closed"',
    ),
    FileFinding(
        "CW102",
        "duplicate-key",
        _E,
        "a key is given twice",
        "Parsers disagree on which of the two counts, so neither does.",
        "retries: 3\nretries: 5",
        "retries: 5",
    ),
    FileFinding(
        "CW103",
        "encoding",
        _E,
        "the text is not UTF-8",
        "Other encodings are guesses. Save the file as UTF-8.",
        "title: Caf<0xE9>",
        "title: Café",
    ),
    FileFinding(
        "CW104",
        "control-character",
        _E,
        "a control character or byte order mark stands in the text",
        "Such characters are invisible, and some steer the terminals and logs that show them.",
        'title: "a\\0b"',
        'title: "ab"',
    ),
    FileFinding(
        "CW105",
        "too-deep",
        _E,
        "values are nested too deeply",
        "Nobody reads a hundred levels; programs that do may crash.",
        "[[[[[[…]]]]]]",
        "a flatter document",
    ),
    FileFinding(
        "CW106",
        "too-many-values",
        _E,
        "a file expands to too many values",
        "A few lines of aliases can expand to billions of values.",
        "b: [*a, *a, *a]\nc: [*b, *b, *b]",
        "b: [x, y]",
    ),
    FileFinding(
        "CW107",
        "too-large",
        _E,
        "a file is too large",
        "Definitions are small. Keep data outside, and refer to it.",
        "a 100 MB workflow",
        "a workflow that fetches its data",
    ),
    FileFinding(
        "CW108",
        "tag",
        _E,
        "a YAML tag is used",
        "Tags ask the reader to build objects. Caseway builds plain values only.",
        "when: !!python/object:os.system x",
        "when: x",
    ),
    FileFinding(
        "CW109",
        "merge-key",
        _E,
        "a YAML merge key is used",
        "`<<` is not part of YAML 1.2 and means nothing in JSON. Write the keys out.",
        "<<: *defaults",
        "retries: 3",
    ),
    FileFinding(
        "CW110",
        "alias",
        _E,
        "an alias has no anchor, or refers to what contains it",
        "An alias needs a complete value before it.",
        "a: &a [*a]",
        "a: &a [1]\nb: *a",
    ),
    FileFinding(
        "CW111",
        "number",
        _E,
        "a number cannot be kept",
        "Infinity, not-a-number and integers beyond 64 bits do not exist in JSON's common ground.",
        "limit: .inf",
        "limit: 1000000",
    ),
    FileFinding(
        "CW112",
        "number-spelling",
        _N,
        "a number may be read differently elsewhere",
        "Integers beyond 2^53 lose digits in many programs, and a leading zero is dropped. Quote texts.",
        "zip: 01067",
        'zip: "01067"',
    ),
    FileFinding(
        "CW113",
        "key",
        _E,
        "a key is not a text",
        "JSON objects have texts as keys. A value that begins with `{` must be quoted.",
        "url: {{ base }}/x",
        'url: "{{ base }}/x"',
    ),
    FileFinding(
        "CW114",
        "link",
        _E,
        "a symbolic link leaves the project",
        "A repo must not reach into the machine that reads it. Links to files of the project are followed.",
        "usecase.yaml -> /etc/passwd",
        "usecase.yaml -> ../shared/usecase.yaml",
    ),
    FileFinding(
        "CW115",
        "file-name",
        _E,
        "a file's name holds control characters or is not UTF-8",
        "Such names cannot be shown or typed safely.",
        "bad<newline>name.yaml",
        "good-name.yaml",
    ),
    FileFinding(
        "CW116",
        "state-in-git",
        _E,
        "`.caseway/` is tracked in git",
        "It holds state and secrets of one machine.",
        "git add -f .caseway",
        "git rm -r --cached .caseway",
    ),
    FileFinding(
        "CW117",
        "tree-too-large",
        _E,
        "the project holds too much",
        "Reading stops at a bound, so that a hostile repo cannot fill the machine. Use `spec.exclude`.",
        "a million YAML files",
        'exclude: ["data/**"]',
    ),
    FileFinding(
        "CW118",
        "not-a-document",
        _E,
        "a file in Caseway's folders is no Caseway document",
        "A misspelt `kind` must not pass in silence as if it were no document at all.",
        "kind: Usecase",
        "kind: UseCase",
    ),
    FileFinding(
        "CW119",
        "empty-file",
        _W,
        "a file holds no document",
        "It was probably saved too early, or is left over.",
        "(an empty usecase.yaml)",
        "apiVersion: caseway/v1\nkind: UseCase",
    ),
    FileFinding(
        "CW120",
        "large-definition",
        _N,
        "a definition is larger than 1 MB",
        "It will be slow to review, to diff and to show.",
        "a 3 MB workflow",
        "several workflows",
    ),
    FileFinding(
        "CW121",
        "several-projects",
        _E,
        "one folder or name holds two projects",
        "Ownership follows the project's name: it must be one.",
        "caseway.yaml and caseway.json side by side",
        "one caseway.yaml",
    ),
    FileFinding(
        "CW122",
        "ownership",
        _W,
        "git does not trust this folder",
        "Its owner is another user, so git tells nothing about it and every file counts as new.",
        "a checkout of another user",
        "git config --global --add safe.directory <folder>",
    ),
    FileFinding(
        "CW123",
        "secret-in-history",
        _E,
        "a commit of the range adds a secret in clear text",
        "Asked for with `--since`, and by `caseway ci` for what a push or a pull request brings: every file "
        "of the repository is looked at as each commit made it, so what a later commit removed is found, "
        "too. A line that says `caseway: ignore` is passed over.",
        "a commit with a token in deploy/notes.txt, and one that removes it",
        "the token stored with `caseway credential set`",
    ),
    FileFinding(
        "CW201",
        "unknown-key",
        _E,
        "a key does not exist",
        "A misspelt key would be ignored in silence.",
        "titel: x",
        "title: x",
    ),
    FileFinding(
        "CW202",
        "missing-key",
        _E,
        "a required key is missing",
        "The document has no meaning without it.",
        "spec: {}",
        "spec: {title: x, workflows: []}",
    ),
    FileFinding(
        "CW203",
        "wrong-type",
        _E,
        "a value has the wrong type",
        "Texts, numbers, lists and mappings do not stand for one another.",
        "retries: many",
        "retries: 3",
    ),
    FileFinding(
        "CW204",
        "not-allowed",
        _E,
        "a value is none of the allowed ones",
        "Only the listed values have a meaning.",
        "visibility: everyone",
        "visibility: public",
    ),
    FileFinding(
        "CW205",
        "wrong-form",
        _E,
        "a text has the wrong form",
        "Names, durations, sizes and paths have one spelling.",
        "timeout: 15 min",
        "timeout: 15m",
    ),
    FileFinding(
        "CW206",
        "out-of-range",
        _E,
        "a value is too small, too large, too short or too long",
        "The bound protects what depends on it.",
        "retries: -1",
        "retries: 0",
    ),
    FileFinding(
        "CW207",
        "wrong-shape",
        _E,
        "a value fits none of its possible shapes",
        "Exactly one of the alternatives must be there.",
        "spec: {image: a, baseImage: b}",
        "spec: {image: a}",
    ),
)


def finding(
    code: str, file: str, message: str, *, at: tuple[int, int] = (0, 0), pointer: str = "", hint: str = ""
) -> Diagnostic:
    """A diagnostic of the table's severity. `at` is line and column, 1-based."""
    return Diagnostic(file, at[0], at[1], pointer, code, FINDINGS[code].severity, message, hint)

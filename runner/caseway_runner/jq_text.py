"""Reads the text of a jq program without running it: its variables, and whether it is tame.

A program is tame when its time and memory are bounded by its input and its length; only tame programs run
in this process. The rule errs on the side of caution: what is not known to be tame is not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

MAX_LENGTH = 65_536
MAX_NESTING = 200
# jq compiles in time quadratic in the program's length: 8,000 characters take a second.
MAX_TAME_LENGTH = 2_000
# How much bigger than its input a tame program's result may get through repeated references.
MAX_GROWTH = 1_000

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<comment>\#[^\n]*)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<variable>\$\s*[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*)
    |(?P<field>\.[A-Za-z_]\w*)
    |(?P<format>@[A-Za-z0-9_]+)
    |(?P<word>[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*)
    |(?P<operator>\?//=?|\|=|==|!=|<=|>=|//=|//|\+=|-=|\*=|/=|%=|\.\.|[-+*/%.,:;|=<>?$\[\](){}])
    """,
    re.VERBOSE,
)
_STRING_PIECE = re.compile(r'[^"\\]+|\\[^(]', re.DOTALL)
_CLOSES = {")": "(", "]": "[", "}": "{", "\\)": "\\("}

_REFUSED_WORDS = (
    "env input inputs debug stderr input_filename input_line_number halt halt_error import include "
    "modulemeta get_search_list $ENV $__prog_args"
)
_TAME_WORDS = (
    "if then elif else end and or try catch as true false null not length utf8bytelength keys "
    "keys_unsorted values has in map map_values select empty error add any all flatten floor ceil round "
    "sqrt abs tostring tonumber tojson fromjson type infinite nan isinfinite isnan isnormal isvalid "
    "sort sort_by group_by min max min_by max_by unique unique_by reverse contains inside startswith "
    "endswith ltrimstr rtrimstr trimstr trim ltrim rtrim explode ascii_downcase ascii_upcase split join "
    "to_entries from_entries with_entries first last arrays objects iterables booleans numbers strings "
    "nulls scalars todate fromdate now index rindex indices getpath fromdateiso8601 todateiso8601"
)
_LOOP_WORDS = (
    "map map_values any all with_entries contains inside indices index rindex join add group_by unique"
)
_REFUSED = frozenset(_REFUSED_WORDS.split())
_TAME = frozenset(_TAME_WORDS.split())
_LOOPS = frozenset(_LOOP_WORDS.split())
_GROWS = {"tojson": 4, "tostring": 2}
_ASSIGNS = frozenset({"=", "|=", "+=", "-=", "*=", "/=", "%=", "//="})


class BadProgram(ValueError):
    """The text cannot be a jq program that we run; the message says why."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `kind` is a group of the lexer, or `string`/`interpolation`; `is_key` marks object keys."""

    kind: str
    text: str
    is_key: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What the text says. `growth` bounds result size by input size, `loops` counts iterations that may nest;
    `secrets` are the names after `$secrets`, None among them when the map is used as a whole."""

    variables: frozenset[str]
    is_tame: bool
    growth: int
    loops: int
    uses_now: bool
    secrets: frozenset[str | None]


@lru_cache(maxsize=4096)
def read(text: str) -> Reading:
    """Tokenize and classify `text`. Raises `BadProgram` when it is refused or not balanced."""
    if len(text) > MAX_LENGTH:
        raise BadProgram(f"the expression is longer than {MAX_LENGTH} characters")
    tokens = tuple(_tokens(text))
    if not tokens:
        raise BadProgram("the expression is empty")
    for token in tokens:
        _refuse(token)
    variables = frozenset(token.text for token in tokens if token.kind == "variable")
    words = {token.text for token in tokens if token.kind == "word" and not token.is_key}
    growth = _growth(tokens) if len(text) <= MAX_TAME_LENGTH else 0
    return Reading(
        variables=frozenset(name.lstrip("$ \t\n") for name in variables),
        is_tame=growth > 0,
        growth=growth,
        loops=_loops(tokens),
        uses_now="now" in words,
        secrets=_secrets(tokens),
    )


def _refuse(token: Token) -> None:
    if token.is_key or token.kind not in ("word", "variable"):
        return
    name = re.sub(r"\s", "", token.text)
    if name in _REFUSED or (name.startswith("$__") and name != "$__loc__"):
        raise BadProgram(f"{name} may not be used in workflow expressions")


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    stack: list[str] = []
    at = 0
    while at < len(text):
        if text[at] == '"':
            at = _string(text, at + 1, found, stack)
            continue
        if text[at] == ")" and stack and stack[-1] == "\\(":
            stack.pop()
            at = _string(text, at + 1, found, stack)
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadProgram(f"unexpected character {text[at]!r} at offset {at}")
        at = match.end()
        kind = str(match.lastgroup)
        if kind == "comment" and match.group().endswith("\\"):
            raise BadProgram("a comment may not end in a backslash")
        if kind not in ("space", "comment"):
            _nest(kind, match.group(), stack)
            found.append(Token(kind, match.group(), _is_key(match.group(), kind, text, at, found, stack)))
    if stack:
        raise BadProgram(f"'{stack[-1]}' is not closed")
    return found


def _is_key(word: str, kind: str, text: str, end: int, found: list[Token], stack: list[str]) -> bool:
    """Whether a word stands where an object wants a key (`{env: 1}`), not a function."""
    if kind != "word" or not stack or stack[-1] != "{" or not found or found[-1].text not in ("{", ","):
        return False
    return word != "__loc__" and re.match(r"\s*[:,}]", text[end:]) is not None


def _nest(kind: str, text: str, stack: list[str]) -> None:
    if kind != "operator":
        return
    if text in "([{":
        stack.append(text)
        if len(stack) > MAX_NESTING:
            raise BadProgram("the expression is nested too deeply")
    elif text in _CLOSES and (not stack or stack.pop() != _CLOSES[text]):
        raise BadProgram(f"unexpected '{text}'")


def _string(text: str, at: int, found: list[Token], stack: list[str]) -> int:
    """Read a string from after its quote (or after an interpolation); return the offset that follows."""
    start = at
    while at < len(text):
        if text[at] == '"':
            found.append(Token("string", text[start:at]))
            return at + 1
        if text.startswith("\\(", at):
            found.append(Token("string", text[start:at]))
            found.append(Token("interpolation", "\\("))
            stack.append("\\(")
            if len(stack) > MAX_NESTING:
                raise BadProgram("the expression is nested too deeply")
            return at + 2
        match = _STRING_PIECE.match(text, at)
        if match is None:
            break
        at = match.end()
    raise BadProgram("a string is not closed")


def _growth(tokens: tuple[Token, ...]) -> int:
    """How many times its input a result may be, at most; 0 when the program is not tame."""
    growth, terms = 1, 1
    for before, token in zip((Token("operator", "|"), *tokens), tokens, strict=False):
        if token.kind == "operator":
            if token.text in _ASSIGNS or token.text in (";", "*", "$", ".."):
                return 0
            if token.text == "|":
                growth, terms = growth * max(terms - 1, 1), 1
        elif token.kind == "word" and not token.is_key and before.text != "as" and token.text not in _TAME:
            return 0
        terms += _term(token)
        if growth * terms > MAX_GROWTH:
            return 0
    return growth * terms


def _term(token: Token) -> int:
    """How many more copies of the input this token may put into the result."""
    if token.kind in ("field", "variable"):
        return 1
    if token.kind == "format":
        return 4
    if token.kind == "operator" and token.text == ".":
        return 1
    return _GROWS.get(token.text, 0) if token.kind == "word" else 0


def _loops(tokens: tuple[Token, ...]) -> int:
    iterations = sum(1 for a, b in pairwise(tokens) if a.text == "[" and b.text == "]")
    return iterations + sum(1 for t in tokens if t.kind == "word" and not t.is_key and t.text in _LOOPS)


def _secrets(tokens: tuple[Token, ...]) -> frozenset[str | None]:
    names: set[str | None] = set()
    padded = (*tokens, *[Token("operator", "")] * 3)
    for at, token in enumerate(tokens):
        if token.kind != "variable" or token.text != "$secrets":
            continue
        after, then, close = padded[at + 1 : at + 4]
        if after.kind == "field":
            names.add(after.text[1:])
        elif (after.text == "." and then.kind == "string") or (
            after.text == "[" and then.kind == "string" and close.text == "]"
        ):
            names.add(then.text)
        else:
            names.add(None)
    return frozenset(names)

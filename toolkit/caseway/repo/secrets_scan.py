"""Secrets written in clear text: well-known token shapes in any text, and literals under telling key names.

The one rule: a value that is found is never repeated; only its kind and a few first characters are.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Secret:
    """One find: 1-based line and column, what it looks like, and a beginning that gives nothing away."""

    line: int
    column: int
    kind: str
    shown: str


# Each shape is distinctive enough to be no accident. Where a shape can begin inside itself its length is
# bounded, so that no text takes quadratic time.
_SHAPES = {
    "AWS access key": r"\b(?:AKIA|ASIA)(?=[A-Z0-9]{0,16}\d)[A-Z0-9]{16}\b",
    "GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{40,}",
    "GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "Slack webhook": r"https://hooks\.slack\.com/services/T[A-Za-z0-9]+/B[A-Za-z0-9]+/[A-Za-z0-9]{16,}",
    "Stripe key": r"\b[sr]k_live_[A-Za-z0-9]{16,}",
    "webhook signing secret": r"\bwhsec_[A-Za-z0-9+/]{24,}",
    "Google API key": r"\bAIza[A-Za-z0-9_-]{35}",
    "SendGrid key": r"\bSG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}",
    "npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "PyPI token": r"\bpypi-AgE[A-Za-z0-9_-]{40,}",
    "model provider key": r"\bsk-(?=[A-Za-z0-9_-]{0,200}\d)[A-Za-z0-9_-]{32,}",
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "JSON Web Token": r"\beyJ[A-Za-z0-9_-]{8,400}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{8,}",
}
_KINDS = tuple(_SHAPES)
_TOKENS = re.compile("|".join(f"({shape})" for shape in _SHAPES.values()))
_HINTS = (
    "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "hooks.slack",
    "k_live_", "whsec_", "AIza", "SG.", "npm_", "pypi-AgE", "sk-", "PRIVATE KEY", "eyJ",
)  # fmt: skip
_URL_LOGIN = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://(?P<user>[^\s/:@\"'<>{}$]{1,100}):(?P<word>[^\s/@\"']{1,200})@"
)

# Words that stand for a secret in examples rather than being one.
_STAND_IN = re.compile(
    r"(?i)^(?:x+|\*+|\.+|…|-+|pass(?:word|wd)?|pwd|secret|token|key|changeme|change-me|example|dummy|test|none"
    r"|null|true|false|redacted|sensitive|todo|(?:your|my|the|a|some)[-_ ].*|<.*>|\[.*\]|\{.*\}|%.*%|env:.*"
    r"|file:.*)$"
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_TELLING = frozenset({"password", "passwd", "passphrase", "pwd", "secret", "token", "authorization"})
_TELLING_PAIRS = frozenset(
    {
        ("api", "key"),
        ("access", "key"),
        ("private", "key"),
        ("secret", "key"),
        ("signing", "key"),
        ("auth", "key"),
    }
)


def tokens(text: str) -> Iterator[Secret]:
    """Every well-known token or private key in a text."""
    if not any(map(text.__contains__, _HINTS)):
        return
    for match in _TOKENS.finditer(text):
        if "EXAMPLE" in match[0]:
            continue  # the form in which providers print keys in their own documentation
        yield _secret(text, match.start(), _KINDS[(match.lastindex or 1) - 1], match[0][:4] + "…")


def url_logins(text: str) -> Iterator[Secret]:
    """Every URL that carries a password."""
    if "://" not in text:
        return
    for match in _URL_LOGIN.finditer(text):
        word = match["word"]
        if "$" not in word and "{" not in word and not _STAND_IN.match(word):
            yield _secret(text, match.start(), "password in a URL", f"{match['user'][:20]}:…@")


def _secret(text: str, start: int, kind: str, shown: str) -> Secret:
    before = text.rfind("\n", 0, start)
    return Secret(text.count("\n", 0, start) + 1, start - before, kind, shown)


@lru_cache(maxsize=8192)
def is_telling(key: str) -> bool:
    """Whether a key says that its value is secret: `password`, `apiKey`, `client_secret`, `X-Auth-Token`."""
    words = [word.lower() for word in _WORDS.findall(key)]
    if not words:
        return False
    joined = "".join(words)
    return words[-1] in _TELLING or tuple(words[-2:]) in _TELLING_PAIRS or joined in {"apikey", "accesskey"}


def is_literal_secret(value: object) -> bool:
    """Whether a value under a telling key is written out, rather than referred to or stood in for."""
    if not isinstance(value, str) or "${" in value or "$[[" in value or "{{" in value:
        return False
    word = re.sub(r"(?i)^(?:bearer|basic|token)\s+", "", value.strip())
    return len(word) >= 4 and not _STAND_IN.match(word) and "\n" not in word and word.count(" ") < 3


def is_random(value: str) -> bool:
    """Whether a text has the entropy of a generated key."""
    if len(value) < 16 or " " in value:
        return False
    counts = Counter(value)
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
    return bits >= 3.5

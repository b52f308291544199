"""Names that Kubernetes takes, made of names that Caseway takes.

Rule: pure; a text that fits stays as it is, others get a mark of the whole text. One that looks as if it had
a mark gets one too, so that nobody can choose a name to be taken for somebody else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

MOST = 63
_MARK = 8
_MARKED = re.compile(r"(^|-)[0-9a-f]{8}$")


def namespace_of(prefix: str, organization: str) -> str:
    """The namespace of an organization."""
    return prefix + dns_label(organization, MOST - len(prefix))


def dns_label(text: str, most: int = MOST) -> str:
    """The text as a DNS label (RFC 1123): lower case letters, digits and dashes."""
    return _fitted(text, re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-"), most)


def label_value(text: str) -> str:
    """The text as the value of a label."""
    kept = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-_.")
    return "" if not text else _fitted(text, kept, MOST)


def label_values(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels with values that fit."""
    return {name: label_value(value) for name, value in labels.items()}


def _fitted(text: str, kept: str, most: int) -> str:
    """`kept` when nothing was lost on the way, else a part of it and a mark of the whole text."""
    if kept == text and 0 < len(kept) <= most and not _MARKED.search(kept):
        return kept
    mark = hashlib.sha256(text.encode()).hexdigest()[:_MARK]
    return "-".join(filter(None, [kept[: most - _MARK - 1].rstrip("-_."), mark]))

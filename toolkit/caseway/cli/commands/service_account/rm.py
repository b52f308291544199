"""`caseway service-account rm NAME`."""

from __future__ import annotations

from caseway.cli.removing import removing

command = removing(
    "service-accounts.delete",
    "serviceAccount",
    about="Forget the service account NAME, and its tokens.",
    question="Forget service account {} and its tokens?",
    said="forgot {}",
)

"""`caseway trust rm NAME`."""

from __future__ import annotations

from caseway.cli.removing import removing

command = removing(
    "trusts.remove",
    "trust",
    about="Forget the trust rule NAME; the tokens it gave end.",
    question="Forget trust rule {}?",
    said="forgot {}",
)

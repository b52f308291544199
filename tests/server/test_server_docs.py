"""The pages about the server say what the server does."""

from __future__ import annotations

from pathlib import Path

from caseway.operations.table import OPERATIONS
from caseway.platform.gauges import Gauges
from caseway.server import docs
from caseway.server.metrics import Metrics

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_is_up_to_date():
    assert docs.main(["--check"]) == 0


def test_every_operation_is_in_the_reference():
    page = (DOCS / "reference" / "api.md").read_text()
    assert [name for name in OPERATIONS if f"### `{name}`" not in page] == []


def test_every_metric_is_in_the_guide():
    page = (DOCS / "operating.md").read_text()
    families = list(Metrics(Gauges).registry.collect())
    assert families
    assert [item.name for item in families if item.name not in page] == []

"""What a plan says and does about containers."""

from __future__ import annotations

import pytest

from caseway.reconcile.unenforced import unenforced


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"memory": "1GB", "disk": "500MB"}, []),
        ({"memory": "1GB", "disk": "5GB"}, ["disk 5GB"]),
        ({}, ["disk 5GB"]),
        ({"memory": "4GB", "disk": "1GB", "gpu": 2}, ["gpu 2"]),
    ],
)
def test_what_an_engine_cannot_hold_to_is_said(resources, expected):
    assert [said.partition(" cannot")[0].partition(" needs")[0] for said in unenforced(resources)] == expected

"""Images: the default runtime, found and made."""

from __future__ import annotations

from caseway.containers.images import find_image


def test_the_default_runtime_is_made_from_what_is_here(engine, runtime_image):
    found = find_image(engine, runtime_image)
    assert found is not None
    assert found.labels["dev.caseway.runner"]

"""Kubernetes' own schemas, with which objects are checked strictly: a field that it does not know fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

VERSIONS = ("1.30", "1.34", "1.37")  # the oldest that the documentation names, and newer ones


def problems_of(manifest: Mapping[str, Any], version: str = VERSIONS[-1]) -> list[str]:
    """What is wrong with an object, in words; nothing for one that Kubernetes takes."""
    group, _, number = str(manifest["apiVersion"]).rpartition("/")
    name = "-".join(filter(None, [str(manifest["kind"]).lower(), group.partition(".")[0], number]))
    return [
        f"{manifest['kind']} {'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in _validator(version, name).iter_errors(dict(manifest))
    ]


@cache
def _validator(version: str, name: str) -> jsonschema.Draft202012Validator:
    registry = _definitions(version)
    return jsonschema.Draft202012Validator(_file(version, f"{name}.json"), registry=registry)


@cache
def _definitions(version: str) -> Registry[Any]:
    found: Any = Resource.from_contents(_file(version, "_definitions.json"), default_specification=_draft())
    registry: Registry[Any] = Registry()
    return registry.with_resource("_definitions.json", found)


def _draft() -> Any:
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415 - beside its only use

    return DRAFT202012


def _file(version: str, name: str) -> Any:
    pytest.importorskip("kubernetes_validate", reason="Kubernetes' schemas are in kubernetes-validate")
    folder = resources.files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    return json.loads((folder / name).read_text(encoding="utf-8"))

"""Functions of the project become part of the workflows that call them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from caseway.repo.read import read

FILES = {
    "caseway.yaml": "apiVersion: caseway/v1\nkind: Project\nmetadata: {name: acme}\nspec: {}\n",
    "use-cases/demo/usecase.yaml": (
        "apiVersion: caseway/v1\nkind: UseCase\nmetadata: {name: demo}\n"
        "spec:\n  title: Demo\n  workflows:\n    - {id: main, file: workflows/main.yaml}\n"
    ),
    "use-cases/demo/workflows/main.yaml": (
        "document: {dsl: 1.0.3, namespace: demo, name: main, version: 1.0.0}\n"
        "do:\n  - g: {call: 'greet:1.0.0', with: {name: Ann}}\n"
    ),
    "functions/greet/1.0.0/function.yaml": "set:\n  text: '${ \"Hello \\(.name)\" }'\n",
}


def reading(root: Path, **changed: str) -> Any:
    for path, text in {**FILES, **changed}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return read(root)


def definition(found: Any) -> Any:
    return found.desired[0].use_cases[0].body["workflows"][0]["definition"]


def errors(found: Any) -> list[str]:
    return [
        f"{item.code} {item.file} {item.message}" for item in found.diagnostics if item.severity == "error"
    ]


def test_a_function_of_the_project_is_part_of_the_template(tmp_path: Path) -> None:
    found = reading(tmp_path)
    assert errors(found) == []
    assert list(definition(found)["use"]["functions"]) == ["greet:1.0.0"]


def test_another_function_gives_another_digest(tmp_path: Path) -> None:
    before = reading(tmp_path).desired[0].use_cases[0].digest
    changed = {"functions/greet/1.0.0/function.yaml": "set: {text: Hi}\n"}
    assert reading(tmp_path, **changed).desired[0].use_cases[0].digest != before


def test_a_call_of_a_function_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    main = FILES["use-cases/demo/workflows/main.yaml"].replace("1.0.0'", "2.0.0'")
    (found,) = errors(reading(tmp_path, **{"use-cases/demo/workflows/main.yaml": main}))
    assert "no function 'greet:2.0.0'" in found


def test_a_function_that_does_not_compile_is_an_error(tmp_path: Path) -> None:
    changed = {"functions/greet/1.0.0/function.yaml": "set: {text: '${ .. | }'}\n"}
    assert len(errors(reading(tmp_path, **changed))) == 1


FILED = """document: {dsl: 1.0.3, namespace: demo, name: main, version: 1.0.0}
input: {schema: {format: json, resource: {endpoint: 'file://schemas/in.json'}}}
do:
  - s:
      run: {script: {language: python, source: {endpoint: {uri: 'file://scripts/a.py'}}, arguments: ['1']}}
"""


def test_schemas_and_scripts_of_the_use_case_are_part_of_the_template(tmp_path: Path) -> None:
    changed = {
        "use-cases/demo/workflows/main.yaml": FILED,
        "use-cases/demo/schemas/in.json": '{"type": "object"}',
        "use-cases/demo/scripts/a.py": "print(n)",
    }
    found = reading(tmp_path, **changed)
    assert errors(found) == []
    whole = definition(found)
    assert whole["input"]["schema"] == {"format": "json", "document": {"type": "object"}}
    script = whole["do"][0]["s"]["run"]["script"]
    assert script == {"language": "python", "arguments": ["1"], "code": "print(n)"}


GRPC = (
    "document: {dsl: 1.0.3, namespace: demo, name: main, version: 1.0.0}\n"
    "do:\n  - g:\n      call: grpc\n      with:\n        proto: {endpoint: 'file://app/greet.proto'}\n"
    "        service: {name: G.Greeter, host: localhost}\n        method: Hello\n"
)
PROTOS = {
    "use-cases/demo/workflows/main.yaml": GRPC,
    "use-cases/demo/app/greet.proto": 'syntax = "proto3";\nimport "types.proto";\n',
    "use-cases/demo/app/types.proto": 'syntax = "proto3";\n',
}


def carried(found: Any) -> dict[str, str]:
    texts = definition(found)["document"].get("metadata", {}).get("caseway.dev/files", {})
    return {path: base64.b64decode(text).decode() for path, text in texts.items()}


def test_files_that_calls_name_travel_with_the_template(tmp_path: Path) -> None:
    found = reading(tmp_path, **PROTOS)
    assert errors(found) == []
    assert sorted(carried(found)) == ["app/greet.proto", "app/types.proto"]


def test_a_changed_file_gives_another_digest(tmp_path: Path) -> None:
    before = reading(tmp_path, **PROTOS).desired[0].use_cases[0].digest
    changed = PROTOS | {"use-cases/demo/app/types.proto": 'syntax = "proto3";\nmessage A {}\n'}
    assert reading(tmp_path, **changed).desired[0].use_cases[0].digest != before


def test_a_file_beside_the_use_case_does_not_travel(tmp_path: Path) -> None:
    outside = GRPC.replace("file://app/greet.proto", "file://../../caseway.yaml")
    assert carried(reading(tmp_path, **{"use-cases/demo/workflows/main.yaml": outside})) == {}


def test_functions_of_a_catalog_in_the_folder_travel(tmp_path: Path) -> None:
    main = (
        "document: {dsl: 1.0.3, namespace: demo, name: main, version: 1.0.0}\n"
        "use: {catalogs: {own: {endpoint: 'file://catalog'}}}\n"
        "do:\n  - g: {call: 'greet:1.0.0@own'}\n"
    )
    files = {
        "use-cases/demo/workflows/main.yaml": main,
        "use-cases/demo/catalog/functions/greet/1.0.0/function.yaml": "set: {text: Hi}\n",
    }
    assert list(carried(reading(tmp_path, **files))) == ["catalog/functions/greet/1.0.0/function.yaml"]

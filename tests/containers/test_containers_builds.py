"""Runtimes are built from images, Dockerfiles and packages, once for the same inputs."""

from __future__ import annotations

import io
import secrets
import zipfile
from pathlib import Path

import pytest
from containers_world import a_document, a_job, a_place, a_script, a_shell, left, run_job

from caseway.containers import layer
from caseway.containers.base import BASE_TAG
from caseway.containers.builds import RuntimeSpec, add_runner, build_runtime, freshness
from caseway.containers.errors import ContainerFailed
from caseway.containers.images import (
    Recipe,
    build_image,
    find_image,
    is_made_here,
    remove_image,
    unused_images,
)
from caseway.model.errors import CasewayError

pytestmark = pytest.mark.timeout(600)  # builds share the machine with all the other tests

DOCKERFILE = (
    b'FROM caseway/base:bookworm\nARG WHO\nCOPY hello.txt /hello.txt\nRUN echo "$WHO" >> /hello.txt\n'
)


def a_wheel(folder: Path) -> None:
    """A package `greeting` of one module."""
    with zipfile.ZipFile(folder / "greeting-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("greeting.py", "WORD = 'hello'\n")
        wheel.writestr(
            "greeting-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n"
        )
        wheel.writestr(
            "greeting-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("greeting-1.0.dist-info/RECORD", "")


@pytest.fixture
def only_here(tmp_path, monkeypatch):
    """pip finds what lies in a folder, and nothing else."""
    a_wheel(tmp_path)
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(tmp_path), "CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)


def a_runtime(name: str = "tools", files: dict[str, bytes] | None = None, **body) -> RuntimeSpec:
    return RuntimeSpec(name, "acme", body, files or {})


def test_a_base_image_with_packages(engine, runtime_image, only_here):
    spec = a_runtime(baseImage=BASE_TAG, packages={"python": ["greeting==1.0"]})
    log: list[str] = []
    built = build_runtime(engine, spec, log.append)
    assert built.is_new or find_image(engine, built.image)
    outcome = run_job(
        engine, a_job(a_document(a_script("import greeting; print(greeting.WORD)")), a_place(built.image))
    )
    assert outcome.output == "hello\n"
    again = build_runtime(engine, spec, log.append)
    assert (again.is_new, again.image_id) == (False, built.image_id)


def test_a_dockerfile_with_its_context_and_arguments(engine, runtime_image):
    files = {"runtimes/big/Dockerfile": DOCKERFILE, "runtimes/big/hello.txt": b"hello\n"}
    spec = a_runtime("big", files, dockerfile="runtimes/big/Dockerfile", buildArgs={"WHO": "world"})
    built = build_runtime(engine, spec, lambda line: None)
    outcome = run_job(
        engine, a_job(a_document(a_script("print(open('/hello.txt').read())")), a_place(built.image))
    )
    assert outcome.output.split() == ["hello", "world"]
    other = a_runtime("big", {**files, "runtimes/big/hello.txt": b"other\n"}, **spec.body)
    assert freshness(engine, spec, built.inputs) == "current"
    assert freshness(engine, other, built.inputs) == "outdated"


def test_a_rebuild_is_another_image_and_the_one_before_stays_for_who_is_deployed_with_it(
    engine, runtime_image
):
    mark = secrets.token_hex(8)  # an image of this test's own
    text = f"FROM caseway/base:bookworm\nLABEL mark={mark}\nRUN date +%s.%N > /when\n"
    spec = a_runtime("again", {"Dockerfile": text.encode()}, dockerfile="Dockerfile")
    first = build_runtime(engine, spec, lambda line: None)
    second = build_runtime(engine, spec, lambda line: None, is_fresh=True)
    assert (second.is_new, second.inputs) == (True, first.inputs)
    assert second.image_id != first.image_id
    when = a_document(a_shell("cat /when"))
    times = {run_job(engine, a_job(when, a_place(one.image_id))).output for one in (first, second)}
    assert len(times) == 2
    assert build_runtime(engine, spec, lambda line: None).image_id == second.image_id
    before = find_image(engine, first.image_id)
    assert before is not None
    (kept,) = before.tags
    assert kept in unused_images(engine, frozenset({second.image}))
    assert kept not in unused_images(engine, frozenset({second.image, first.image_id}))
    for name in (kept, second.image, f"{second.image}-base"):
        assert is_made_here(name)
        assert remove_image(engine, name)
    assert find_image(engine, first.image_id) is None


def test_the_default_runtime_holds_the_same_files_whenever_it_is_built(engine, runtime_image):
    list_files = (
        "cd / && find opt usr -xdev -type f 2>/dev/null | sort | "
        "xargs -d '\\n' sha256sum 2>/dev/null | sha256sum"
    )
    said = set()
    for number in (1, 2):
        tag = f"caseway/tests-{secrets.token_hex(4)}:{number}"
        # Another label first, so that no layer of the one before is taken.
        base = Recipe(
            layer.context({"Dockerfile": b"FROM caseway/base:bookworm\nLABEL n=" + tag[-10:].encode()}),
            f"{tag}-base",
        )
        build_image(engine, base, lambda line: None)
        add_runner(engine, f"{tag}-base", tag, {}, lambda line: None)
        said.add(run_job(engine, a_job(a_document(a_shell(list_files)), a_place(tag))).output)
        assert remove_image(engine, tag)
        assert remove_image(engine, f"{tag}-base")
    assert len(said) == 1


def test_a_build_that_fails_shows_the_last_lines_and_leaves_nothing(engine, runtime_image):
    mark = secrets.token_hex(8)  # the containers of later steps have the labels of the steps before
    text = f"FROM caseway/base:bookworm\nLABEL mark={mark}\nRUN echo nearly there && exit 7\n"
    files = {"Dockerfile": text.encode()}
    with pytest.raises(ContainerFailed) as refused:
        build_runtime(engine, a_runtime("bad", files, dockerfile="Dockerfile"), lambda line: None)
    assert refused.value.code == "build-failed"
    assert "nearly there" in refused.value.message
    assert engine.ours({"mark": mark}) == []


# As a project's runtime is compiled: lists that nobody has filled are there, and empty.
NO_PACKAGES = {"system": [], "python": []}


@pytest.mark.parametrize("part", ["image", "baseImage"])
def test_an_image_that_has_the_runner_is_taken_as_it_is(engine, runtime_image, part):
    spec = a_runtime(packages=NO_PACKAGES, **{part: runtime_image})
    built = build_runtime(engine, spec, lambda line: None)
    assert (built.image, built.is_new) == (runtime_image, False)
    assert freshness(engine, spec, built.inputs) == "current"


def test_an_image_of_somebody_s_own_is_never_ours_to_remove_whatever_it_stands_on(engine, runtime_image):
    name = f"tests-own-{secrets.token_hex(4)}:1"
    text = f"FROM {runtime_image}\nLABEL mark={name}\n".encode()  # it has all labels of the one below
    engine.client.images.build(
        fileobj=io.BytesIO(layer.context({"Dockerfile": text})), custom_context=True, tag=name, rm=True
    )
    try:
        built = build_runtime(engine, a_runtime(image=name, packages=NO_PACKAGES), lambda line: None)
        assert (built.image, is_made_here(built.image)) == (name, False)
        assert name not in unused_images(engine, frozenset())
    finally:
        engine.client.images.remove(name, force=True)


def test_an_image_without_python_is_refused(engine, runtime_image):
    files = {"Dockerfile": b"FROM caseway/base:bookworm\nRUN rm /usr/bin/python3*\n"}
    with pytest.raises(CasewayError) as refused:
        build_runtime(engine, a_runtime("none", files, dockerfile="Dockerfile"), lambda line: None)
    assert refused.value.code == "runtime-unfit"
    assert left(engine) == []


def test_packages_that_cannot_be_had_are_said(engine, runtime_image, only_here):
    with pytest.raises(CasewayError) as refused:
        build_runtime(
            engine, a_runtime(baseImage=BASE_TAG, packages={"python": ["nowhere==1"]}), lambda line: None
        )
    assert refused.value.code == "packages-failed"


def test_system_packages_need_a_package_manager(engine, runtime_image):
    with pytest.raises(ContainerFailed, match="none of apt-get"):
        build_runtime(engine, a_runtime(baseImage=BASE_TAG, packages={"system": ["curl"]}), lambda line: None)


def test_the_dockerfile_for_people_says_what_is_built():
    text = (Path(__file__).parents[2] / "runner" / "Dockerfile").read_text()
    assert "\n".join(layer.STEPS) in text


def test_a_layer_is_the_same_for_the_same_runner():
    files = layer.files_for(layer.python_named(""))
    assert layer.context(files) == layer.context(dict(reversed(files.items())))
    assert {"start.py", "lib/caseway_runner/engine.py"} <= set(files)

"""The images that the compose file names, made off the network: Caseway's, from its Dockerfile, and one with
this machine's PostgreSQL and Redis in the place of the published ones.

Import the fixtures `image` and `stores` where they are needed, with those of `docker_daemon`."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import sys
import tarfile
from importlib import metadata
from pathlib import Path

import pytest
from deploy_world import CLONE, DEPLOY
from packaging.requirements import Requirement

from caseway.containers.base import BASE_TAG
from caseway.containers.engine import Engine
from docker_daemon import cache_folder, locked

EXTRAS = ("server", "postgres", "queue")  # others would only take longer
# What the published image of PostgreSQL does when it starts: a database of that name, and then the server.
START = """#!/bin/sh
set -e
[ "$1" = postgres ] || exec "$@"
export PGDATA=/var/lib/postgresql/data
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --username "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" --no-locale --encoding UTF8 \\
    --no-sync --auth-local trust --auth-host scram-sha-256
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  pg_ctl --wait --timeout 300 --options '-c listen_addresses=' start
  createdb --username "$POSTGRES_USER" "$POSTGRES_DB"
  pg_ctl --wait --timeout 300 stop
fi
exec postgres -c 'listen_addresses=*'
"""
DOCKERFILE = """FROM {base}
USER 0:0
COPY stores /
RUN echo 'postgres:x:999:999::/var/lib/postgresql:/bin/sh' >>/etc/passwd
RUN chmod 0755 /usr/local/bin/start && \\
    mkdir -p /var/lib/postgresql/data /data && chown 999:999 /var/lib/postgresql/data /data
ENV PATH={tools}:/usr/local/bin:/usr/bin:/bin LD_LIBRARY_PATH=/opt/lib
ENTRYPOINT ["start"]
CMD ["postgres"]
"""
GLIBC = ("libc.so", "libm.so", "libdl.so", "libpthread.so", "librt.so", "libresolv.so", "ld-linux")


def needed(name: str, extras: tuple[str, ...] = ()) -> set[str]:
    """The distributions that one needs, itself left out."""
    found: set[str] = set()
    left = [(name, extras)]
    while left:
        distribution, wanted = left.pop()
        for text in metadata.requires(distribution) or ():
            one = Requirement(text)
            chosen = [{"extra": extra} for extra in wanted] or [{"extra": ""}]
            if one.marker is not None and not any(one.marker.evaluate(extra) for extra in chosen):
                continue
            if one.name not in found:
                found.add(one.name)
                left.append((one.name, tuple(one.extras)))
    return found


def app(folder: Path) -> dict[str, bytes]:
    """What pip would install, from what is installed here: the files of `app/`."""
    words = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(CLONE)]
    subprocess.run(words, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "caseway"
    words = [sys.executable, "-m", "zipfile", "-e", str(wheel), str(target)]
    subprocess.run(words, check=True)
    files = {
        path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()
    }
    for name in sorted(needed("caseway", EXTRAS)):
        for file in metadata.files(name) or ():
            place = Path(str(file.locate()))
            if ".." not in file.parts and file.suffix != ".pyc" and place.is_file():
                files[file.as_posix()] = place.read_bytes()
    return files


def packed(files: dict[str, bytes]) -> io.BytesIO:
    """A build context: the Dockerfile, and `app/`."""
    dockerfile = (DEPLOY / "Dockerfile").read_bytes()
    return archived({"Dockerfile": dockerfile, **{f"app/{name}": data for name, data in files.items()}})


def archived(files: dict[str, bytes]) -> io.BytesIO:
    """These files as a build context; programs may be run."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755 if data[:4] == b"\x7fELF" else 0o644
            archive.addfile(entry, io.BytesIO(data))
    packed.seek(0)
    return packed


@pytest.fixture(scope="session")
def image(engine: Engine, runtime_image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Caseway's image."""
    return made(engine, "deploy-test", packed(app(tmp_path_factory.mktemp("app"))), runtime_image)


@pytest.fixture(scope="session")
def stores(engine: Engine, runtime_image: str) -> str:
    """An image that is PostgreSQL by default, and runs `redis-server` when it is told to."""
    tools = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    wanted = [shutil.which(name) for name in ("redis-server", "redis-cli")]
    if not tools or None in wanted:
        pytest.skip("not installed: postgresql and redis-server")
    folder = tools[-1].parent
    version = folder.parent.name
    names = ("initdb", "postgres", "pg_ctl", "pg_isready", "createdb", "pg_dump", "pg_restore", "psql")
    programs = [*(folder / name for name in names), *(Path(str(name)) for name in wanted)]
    files = {str(path): path.read_bytes() for path in programs}
    files |= libraries([*programs, *folder.parent.glob("lib/*.so")])
    for root in (
        folder.parent / "lib",
        Path(f"/usr/share/postgresql/{version}"),
        Path("/usr/share/zoneinfo/Etc"),
    ):
        files |= {str(path): path.read_bytes() for path in root.rglob("*") if is_needed(path)}
    files |= {"/usr/local/bin/start": START.encode()}
    dockerfile = DOCKERFILE.format(base=BASE_TAG, tools=folder).encode()
    context = archived({"Dockerfile": dockerfile, **{f"stores{name}": data for name, data in files.items()}})
    return made(engine, "deploy-stores", context, runtime_image)  # the base is below the runtime


def is_needed(path: Path) -> bool:
    """Whether it is a file that a small database needs: nothing of it is compiled while it runs."""
    return path.is_file() and "bitcode" not in path.parts and "llvm" not in path.name


def libraries(programs: list[Path]) -> dict[str, bytes]:
    """The shared libraries of these programs but the C library's own, which every base has."""
    said = subprocess.run(
        ["ldd", *[str(path) for path in programs if "llvm" not in path.name]],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = {Path(path) for path in re.findall(r"=> (/\S+)", said)}
    return {f"/opt/lib/{path.name}": path.read_bytes() for path in found if not path.name.startswith(GLIBC)}


def made(engine: Engine, name: str, context: io.BytesIO, base: str) -> str:
    """The image of that context, built once for what it is made of now, by whichever process of the tests is
    first."""
    made_of = hashlib.sha256(base.encode() + context.getvalue()).hexdigest()[:12]
    tag = f"{name}:{made_of}"
    with locked(cache_folder() / "deploy"):
        known = {tag for one in engine.client.images.list(name) for tag in one.tags}
        if tag not in known:
            built(engine, context, tag, base)
        for old in known - {tag}:
            engine.client.images.remove(old, force=True)
    return tag


def built(engine: Engine, context: io.BytesIO, tag: str, base: str) -> None:
    """Build it as its Dockerfile says."""
    told = engine.client.api.build(
        fileobj=context,
        custom_context=True,
        tag=tag,
        buildargs={"BASE": base},
        network_mode="none",
        rm=True,
        forcerm=True,
        decode=True,
    )
    lines = "".join(str(event.get("stream") or event.get("error") or "") for event in told)
    assert "Successfully tagged" in lines, lines[-3000:]

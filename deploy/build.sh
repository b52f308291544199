#!/bin/sh
# Builds Caseway's image: deploy/build.sh BASE [TAG]
#
# BASE is an image with Python 3.11 or newer, such as python:3.12-slim@sha256:...; TAG is caseway:latest unless
# you say otherwise. What Caseway needs is installed beside this script by pip, from requirements.lock, each file
# checked against its hash. PACKAGES names packages of the base's distribution (default: git); EXTRA are options
# for pip, MACHINE the kind of processor (default: this one's).
set -eu

base=${1:?usage: deploy/build.sh BASE [TAG]}
tag=${2:-caseway:latest}
deploy=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
machine=${MACHINE:-$(uname -m)}
ask() {
  docker run --rm --network none --entrypoint python3 "$base" -c "$1"
}
version=$(ask 'import sys; print("%d.%d" % sys.version_info[:2])')
facts=$(ask 'import json, os, platform, sys; print(json.dumps({
  "implementation_name": sys.implementation.name, "os_name": os.name, "platform_machine": platform.machine(),
  "platform_python_implementation": platform.python_implementation(), "platform_system": platform.system(),
  "python_full_version": platform.python_version(), "python_version": "%d.%d" % sys.version_info[:2],
  "sys_platform": sys.platform}))')

rm -rf "$deploy/app"
# shellcheck disable=SC2086 # EXTRA is several words
install() {
  python3 -m pip install --quiet --no-compile --target "$deploy/app" --python-version "$version" \
    --platform "manylinux2014_$machine" --platform "manylinux_2_28_$machine" ${EXTRA:-} "$@"
}
wanted=$(mktemp)
trap 'rm -f "$wanted"' EXIT
echo "$facts" | python3 "$deploy/lock_for.py" "$deploy/../requirements.lock" >"$wanted"
install --only-binary=:all: --require-hashes --no-deps --requirement "$wanted"
install --no-deps "$deploy/.."
rm -rf "$deploy/app/bin"
docker build --file "$deploy/Dockerfile" --build-arg "BASE=$base" --build-arg "PACKAGES=${PACKAGES-git}" \
  --tag "$tag" "$deploy"

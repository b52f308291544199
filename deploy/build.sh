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
version=$(docker run --rm --network none --entrypoint python3 "$base" \
  -c 'import sys; print("%d.%d" % sys.version_info[:2])')

rm -rf "$deploy/app"
# shellcheck disable=SC2086 # EXTRA is several words
install() {
  python3 -m pip install --quiet --no-compile --target "$deploy/app" --python-version "$version" \
    --platform "manylinux2014_$machine" --platform "manylinux_2_28_$machine" ${EXTRA:-} "$@"
}
install --only-binary=:all: --require-hashes --requirement "$deploy/../requirements.lock"
install --no-deps "$deploy/.."
rm -rf "$deploy/app/bin"
docker build --file "$deploy/Dockerfile" --build-arg "BASE=$base" --build-arg "PACKAGES=${PACKAGES-git}" \
  --tag "$tag" "$deploy"
